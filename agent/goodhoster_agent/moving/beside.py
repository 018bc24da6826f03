"""How the daemon comes to a mover: the one that listens already (systemd's), or one that it starts beside itself."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goodhoster.assembly.mover import mover_of
from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.kernel import reachable
from goodhoster.settings import Settings

_log = logging.getLogger(__name__)
_PATIENCE = 15.0
"""Seconds for a mover to answer the first time."""
_WAITING = 64
"""Orders that may queue at the socket."""


@contextmanager
def mover_beside(settings: Settings) -> Iterator[None]:
    """A mover for as long as the block runs, even when it dies: `keeper` starts it again. To be entered in the main
    thread, while this process has all its privileges still. One that does not answer is told of, and measures wait.
    """
    if mover_of(settings).listens():
        yield
        return
    with _listening(settings.mover_socket) as listener:
        process = _start(settings.file, listener)
    try:
        _wait_for(mover_of(settings).greet)
        yield
    finally:
        process.kill()  # at rest, or as safe as any crash
        process.wait()
        with suppress(FileNotFoundError):
            os.unlink(settings.mover_socket)


def _start(config: Path, listener: socket.socket) -> subprocess.Popen[bytes]:
    """Isolated (-I): nothing is imported from where the daemon happens to be, or from what its user's PYTHON* say."""
    command = [sys.executable, "-I", "-m", "goodhoster_agent.moving", "--config", str(config)]
    return subprocess.Popen(
        [*command, "--parent", str(os.getpid())],
        stdin=listener.fileno(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt from the terminal is for the daemon, which ends us
    )


@contextmanager
def _listening(address: Path) -> Iterator[socket.socket]:
    """A socket that only this user reaches. What an earlier mover left is replaced: nobody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as listener:
        try:
            with suppress(FileNotFoundError):
                os.unlink(address)
            with reachable(address) as short:
                listener.bind(short)
            address.chmod(0o600)
            listener.listen(_WAITING)
        except OSError as error:
            raise ConfigurationError(
                f"no socket can be made at {address}: {error}", hint="see [mover] socket"
            ) from error
        yield listener


def _wait_for(greet: Callable[[], None]) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return greet()
        except PassingError as error:
            if time.monotonic() > until:
                _log.critical("there is no mover, so measures wait: %s", error)
                return None
            time.sleep(0.05)
