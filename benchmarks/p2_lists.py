"""P2: look-ups a second in an own list, beside a Python set, SQLite and LMDB over the same digests.

Every contender is a process of its own, so that its memory is its own; half of the questions are known. Goal at 3.2
million digests, the size of the real service: 1 million look-ups a second, opened in less than a second, and no memory
that processes cannot share.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

SIZES = sizes(10_000, 100_000, 1_000_000, 3_200_000)
QUESTIONS = 200_000
Known = Callable[[bytes], bool]


@dataclass(frozen=True)
class Result:
    """What a contender reports."""

    rate: float
    """Look-ups a second."""
    opened: float
    """Seconds until it could answer."""
    private: float
    """MiB of memory that processes cannot share, more than before it was opened."""


def main() -> None:
    print(f"P2: look-ups a second, {QUESTIONS:,} a run, one thread, median of {RUNS} (lowest–highest)")
    print(
        f"{'digests':>9}   {'':<12} {'look-ups/s':<32} {'goodhoster':>10}   {'opened, ms':>10}   {'private, MiB':>12}"
    )
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            for make in MAKERS.values():
                make(Path(folder), size)
            _compare(Path(folder), size)


def _compare(folder: Path, size: int) -> None:
    # In turn, so that a moment in which the machine is busy strikes all of them.
    rounds = [{name: _run(name, folder, size) for name in OPENERS} for _ in range(RUNS)]
    ours = statistics.median(each["goodhoster"].rate for each in rounds)
    for name in OPENERS:
        rates = [each[name].rate for each in rounds]
        rate = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"
        opened = statistics.median(each[name].opened for each in rounds) * 1000
        private = statistics.median(each[name].private for each in rounds)
        ratio = f"{ours / statistics.median(rates):.1f}×"
        print(f"{size:>9,}   {name:<12} {rate:<32} {ratio:>10}   {opened:>10.1f}   {private:>12.1f}", flush=True)


def _run(name: str, folder: Path, size: int) -> Result:
    arguments = [sys.executable, __file__, name, str(folder), str(size)]
    return Result(**json.loads(subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout))


def _ask(name: str, folder: Path, size: int) -> None:
    chance = random.Random(size)
    numbers = [chance.randrange(2 * size) for _ in range(QUESTIONS)]
    questions, expected = list(map(_digest, numbers)), sum(number < size for number in numbers)
    before, begun = _private(), time.perf_counter()
    known = OPENERS[name](folder, size)
    known(questions[0])
    opened = time.perf_counter() - begun
    sum(map(known, questions))  # every page was touched once: this is not about the disk
    begun = time.perf_counter()
    matches = sum(map(known, questions))
    seconds = time.perf_counter() - begun
    assert matches == expected, (matches, expected)
    print(json.dumps(asdict(Result(QUESTIONS / seconds, opened, (_private() - before) / 1024))))


def _digest(number: int) -> bytes:
    return hashlib.sha1(number.to_bytes(8), usedforsecurity=False).digest()


def _private() -> int:
    """KiB. Pages of a mapped file are not among them: as long as nobody writes, they are everybody's."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


def _make_ours(folder: Path, size: int) -> None:
    import_entries(folder, "made-up", ((_digest(number), Category.OTHER) for number in range(size)))


def _open_ours(folder: Path, _: int) -> Known:
    find = DigestList.open(list_path(folder, "made-up", Algorithm.SHA1)).find
    return lambda value: find(value) is not None


def _make_sqlite(folder: Path, size: int) -> None:
    with sqlite3.connect(folder / "sqlite") as db:
        db.execute("CREATE TABLE known (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        db.executemany("INSERT INTO known VALUES (?)", ((value,) for value in sorted(map(_digest, range(size)))))
    db.close()


def _open_sqlite(folder: Path, _: int) -> Known:
    db = sqlite3.connect(folder / "sqlite")
    db.execute("PRAGMA mmap_size = 1000000000")
    return lambda value: db.execute("SELECT 1 FROM known WHERE digest = ?", (value,)).fetchone() is not None


def _make_lmdb(folder: Path, size: int) -> None:
    import lmdb  # noqa: PLC0415 - a peer: not installed for anybody else

    with lmdb.open(str(folder / "lmdb"), map_size=1 << 30) as db, db.begin(write=True) as writing:
        for value in sorted(map(_digest, range(size))):
            writing.put(value, b"", append=True)


def _open_lmdb(folder: Path, _: int) -> Known:
    import lmdb  # noqa: PLC0415 - the same

    reading = lmdb.open(str(folder / "lmdb"), readonly=True, lock=False).begin(buffers=True)
    return lambda value: reading.get(value) is not None


def _open_set(_: Path, size: int) -> Known:
    return {_digest(number) for number in range(size)}.__contains__


MAKERS = {"goodhoster": _make_ours, "SQLite": _make_sqlite, "LMDB": _make_lmdb}
OPENERS = {"goodhoster": _open_ours, "Python set": _open_set, "LMDB": _open_lmdb, "SQLite": _open_sqlite}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _ask(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
