"""P8: the audit log. Durable entries a second beside a bare write + fdatasync of the same bytes, and verification.

The peer runs in the same folder and run, in turn with ours: disks are moody. Goal: one caller within 1.2× of the bare
loop; 64 callers, threads and processes, at least as many entries a second as it; 1 million entries verified in 10 s.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from benchmarks.measuring import RUNS, sizes
from goodhoster.audit.log import FileAuditLog
from goodhoster.model.audit import AuditEvent

ENTRIES = sizes(24, 320)[-1]  # a multiple of the processes
CALLERS = ((1, 1), (1, 4), (1, 16), (1, 64), (8, 8))
"""Processes, and threads in each."""
SIZES = sizes(1_000, 10_000, 100_000, 1_000_000)
EVENT = AuditEvent(
    "measure.intended",
    {
        "case": "20260102-abcdefg",
        "customer": "made-up",
        "matches": "hashcheckservice/sha1/unspecified",
        "measure": "quarantine",
        "path": "/srv/customers/made-up/www/wp-content/uploads/2026/01/picture.jpg",
        "reason": "known",
        "sha256": "5" * 64,
    },
)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("GOODHOSTER_BENCH_DIR")) as folder:
        _appending(Path(folder))
        _verifying(Path(folder) / "long.log")


def _appending(folder: Path) -> None:
    print(f"P8: durable entries a second, {ENTRIES} a run, median of {RUNS} (lowest–highest), {folder}")
    print(f"{'callers':>13}   {'goodhoster':<24} {'bare fdatasync, 1 caller':<26} ratio")
    for processes, threads in CALLERS:
        file = folder / f"{processes}-{threads}.log"
        with Callers(file, processes, threads) as callers:
            rounds = [(_rate(callers.append), _rate(_bare, folder / "bare")) for _ in range(RUNS)]
        ours, bare = ([each[i] for each in rounds] for i in (0, 1))
        ratio = statistics.median(mine / peer for mine, peer in rounds)
        name = f"{processes} × {threads}" if processes > 1 else str(threads)
        print(f"{name:>13}   {_spread(ours):<24} {_spread(bare):<26} {ratio:.2f}×", flush=True)
        assert FileAuditLog(file).verify().entries == RUNS * ENTRIES


class Callers:
    """Threads, here or in processes of their own, that append together."""

    def __init__(self, file: Path, processes: int, threads: int) -> None:
        self._each = ENTRIES // processes
        if processes == 1:
            self._log, self._threads, self._children = FileAuditLog(file), threads, []
            return
        command = [sys.executable, "-m", "benchmarks.p8_audit", str(file), str(self._each), str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._children = [subprocess.Popen(command, **pipes) for _ in range(processes)]
        for child in self._children:
            child.stdout.readline()

    def append(self) -> None:
        """One run."""
        if not self._children:
            _append(self._log, self._each, self._threads)
        for child in self._children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in self._children:
            child.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.communicate()


def serve(file: Path, entries: int, threads: int) -> None:
    """What such a process does."""
    log = FileAuditLog(file)
    print("ready", flush=True)
    for _ in sys.stdin:
        _append(log, entries, threads)
        print("done", flush=True)


def _append(log: FileAuditLog, entries: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: log.append(EVENT), range(entries)))


def _bare(file: Path) -> None:
    line = b"x" * 480 + b"\n"  # as long as an entry
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(ENTRIES):
        os.write(fd, line)
        os.fdatasync(fd)
    os.close(fd)


def _rate(work: Callable[..., None], *arguments: object) -> float:
    begun = time.perf_counter()
    work(*arguments)
    return ENTRIES / (time.perf_counter() - begun)


def _verifying(file: Path) -> None:
    print(f"\n{'entries':>9}   {'verify, s':>10}   {'of a processor':>14}   {'first append of a process, ms':>30}")
    durably, os.fdatasync = os.fdatasync, lambda _: None  # the log is only made here
    log, made = FileAuditLog(file), 0
    for size in SIZES:
        while made < size:
            made += len(log.append_all([EVENT] * min(1000, size - made)))
        begun, worked = time.perf_counter(), time.process_time()
        finding = log.verify()
        seconds, worked = time.perf_counter() - begun, time.process_time() - worked
        assert finding.ok
        assert finding.entries == size
        begun = time.perf_counter()
        made = FileAuditLog(file).append(EVENT).number + 1
        first = time.perf_counter() - begun
        print(f"{size:>9,}   {seconds:>10.2f}   {worked:>14.2f}   {first * 1000:>30.2f}", flush=True)
    os.fdatasync = durably


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 1 else main()
