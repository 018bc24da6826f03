"""P6: what a whole comparison with the index costs, beside `find -newer` with a stat of every file, in the same run.

Every file is in the index with its verdict, so nothing is queued: that is what the comparison finds every T. Each
figure is of a process of its own. Goal: at least 49,000 files a second and at most 64 MiB at a million files.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Content, Place
from goodhoster.model.verdicts import ContentKind, Verdict, VerdictKind
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.scanner import Scanner
from goodhoster_agent.watching.tree_walk import Listing, walk

GOAL = 49_000
SIZES = sizes(1_000, 10_000, 100_000, 1_000_000)
PER_DIRECTORY = 100
FIND = "/usr/bin/find"


def main() -> None:
    most = int(os.environ.get("GOODHOSTER_BENCH_FILES", SIZES[-1]))
    print(f"P6: files compared a second, median of {RUNS}; goal {GOAL:,} and 64 MiB at 1,000,000 files")
    print(f"{'files':>10}   {'goodhoster':>12} {'find+stat':>12}   {'ratio':>6}   {'memory, MiB':>11}")
    for files in (size for size in SIZES if size <= most):
        with tempfile.TemporaryDirectory() as folder:
            _make(Path(folder), files)
            _compare(Path(folder), files)


def _compare(folder: Path, files: int) -> None:
    ours, peers, memory = [], [], 0
    for _ in range(RUNS):
        peers.append(files / _find(folder))
        seconds, memory = _reconcile(folder)
        ours.append(files / seconds)
    mine, theirs = statistics.median(ours), statistics.median(peers)
    print(
        f"{files:>10,}   {mine:>12,.0f} {theirs:>12,.0f}   {mine / theirs:>5.2f}×   {memory / 1024:>11.1f}", flush=True
    )


def _make(folder: Path, files: int) -> None:
    """The files, and an index that has a verdict for each."""
    (folder / "marker").touch()
    for number in range(files):
        directory = folder / "tree" / f"customer{number // PER_DIRECTORY % 50}" / str(number // PER_DIRECTORY)
        if number % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"{number}.jpg").touch()
    tree = bytes(folder / "tree")
    states = {
        Place(tree, os.path.join(listing.directory, name)): state
        for listing in walk(tree)
        if isinstance(listing, Listing)
        for name, state in listing.files.items()
    }
    index = UploadIndex(folder / "index.sqlite")
    index.expect([Arrival(place, "c", 0.0, Priority.RECONCILE) for place in states], 0.0)
    while jobs := index.take(1.0, 1000):
        for job in jobs:
            content = Content(Digests(bytes(16), bytes(20), bytes(32)), ContentKind.IMAGE, 0)
            index.record(job, (states[job.place], content), Verdict(VerdictKind.CLEAR), 1.0)
            index.settle(job)
    index.close()


def _find(folder: Path) -> float:
    tree, marker = folder / "tree", folder / "marker"
    begun = time.perf_counter()
    told = ["(", "-newer", marker, "-o", "-printf", r"%s %T@ %C@ %i\n", ")"]
    subprocess.run([FIND, tree, "-type", "f", *told], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _reconcile(folder: Path) -> tuple[float, int]:
    """Seconds, and the most memory in KiB."""
    done = subprocess.run([sys.executable, __file__, str(folder)], check=True, capture_output=True, text=True)
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)


def _work(folder: Path) -> None:
    index = UploadIndex(folder / "index.sqlite")
    begun = time.perf_counter()
    for figures in Scanner(index, 2.0).reconcile(Tree(bytes(folder / "tree"), None)):
        assert figures.queued == 0, figures
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _work(Path(sys.argv[1]))
    else:
        main()
