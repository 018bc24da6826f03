"""P8: the audit log. Durable entries a second beside a bare write + fdatasync of the same bytes, and verification.

The peer runs in the same folder and run, in turn with ours: disks are moody. Goal: one caller within 1.2× of the
bare loop; 5,000 entries a second with 64 callers; 1 million entries verified in 10 s.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.audit.log import FileAuditLog
from goodhoster.model.audit import AuditEvent

ENTRIES = sizes(20, 300)[-1]
CALLERS = (1, 4, 16, 64)
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
    print(f"{'callers':>7}   {'goodhoster':<24} {'bare fdatasync, 1 caller':<26} ratio")
    for callers in CALLERS:
        log = FileAuditLog(folder / f"{callers}.log")
        rounds = [(_rate(_append, log, callers), _rate(_bare, folder / "bare")) for _ in range(RUNS)]
        ours, bare = ([each[i] for each in rounds] for i in (0, 1))
        ratio = statistics.median(mine / peer for mine, peer in rounds)
        print(f"{callers:>7}   {_spread(ours):<24} {_spread(bare):<26} {ratio:.2f}×", flush=True)


def _append(log: FileAuditLog, callers: int) -> None:
    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(lambda _: log.append(EVENT), range(ENTRIES)))


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
    print(f"\n{'entries':>9}   {'verify, s':>10}   {'entries/s':>10}   {'first append of a process, ms':>30}")
    durably, os.fdatasync = os.fdatasync, lambda _: None  # the log is only made here
    log, made = FileAuditLog(file), 0
    for size in SIZES:
        for _ in range(size - made):
            log.append(EVENT)
        begun = time.perf_counter()
        finding = log.verify()
        seconds = time.perf_counter() - begun
        assert finding.ok
        assert finding.entries == size
        begun = time.perf_counter()
        made = FileAuditLog(file).append(EVENT).number + 1
        first = time.perf_counter() - begun
        print(f"{size:>9,}   {seconds:>10.2f}   {size / seconds:>10,.0f}   {first * 1000:>30.2f}", flush=True)
    os.fdatasync = durably


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


if __name__ == "__main__":
    main()
