"""Work that is killed at each of its durable steps: the calls that make something last, counted below the code.

What a process did between two such calls is gone with it: to kill it before each of them is to kill it anywhere.
"""

import builtins
import io
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from goodhoster.linux import kernel

_KILLED, _FAILED = 9, 1
_DURABLE = (
    *((os, name) for name in ("fsync", "fdatasync", "rename", "replace", "link", "symlink", "unlink", "rmdir")),
    *((os, name) for name in ("mkdir", "truncate", "ftruncate", "write", "pwrite", "writev")),
    (kernel, "rename_noreplace"),
    (kernel, "set_inode_flags"),
)
_NEVER = 1_000_000


def killed_at_steps(begin: Callable[[], object], work: Callable[[], object], few: int = _NEVER) -> Iterator[int]:
    """Yield the number of each durable step of the work after it was killed before that one.

    The work has a process of its own. `begin` makes the world before each; no database may be open then, as a child
    must not use its parent's. `few`: so many of the steps, spread evenly. At last the work was done without a kill, and
    the number of its steps comes again.
    """
    begin()
    steps = _run(work, _NEVER)
    for step in sorted({number * (steps - 1) // (few - 1) for number in range(few)} if few < steps else range(steps)):
        begin()
        assert _run(work, step) == step, f"of {steps} steps"
        yield step
    begin()
    assert _run(work, _NEVER) == steps
    yield steps


def _run(work: Callable[[], object], killed_before: int) -> int:
    """Do the work in a child that is killed before that step; the number of steps that it made."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _work(work, killed_before, write)
    os.close(write)
    with os.fdopen(read, "rb") as steps:
        made = len(steps.read())
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, _KILLED}, f"it failed after {made} steps: its traceback is in stderr"
    return made


def _work(work: Callable[[], object], killed_before: int, told: int) -> None:
    steps, write = count(), os.write

    def step() -> None:
        if next(steps) == killed_before:
            os._exit(_KILLED)
        write(told, b".")

    for module, name in _DURABLE:
        setattr(module, name, _counted(getattr(module, name), step))
    os.open = _counted(os.open, step, lambda _path, flags, *_, **__: bool(flags & os.O_CREAT))
    io.open = builtins.open = _counted(io.open, step, lambda _file, mode="r", *_, **__: not set(mode) <= set("rbt"))
    sqlite3.connect = _connecting(sqlite3.connect, step)
    try:
        work()
    except BaseException:  # noqa: BLE001 - told, and the parent asserts
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        os._exit(_FAILED)
    os._exit(0)  # what was inherited is the parent's to close


def _counted(
    real: Callable[..., Any], step: Callable[[], None], counts: Callable[..., bool] = lambda *_, **__: True
) -> Callable[..., Any]:
    def call(*given: object, **named: object) -> object:
        if counts(*given, **named):
            step()
        return real(*given, **named)

    return call


def _connecting(real: Callable[..., Any], step: Callable[[], None]) -> Callable[..., Any]:
    """Connections of which each commit is a step."""

    class Counted(sqlite3.Connection):
        def commit(self) -> None:
            if self.in_transaction:
                step()
            super().commit()

        def __exit__(self, *raised: Any) -> Any:  # noqa: ANN401, PYI036 - as it is declared
            if self.in_transaction:
                step()
            return super().__exit__(*raised)

    def connect(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is declared
        return real(*given, **{"factory": Counted, **named})

    return connect
