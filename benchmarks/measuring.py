"""What benchmarks share: peers measured in turns in one run, medians with their spread, memory of this process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SMALLEST = os.environ.get("GOODHOSTER_BENCH") == "smallest"
"""Only whether a benchmark still runs is asked (CI): the smallest size, once. The figures say nothing then."""
RUNS = 1 if SMALLEST else 5


def sizes(*ascending: int) -> tuple[int, ...]:
    """The sizes to measure: all of them, or the smallest."""
    return ascending[:1] if SMALLEST else ascending


def rates(
    work: Mapping[str, Callable[[], int]], runs: int = RUNS, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """How many each did in a second of one core, run by run; they take turns: a noisy moment strikes all alike.

    Each piece of work returns how many it did, and does enough to last some tenths of a second. What works in several
    threads or waits for something needs another clock.
    """
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(runs):
        for name, do in work.items():
            begun = clock()
            done = do()
            found[name].append(done / (clock() - begun))
    return found


def spread(values: list[float]) -> str:
    """The median, and the lowest and highest."""
    return f"{statistics.median(values):>12,.0f}  ({min(values):,.0f}–{max(values):,.0f})"


def private_mib() -> float:
    """Memory of this process that no other shares."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def seconds(do: Callable[[], object]) -> float:
    """How long it takes, once."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
