"""Lock that allows one daemon per state directory.

The lock ends with its process: nothing is left behind by a kill.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goodhoster.errors import BusyError, ConfigurationError

_NAME = "daemon.lock"


@contextmanager
def only_daemon(state_dir: Path) -> Iterator[None]:
    """Hold the lock of this state directory.

    BusyError when another process holds it, ConfigurationError when it cannot be written.
    """
    fd = _open(state_dir)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another goodhoster (process {_holder(fd)}) is using {state_dir} already"
            raise BusyError(
                message, hint="stop that one first, or give this one an agent.state_dir of its own"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(fd)


def running_daemon(state_dir: Path) -> int | None:
    """Process id of the daemon working on this state directory now, or None."""
    try:
        fd = os.open(state_dir / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(fd)
    finally:
        os.close(fd)
    return None


def _open(state_dir: Path) -> int:
    try:
        return os.open(state_dir / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = f"the state directory {state_dir} cannot be written: {error.strerror}"
        raise ConfigurationError(message, hint="see agent.state_dir, the mount it lies on and its owner") from error


def _holder(fd: int) -> int:
    """Process id of the holder; 0 where it is not written yet."""
    return int(os.pread(fd, 20, 0) or 0)
