"""Programs that the configuration names, without a shell, within limits of time and output."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

SECONDS = 60.0
"""Seconds for a program to end; then it is killed, with what it started."""
LARGEST = 64 << 20
"""Bytes that a program may print; then it is killed, with what it started."""
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit status and output of a program."""

    code: int
    """Negative: the signal that ended it."""
    out: bytes
    err: bytes


Run = Callable[[Sequence[str], bytes], Ended]
"""Runs a program with that on its standard input. OSError when it cannot be run or prints without end, TimeoutError
when it took too long and was killed. The daemon may not run these itself: it has another process do it.
"""


def run_here(argv: Sequence[str], given: bytes = b"") -> Ended:
    """A `Run`: as a child of this very process, with its rights."""
    until = time.monotonic() + SECONDS
    pipe = subprocess.PIPE
    # A session of its own: when it is killed, what it started is killed too and does not hold the pipes open.
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        try:
            out, err = _exchange_data(process, given, until)
            code = process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"it took longer than {SECONDS:g} s") from error
        finally:
            if process.poll() is None:
                _kill_session(process.pid)
    return Ended(code, out, err)


def _kill_session(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _exchange_data(process: subprocess.Popen[bytes], given: bytes, until: float) -> tuple[bytes, bytes]:
    """Everything the program prints. TimeoutError and OSError as `Run` has them."""
    into, out, err = process.stdin, process.stdout, process.stderr
    if into is None or out is None or err is None:
        raise ValueError("a pipe is missing")
    os.set_blocking(into.fileno(), False)
    printed = {out.fileno(): bytearray(), err.fileno(): bytearray()}
    left = memoryview(given)
    with selectors.DefaultSelector() as waiting:
        waiting.register(into, selectors.EVENT_WRITE)
        waiting.register(out.fileno(), selectors.EVENT_READ)
        waiting.register(err.fileno(), selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, until - time.monotonic()))
            if not ready or time.monotonic() > until:
                raise TimeoutError(f"it took longer than {SECONDS:g} s")
            for key, _ in ready:
                if key.fileobj is into:
                    left = _write_rest(into, left)
                    is_over = not left
                else:
                    is_over = not _read_piece(key.fd, printed)
                if is_over:
                    _end_pipe(waiting, key, into)
    return bytes(printed[out.fileno()]), bytes(printed[err.fileno()])


def _read_piece(fd: int, printed: dict[int, bytearray]) -> bool:
    """Read what the program printed; False at its end."""
    piece = os.read(fd, _READ_BYTES)
    printed[fd] += piece
    _expect_an_end(printed)
    return bool(piece)


def _end_pipe(waiting: selectors.BaseSelector, key: selectors.SelectorKey, into: IO[bytes]) -> None:
    """Wait no longer for a pipe; the one to the program is closed, so that it reads an end."""
    waiting.unregister(key.fileobj)
    if key.fileobj is into:
        into.close()


def _write_rest(stream: IO[bytes], left: memoryview) -> memoryview:
    """What is left after a piece; nothing where the program does not listen any more."""
    try:
        return left[os.write(stream.fileno(), left[:_READ_BYTES]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


def _expect_an_end(printed: Mapping[int, bytearray]) -> None:
    if sum(map(len, printed.values())) > LARGEST:
        raise OSError(errno.EFBIG, f"it printed more than {LARGEST >> 20} MiB")
