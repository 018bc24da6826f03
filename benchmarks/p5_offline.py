"""P5: from close-write to offline: `goodhoster run` beside clamonacc and clamd, on files alike, in the same run.

Each guards a tree of its own; known files go to one and the other in turn. Ours knows them by SHA-1 in an own list,
theirs by MD5 in a hand-written .hdb and by nothing else: no freshclam. Both move what they know away (theirs by --move,
without OnAccessPrevention). Offline is when lstat(2) no longer finds the name: nothing else touches a file. Needs root
and Debian's clamav-daemon. Goal: p50 15 ms, p99 150 ms when idle; p99 1 s at 100 uploads a second; 5× sooner.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.verdicts import Category

IDLE_FILES, IDLE_PAUSE = sizes(10, 100)[-1], 0.02
RATE, SECONDS, KNOWN_EVERY = 100, sizes(1, 10)[-1], 10
KNOWN = 1 + RUNS * (IDLE_FILES + RATE * SECONDS // KNOWN_EVERY)
GIVE_UP = 30.0  # seconds
PROGRAMS = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
MADE_UP = b"\xff\xd8\xff\xe0" + os.urandom(200_000)  # begins as a JPEG does


def content(number: int) -> bytes:
    """The first KNOWN are in both lists."""
    return MADE_UP + number.to_bytes(8)


@dataclass
class Guard:
    """A tree and what guards it."""

    name: str
    tree: Path
    waits: list[float] = field(default_factory=list)
    """Seconds that known files stayed, in this run."""
    lost: int = 0
    """Known files that were still there when we gave up."""

    def put(self, number: int) -> tuple[Path, float]:
        """An upload, and the time when it was closed."""
        path = self.tree / "alice" / f"{number}.jpg"
        path.write_bytes(content(number))
        return path, time.perf_counter()

    def is_gone(self, path: Path, since: float) -> bool:
        """Note how long it stayed, or that we gave up on it."""
        stayed = time.perf_counter() - since
        if not os.path.lexists(path):
            self.waits.append(stayed)
        elif stayed > GIVE_UP:
            self.lost += 1
        else:
            return False
        return True


def main() -> None:
    if not shutil.which("clamonacc", path=PROGRAMS) or os.geteuid() != 0:
        sys.exit("p5_offline needs root, and: apt-get install clamav-daemon")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        guards = [stack.enter_context(_goodhoster(folder)), stack.enter_context(_clamonacc(folder))]
        # What is offline is immutable; the folder could not be taken away.
        stack.callback(subprocess.run, ["chattr", "-R", "-f", "-i", folder], check=False)
        numbers = iter(range(KNOWN))
        _warm_up(guards, next(numbers))
        print(f"P5: from close-write to offline, ms; files of {len(MADE_UP) / 1000:.0f} kB; median of {RUNS} runs")
        print(f"{'':<34} {'':<12} {'p50':>8} {'p99':>8}   {'p99, lowest–highest':<22} lost")
        _compare("idle, one known file at a time", guards, _idle, numbers)
        _compare(f"{RATE} uploads/s, every {KNOWN_EVERY}th known", guards, _busy, numbers)


def _warm_up(guards: Sequence[Guard], number: int) -> None:
    for guard in guards:
        _wait(guard, *guard.put(number))
        if guard.lost:
            sys.exit(f"{guard.name} took nothing offline in {GIVE_UP:.0f} s: is fanotify(7) permitted here?")


def _wait(guard: Guard, path: Path, since: float) -> None:
    while not guard.is_gone(path, since):
        time.sleep(0.0005)


def _idle(guard: Guard, known: Sequence[int]) -> None:
    for number in known[:IDLE_FILES]:
        _wait(guard, *guard.put(number))
        time.sleep(IDLE_PAUSE)


def _busy(guard: Guard, known: Sequence[int]) -> None:
    uploaded: list[tuple[Path, float]] = []
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(guard, uploaded, ended))
    watching.start()
    begun = time.perf_counter()
    for count in range(RATE * SECONDS):
        time.sleep(max(0.0, begun + count / RATE - time.perf_counter()))
        if count % KNOWN_EVERY:
            guard.put(KNOWN + count)  # clear: written over in the next run
        else:
            uploaded.append(guard.put(known[count // KNOWN_EVERY]))
    ended.set()
    watching.join()


def _watch(guard: Guard, uploaded: list[tuple[Path, float]], ended: threading.Event) -> None:
    while uploaded or not ended.is_set():
        for one in list(uploaded):
            if guard.is_gone(*one):
                uploaded.remove(one)
        time.sleep(0.001)


def _compare(
    load: str, guards: Sequence[Guard], work: Callable[[Guard, Sequence[int]], None], numbers: Iterator[int]
) -> None:
    figures: dict[str, list[tuple[float, float]]] = {guard.name: [] for guard in guards}
    for _ in range(RUNS):
        known = [next(numbers) for _ in range(max(IDLE_FILES, RATE * SECONDS // KNOWN_EVERY))]
        for guard in guards:
            guard.waits.clear()
            work(guard, known)
            figures[guard.name].append(_percentiles(guard.waits))
    middles = [_print_row(load, guard, figures[guard.name]) for guard in guards]
    print(f"{'':<34} {'sooner by':<12} {middles[1][0] / middles[0][0]:>7.1f}× {middles[1][1] / middles[0][1]:>7.1f}×")


def _percentiles(waits: Sequence[float]) -> tuple[float, float]:
    """p50 and p99, ms."""
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def _print_row(load: str, guard: Guard, runs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    p50s, p99s = zip(*runs, strict=True)
    p50, p99 = statistics.median(p50s), statistics.median(p99s)
    spread = f"{min(p99s):,.1f}–{max(p99s):,.1f}"
    print(f"{load:<34} {guard.name:<12} {p50:>8,.1f} {p99:>8,.1f}   {spread:<22} {guard.lost}", flush=True)
    return p50, p99


@contextmanager
def _goodhoster(folder: Path) -> Iterator[Guard]:
    tree, state = folder / "ours", folder / "state"
    (tree / "alice").mkdir(parents=True)
    state.mkdir(mode=0o700)
    digests = (hashlib.sha1(content(number), usedforsecurity=False).digest() for number in range(KNOWN))
    import_entries(state / "hashlists", "made-up", ((digest, Category.ILLEGAL) for digest in digests))
    configuration = folder / "goodhoster.toml"
    configuration.write_text(
        f"""
        [agent]
        state_dir = "{state}"
        [[watch]]
        path = "{tree}"
        [[hash_source]]
        kind = "list"
        [policy]
        mode = "enforce"
        storm_customers = 1000000
        measures_per_hour = 1000000
        """
    )
    program = Path(sys.executable).with_name("goodhoster")
    with _running([program, "run", "--config", configuration], folder / "goodhoster.log", "ready"):
        yield Guard("goodhoster", tree)


@contextmanager
def _clamonacc(folder: Path) -> Iterator[Guard]:
    home = folder / "clamav"
    tree, away, lists = folder / "theirs", home / "away", home / "lists"
    for directory in (tree / "alice", away, lists):
        directory.mkdir(parents=True)
    digests = (hashlib.md5(content(number), usedforsecurity=False).hexdigest() for number in range(KNOWN))
    lines = (f"{digest}:{len(content(0))}:Made.Up-{number}\n" for number, digest in enumerate(digests))
    (lists / "made-up.hdb").write_text("".join(lines))
    shutil.chown(home, "clamav")
    configuration = home / "clamd.conf"
    configuration.write_text(
        f"""Foreground yes
User clamav
LocalSocket {home}/clamd.sock
DatabaseDirectory {lists}
OnAccessIncludePath {tree}
OnAccessExcludeUname clamav
OnAccessExtraScanning yes
"""
    )
    theirs = [shutil.which(program, path=PROGRAMS) for program in ("clamd", "clamonacc")]
    onacc = [theirs[1], "--foreground", f"--config-file={configuration}", "--fdpass", f"--move={away}"]
    with (
        _running([theirs[0], f"--config-file={configuration}"], folder / "clamd.log", "Self checking"),
        _running(onacc, folder / "clamonacc.log", "extra scanning on inotify events enabled"),
    ):
        yield Guard("clamonacc", tree)


@contextmanager
def _running(command: Sequence[object], log: Path, ready: str) -> Iterator[None]:
    """A process that has said that it is ready."""
    with log.open("w") as out, subprocess.Popen(list(map(str, command)), stdout=out, stderr=out) as process:
        try:
            end = time.monotonic() + 60
            while ready not in log.read_text():
                if process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"{command[0]} did not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
