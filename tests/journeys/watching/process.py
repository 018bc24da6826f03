"""A world in a process of its own, seen from outside."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import states_of_threads
from tests.waiting import wait_until

_WORLD = Path(__file__).with_name("world.py")


class WorldProcess:
    """Started with `start`, as often as it was killed."""

    def __init__(self, folder: Path, events: str, wrapper: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> None:
        self._command = [*wrapper, sys.executable, str(_WORLD), str(folder), events, *more]
        self.asked: set[bytes] = set()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Returns when it watches."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()
        line = self._lines.get(timeout=120)
        assert line == "ready", line

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It does nothing, and reads nothing, while the block lasts."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: self._process and set(states_of_threads(self._process.pid)) == {"T"})
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def problems(self) -> str:
        """How many gaps there were, what is not watched, what the last gap was, and whether all was compared once."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._lines.get(timeout=120)

    def kill(self) -> None:
        """With SIGKILL; what it had said is known afterwards."""
        if self._process and self._reader:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            self._process = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "asked":
                self.asked.add(bytes.fromhex(rest))
            else:
                self._lines.put(line.strip())
