"""P2: how exact look-ups grow: 10³ to 10⁷ digests, and with `--huge` 100 million; opening, memory and import too.

Figures are look-ups in a second of one core's time; every second digest that is asked is listed. LMDB answers the same
in the same run, except at 100 million; more peers stand in p2_lists. 100 million digests take 2.2 GB on disk, as much
again while they are imported, and some ten minutes.
"""

from __future__ import annotations

import hashlib
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import lmdb

from benchmarks.measuring import SMALLEST, private_mib, rates, seconds, sizes
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

HUGE = 100_000_000
ASKED = 200_000
Find = Callable[[bytes], object]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _growth(Path(folder), (HUGE,) if "--huge" in sys.argv else ())


def _growth(folder: Path, huge: tuple[int, ...]) -> None:
    heads = ("digests", "a second", "LMDB", "file MiB", "opened ms", "private MiB", "imported s")
    print(" ".join(f"{head:>12}" for head in heads))
    for count in (*sizes(*(10**power for power in range(3, 8))), *huge):
        imported = seconds(lambda count=count: _import(folder / "lists", count))
        find = {"ours": DigestList.open(_path(folder)).find} | ({"lmdb": _lmdb(folder, count)} if count < HUGE else {})
        asked = _asked(count)
        found = rates({name: _asking(each, asked) for name, each in find.items()})
        opened, private = _opened_elsewhere(_path(folder))
        size = _path(folder).stat().st_size / 2**20
        peer = f"{statistics.median(found['lmdb']):,.0f}" if "lmdb" in found else "-"
        cells = (f"{count:,}", f"{statistics.median(found['ours']):,.0f}", peer, f"{size:,.1f}")
        cells += (f"{opened * 1000:.1f}", f"{private:.1f}", f"{imported:,.1f}")
        print(" ".join(f"{cell:>12}" for cell in cells), flush=True)


def _opened_elsewhere(path: Path) -> tuple[float, float]:
    """Seconds to open, and private memory (MiB) after the look-ups, in a new process."""
    arguments = [sys.executable, "-m", "benchmarks.p2_growth", "--opened", str(path)]
    told = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(told[0]), float(told[1])


def _open(path: Path) -> None:
    asked = _asked(HUGE if not SMALLEST else 1000)
    before = private_mib()
    opened = seconds(lambda: DigestList.open(path))
    _asking(DigestList.open(path).find, asked)()
    print(opened, private_mib() - before)


def _import(directory: Path, count: int) -> None:
    import_entries(directory, "made-up", ((value, Category.ILLEGAL) for value in _digests(count)), replace=True)


def _lmdb(folder: Path, count: int) -> Find:
    place = folder / f"lmdb-{count}"
    with lmdb.open(str(place), map_size=4 << 30) as db, db.begin(write=True) as writing:
        for value in sorted(_digests(count)):
            writing.put(value, b"", append=True)
    return lmdb.open(str(place), readonly=True, lock=False).begin(buffers=True).get  # type: ignore[no-any-return]


def _path(folder: Path) -> Path:
    return list_path(folder / "lists", "made-up", Algorithm.SHA1)


def _digests(count: int) -> Iterator[bytes]:
    """Evenly spread and the same in every run. Drawn, since hashing 100 million texts would take longer than all."""
    drawn = random.Random(2026)
    while count > 0:
        block = drawn.randbytes(20 * min(count, 1 << 16))
        yield from (block[at : at + 20] for at in range(0, len(block), 20))
        count -= 1 << 16


def _asked(count: int) -> list[bytes]:
    """Every second one is listed, the others are not."""
    listed = list(islice(_digests(min(count, 10_000_000)), 0, None, max(1, min(count, 10_000_000) * 2 // ASKED)))
    others = (hashlib.sha1(str(n).encode(), usedforsecurity=False).digest() for n in range(len(listed)))
    both = [value for pair in zip(listed, others, strict=True) for value in pair]
    random.Random(1).shuffle(both)
    return both


def _asking(find: Find, asked: list[bytes]) -> Callable[[], int]:
    def ask() -> int:
        for value in asked:
            find(value)
        return len(asked)

    return ask


if __name__ == "__main__":
    if sys.argv[1:2] == ["--opened"]:
        _open(Path(sys.argv[2]))
    else:
        main()
