"""watching: start-up, memory, and files never told of, beside watchdog alone, watchfiles and inotifywait.

Every file is counted on the disk. `fanotify`, `watchdog` and `scan` are ours as the daemon runs them: events, and the
comparison with the index that makes good what they lose. With `hints` it is their events alone. All take turns; nothing
is waited for longer than PATIENCE. inotifywait is Debian's inotify-tools; left out where it is missing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import RUNS, sizes

FILES = sizes(400, int(os.environ.get("GOODHOSTER_BENCH_FILES", "20000")))[-1]
FRESH, BESIDE, DIRECTORIES = FILES // 5, 1_000, FILES * 5
WRITERS = 4
ROUNDS = sizes(1, 3)[-1]
"""Of losses, the most of which is shown: all files of all rounds are counted, so more only take longer."""
SETTLED, PATIENCE = 1.5, 15.0
"""Seconds without news, and seconds in any case, after which what was told is counted."""
PEER = "watchdog alone"
WATCHERS = ("fanotify", "watchdog", "scan", PEER, "watchfiles", "inotifywait")

BURST = 'for writer in 1 2 3 4; do (cd "$0/$writer" && seq "$1" | xargs touch) & done; wait'


@dataclass
class Watching:
    """A watcher at work."""

    process: subprocess.Popen[bytes]
    index: Path
    printed: set[bytes] = field(default_factory=set)

    @property
    def compares(self) -> bool:
        """Does it find later, too, what its events lost?"""
        return self.index.exists()

    def told(self) -> set[bytes]:
        """Paths, as they stand in the index or as they were printed."""
        if not self.compares:
            return set(self.printed)
        with closing(sqlite3.connect(self.index)) as db:
            rows = db.execute("SELECT tree, path, name FROM uploads JOIN directories ON id = directory").fetchall()
        return {os.path.join(*row) for row in rows}

    def wait_until_ready(self) -> None:
        """Until it says so."""
        assert self.process.stdout
        while b"ready" not in (line := self.process.stdout.readline()) and b"established" not in line:
            assert line, "the watcher ended"

    def read(self) -> None:
        """Until it ends, in a thread of its own."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed.add(line.rstrip(b"\n"))

    def memory(self) -> float:
        """MiB of the process; in the kernel an inotify watch costs another KiB, and a fanotify mark next to nothing."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    watchers = [watcher for watcher in WATCHERS if watcher != "inotifywait" or shutil.which(watcher)]
    print(f"watching: medians of {RUNS} starts; × is beside {PEER}")
    show_starts(watchers)
    show_losses(watchers)


def show_starts(watchers: Sequence[str]) -> None:
    starts: dict[str, list[tuple[float, float]]] = {watcher: [] for watcher in watchers}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(DIRECTORIES):
            Path(folder, f"{number // 1000}", f"{number}").mkdir(parents=True)
        for watcher in list(watchers) * RUNS:
            starts[watcher].append(start(watcher, Path(folder)))
    show_row("", ["start-up, s", "memory, MiB", f"at {DIRECTORIES:,} directories"])
    peer = medians(starts[PEER])
    for watcher, measured in starts.items():
        pairs = zip(medians(measured), peer, strict=True)
        show_row(watcher, [f"{own:,.2f} ({own / its:.2f}×)" for own, its in pairs])


def start(watcher: str, tree: Path) -> tuple[float, float]:
    """Seconds until it watches, the start of its process included; and its MiB then."""
    begun = time.perf_counter()
    with watching(watcher, tree) as at_work:
        return time.perf_counter() - begun, at_work.memory()


def show_losses(watchers: Sequence[str]) -> None:
    makers = (burst, fresh_directories, odd_name)
    lost: dict[str, list[tuple[float, ...]]] = {watcher: [] for watcher in watchers}
    for watcher in list(watchers) * ROUNDS:
        lost[watcher].append(tuple(figure for make in makers for figure in losses(watcher, make)))
    show_row(
        f"most of {ROUNDS} runs",
        [f"lost of {FILES:,} in a burst", f"of {FRESH:,} in fresh directories", f"of {BESIDE + 1:,}, one name odd"],
    )
    for watcher, measured in lost.items():
        figures = [max(column) for column in zip(*measured, strict=True)]
        show_row(watcher, [f"{figures[n]:,.0f} ({figures[n + 1]:.1f} s)" for n in range(0, len(figures), 2)])
    print("(in brackets: seconds from the last file's closing until the last that was told of had been)")


def losses(watcher: str, make: Callable[[Path], None]) -> tuple[int, float]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for number in range(WRITERS + 1):
            (tree / str(number)).mkdir()
        with watching(watcher, tree) as at_work:
            make(tree)
            return count(at_work, {os.path.join(d, name) for d, _, names in os.walk(bytes(tree)) for name in names})


def count(at_work: Watching, files: set[bytes]) -> tuple[int, float]:
    """How many were not told of, and after how many seconds the last that was had been."""
    begun = last = time.monotonic()
    missing = files - at_work.told()
    while missing and time.monotonic() - begun < PATIENCE:
        time.sleep(0.05)
        before, missing = missing, files - at_work.told()
        if missing != before:
            last = time.monotonic()
        elif not at_work.compares and time.monotonic() - last > SETTLED:
            break
    return len(missing), last - begun


def burst(tree: Path) -> None:
    """Of several writers at once, into directories that are there."""
    subprocess.run(["/bin/sh", "-c", BURST, tree, str(FILES // WRITERS)], check=True)


def fresh_directories(tree: Path) -> None:
    """Each file comes in a new directory three levels deep."""
    for number in range(FRESH):
        directory = tree / f"fresh{number}" / "a" / "b"
        directory.mkdir(parents=True)
        (directory / "f.jpg").write_bytes(b"x")


def odd_name(tree: Path) -> None:
    """One that is no UTF-8, and then ordinary ones."""
    (tree / "0" / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(b"x")
    time.sleep(0.2)
    for number in range(BESIDE):
        (tree / "1" / f"{number}.jpg").write_bytes(b"x")


@contextmanager
def watching(watcher: str, tree: Path) -> Iterator[Watching]:
    """From the moment when it says that it watches; killed at the end."""
    with tempfile.TemporaryDirectory() as state:
        command = command_of(watcher, str(tree), state)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            at_work = Watching(process, Path(state, "index.sqlite"))
            reader = threading.Thread(target=at_work.read)
            try:
                at_work.wait_until_ready()
                reader.start()
                yield at_work
            finally:
                process.kill()
                if reader.ident:
                    reader.join()


def command_of(watcher: str, tree: str, state: str) -> Sequence[str]:
    if watcher == "inotifywait":
        return ["inotifywait", "-m", "-r", "-e", "close_write,moved_to,create", "--format", "%w%f", tree]
    return [sys.executable, "-m", "benchmarks.watchers", watcher, tree, state]


def medians(rows: Sequence[tuple[float, ...]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def show_row(first: str, cells: Sequence[str]) -> None:
    print(f"{first:<16}" + "".join(f"{cell:>30}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
