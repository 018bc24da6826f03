"""Starting the supervisor beside a daemon, and with it the starter and the mover.

Where a mover listens already (systemd's), that one is used.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from goodhoster.assembly.mover import mover_of
from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.linux.kernel import reachable
from goodhoster.settings import Settings
from goodhoster_agent.privileged.mover.server import CREDENTIALS
from goodhoster_agent.privileged.starter.client import StarterClient
from goodhoster_agent.privileged.starter.commands import Command

_log = logging.getLogger(__name__)
_MOVER_TIMEOUT_SECONDS = 15.0
"""Seconds for a mover to answer the first time."""
_ORDERS_WAITING = 64
"""Orders that may queue at the mover's socket."""


class Supervisor:
    """The process that has a starter, and a mover where none listened, for as long as it lives."""

    def __init__(self, process: subprocess.Popen[bytes], starter: StarterClient) -> None:
        self._process = process
        self.starter = starter
        """Reached by this process alone."""

    def expect_alive(self) -> None:
        """Raise PassingError once the supervisor has ended.

        What it keeps ended with it, and no process is left that may start that again.
        """
        if self._process.poll() is not None:
            message = "the process that starts hashers and keeps the mover has ended, so this one ends too"
            raise PassingError(
                message, hint="start it again: it then has all its privileges; systemd does so by itself"
            )


@contextmanager
def running_supervisor(settings: Settings, commands: frozenset[Command]) -> Iterator[Supervisor]:
    """A supervisor for as long as the block runs.

    To be entered in the main thread, while this process has all its privileges still. A mover that does not answer
    is reported, and measures wait.
    """
    with ExitStack() as ending:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ending.enter_context(ours)
        with theirs, _listener(settings, ending) as listener:
            process = _start(settings.file, theirs, listener)
        ending.callback(_end, process)
        ours.send(json.dumps(sorted(commands)).encode())
        _wait_for(mover_of(settings).ping)
        yield Supervisor(process, StarterClient(ours))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the supervisor and what it runs: cleanly, else as safely as a crash would."""
    process.kill()
    process.wait()


def _start(config: Path, daemon: socket.socket, listener: socket.socket | None) -> subprocess.Popen[bytes]:
    """Start the supervisor, isolated (-I).

    Nothing is imported from where the daemon happens to be, or from what its user's PYTHON* say.
    """
    mover = ["--mover", str(listener.fileno())] if listener else []
    command = [sys.executable, "-I", "-m", "goodhoster_agent.privileged.starter", "--config", str(config.absolute())]
    return subprocess.Popen(
        [*command, "--parent", str(os.getpid()), *mover],
        stdin=daemon.fileno(),
        stdout=subprocess.DEVNULL,
        pass_fds=[listener.fileno()] if listener else [],
        start_new_session=True,  # an interrupt from the terminal is for the daemon, which ends us
    )


@contextmanager
def _listener(settings: Settings, ending: ExitStack) -> Iterator[socket.socket | None]:
    """The socket of a mover of our own; None where another listens.

    Its name is removed when all has ended.
    """
    if mover_of(settings).listens() and not _is_left_over(settings.mover_socket):
        yield None
        return
    with _listening(settings.mover_socket) as listener:
        ending.callback(_forget, settings.mover_socket)
        yield listener


def _is_left_over(address: Path) -> bool:
    """Whether the process that began to listen there is dead, such as a daemon that was killed.

    Its mover is about to end too.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as peer, suppress(OSError):
        with reachable(address) as short:
            peer.connect(short)
        owner, _, _ = CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return not Path(f"/proc/{owner}").exists()
    return True


def _forget(address: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(address)


@contextmanager
def _listening(address: Path) -> Iterator[socket.socket]:
    """A socket that only this user reaches.

    What an earlier mover left is replaced: no process listens there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as listener:
        try:
            _forget(address)
            with reachable(address) as short:
                listener.bind(short)
            address.chmod(0o600)
            listener.listen(_ORDERS_WAITING)
        except OSError as error:
            raise ConfigurationError(
                f"no socket can be made at {address}: {error}", hint="see [mover] socket"
            ) from error
        yield listener


def _wait_for(ping: Callable[[], None]) -> None:
    until = time.monotonic() + _MOVER_TIMEOUT_SECONDS
    while True:
        try:
            return ping()
        except PassingError as error:
            if time.monotonic() > until:
                _log.critical("there is no mover, so measures wait: %s", error)
                return None
            time.sleep(0.05)
