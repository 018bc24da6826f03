"""P3: near look-ups a second: every entry within 31 of 256 bits, none missed, beside FAISS and threatexchange.

Figures are look-ups in a second of one core's time. "All cores" is what one process on each reaches together: all ask
at the same time and share the mapped file, and their memory is what the pages of the file and of all processes take,
each page counted once. The peers ask the same values in the same run: FAISS's binary flat
index (what comparing with all can reach), its multi-index hash, and the index of the hasher-matcher-actioner
(`threatexchange`). Goals: 10,000 look-ups a second among 1 million entries, 4,000 among 10 million in at most 1 GiB
that all processes share, opened within 1 s. With `--small` nothing beyond 1 million entries is made.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import rates, seconds, sizes, spread
from goodhoster.hashlists.near.entries import Entries
from goodhoster.hashlists.near.segment import Segment
from goodhoster.hashlists.near.writer import write_segment
from goodhoster.model.fingerprints import FingerprintKind

LIMIT = 31
MILLION = sizes(10_000, 1_000_000)[-1]
Values = NDArray[np.uint8]
Search = Callable[[Values], int]
"""Looks values up and returns how many pairs it found."""


def main() -> None:
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(2026)
    with tempfile.TemporaryDirectory() as folder:
        _beside_peers(Path(folder), rng)
        _growth(Path(folder), rng, sizes(3, 6 if "--small" in sys.argv else 7)[-1])
        for count in (MILLION,) if "--small" in sys.argv else sizes(MILLION, 10 * MILLION):
            _crowds(Path(folder), rng, count)
            _64_bits(Path(folder), rng, count)


def _beside_peers(folder: Path, rng: np.random.Generator) -> None:
    entries = _evenly(rng, MILLION, 32)
    segment = _segment(folder, entries)
    asked = _near(rng, entries, 1024)
    print(f"P3: look-ups a second among {MILLION:,} entries, all of whose entries within {LIMIT} bits are wanted")
    multihash = faiss.IndexBinaryMultiHash(256, 16, 16)
    multihash.nflip = 1
    multihash.add(entries)
    peers: dict[str, tuple[Search, int]] = {
        "FAISS binary flat": (_flat(entries), 64),
        "FAISS multi-hash": (_ranged(multihash), 64),
        "threatexchange": (_threatexchange(entries), 4),
    }
    work = {
        "goodhoster, one a call": _asking(_ours(segment), asked[:256], 1),
        "goodhoster, 8 a call": _asking(_ours(segment), asked, 8),
        "goodhoster, 64 a call": _asking(_ours(segment), asked, 64),
        **{name: _asking(search, asked[:some], some) for name, (search, some) in peers.items()},
    }
    get = {name: search(asked[:some]) / some for name, (search, some) in peers.items()}
    get |= dict.fromkeys((name for name in work if name.startswith("goodhoster")), _ours(segment)(asked) / len(asked))
    found = rates(work)
    ours = statistics.median(found["goodhoster, 8 a call"])
    for name, values in found.items():
        times = ours / statistics.median(values)
        print(f"  {name:<24} {spread(values):<38} found {get[name]:6.1%}   ours is {times:,.1f}×", flush=True)


def _growth(folder: Path, rng: np.random.Generator, most: int) -> None:
    heads = ("entries", "one core", "all cores", "in all MiB", "FAISS flat", "file MiB", "opened ms", "written s")
    print("\n" + " ".join(f"{head:>12}" for head in heads))
    for power in range(3, most + 1):
        entries = _evenly(rng, 10**power, 32)
        written = seconds(lambda entries=entries: _segment(folder, entries))
        together = _on_all_cores(folder / "segment")
        segment, asked = Segment.open(folder / "segment"), _near(rng, entries, 512)
        one, flat = _asking(_ours(segment), asked, 8), _asking(_flat(entries), asked[: 512 if power < 6 else 16], 16)
        found = {name: statistics.median(values) for name, values in rates({"ours": one, "flat": flat}).items()}
        size = (folder / "segment").stat().st_size / 2**20
        cells = (f"{10**power:,}", f"{found['ours']:,.0f}", f"{together.rate:,.0f}", f"{together.mib:,.0f}")
        cells += (f"{found['flat']:,.0f}", f"{size:,.0f}", f"{together.opened * 1000:.1f}", f"{written:.1f}")
        print(" ".join(f"{cell:>12}" for cell in cells), flush=True)


@dataclass(frozen=True)
class Asker:
    """What a process with a list open reports, or all of them together."""

    rate: float
    """Look-ups in a second of one core's time, or of all."""
    mib: float
    """Memory, of a page that several share its share."""
    opened: float
    """Seconds until it could ask."""


def _on_all_cores(path: Path) -> Asker:
    """One process for each core, none of which begins or ends before all are ready to."""
    arguments = [sys.executable, "-m", "benchmarks.p3_near", "--ask", str(path)]
    processes = [
        subprocess.Popen([*arguments, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for seed in range(len(os.sched_getaffinity(0)))
    ]
    for _ in ("open", "ask"):
        _in_step(processes)
    told = [Asker(**json.loads(line)) for line in _in_step(processes)]
    for process in processes:
        process.communicate()
    return Asker(sum(one.rate for one in told), sum(one.mib for one in told), max(one.opened for one in told))


def _in_step(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Each says a line when it has done the next thing; none goes on before all have."""
    channels = [(process.stdin, process.stdout) for process in processes]
    for to, _ in channels:
        assert to
        print(file=to, flush=True)
    return [said.readline() for _, said in channels if said]


def _ask(path: Path, seed: int) -> None:
    """The other end."""
    before = _share_mib()
    input()
    opened = seconds(lambda: Segment.open(path))
    segment, rng = Segment.open(path), np.random.default_rng(seed)
    asking = _asking(_ours(segment), _near(rng, segment.tables.values, 512), 8)
    asking()
    print("opened", flush=True)
    input()
    found = rates({"ours": asking})
    print("asked", flush=True)
    input()
    print(json.dumps(asdict(Asker(statistics.median(found["ours"]), _share_mib() - before, opened))), flush=True)
    sys.stdin.read()


def _share_mib() -> float:
    """Memory of this process; of a page that n processes have, an n-th."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _crowds(folder: Path, rng: np.random.Generator, count: int) -> None:
    """What real lists have: one picture in many versions, pictures with the same plain half."""
    centres = _evenly(rng, 20, 32)
    alike = _changed(rng, centres[rng.integers(0, 10, count // 10)], 60)
    halves = _evenly(rng, count // 10, 32)
    halves[:, :16] = centres[rng.integers(10, 20, len(halves)), :16]
    entries = np.concatenate((_evenly(rng, count - len(alike) - len(halves), 32), alike, halves))
    segment = _segment(folder, entries)
    print(f"\namong {count:,} entries of which a tenth are versions of 10 pictures and a tenth share one half of 10:")
    work = {
        "asked: any": _asking(_ours(segment), _near(rng, entries, 512), 8),
        "asked: of the crowds": _asking(_ours(segment), _near(rng, np.concatenate((alike, halves)), 64), 8),
        "asked: what is in none": _asking(_ours(segment), _evenly(rng, 512, 32), 8),
        "FAISS flat, of the crowds": _asking(_flat(entries), _near(rng, alike, 16), 8),
    }
    for name, values in rates(work).items():
        print(f"  {name:<26} {spread(values)}", flush=True)


def _64_bits(folder: Path, rng: np.random.Generator, count: int) -> None:
    entries = _evenly(rng, count, 8)
    segment = _segment(folder, entries)
    asked = _changed(rng, entries[rng.integers(0, count, 512)], 6)
    print(f"\namong {count:,} entries of 64 bits (pHash), within 6 bits:")
    work = {
        "goodhoster, 8 a call": _asking(lambda some: len(segment.search(some, 6).asked), asked, 8),
        "FAISS binary flat": _asking(_ranged(_flat_index(entries), 6), asked[:64], 8),
    }
    for name, values in rates(work).items():
        print(f"  {name:<26} {spread(values)}", flush=True)


def _evenly(rng: np.random.Generator, count: int, width: int) -> Values:
    return rng.integers(0, 256, (count, width), dtype=np.uint8)


def _near(rng: np.random.Generator, entries: Values, count: int) -> Values:
    """Values as far from an entry as is still near."""
    return _changed(rng, entries[rng.integers(0, len(entries), count)], LIMIT)


def _changed(rng: np.random.Generator, values: Values, bits: int) -> Values:
    """The same with so many bits changed."""
    flipped = np.zeros((len(values), 8 * values.shape[1]), np.uint8)
    flipped[:, :bits] = 1
    return values ^ np.packbits(rng.permuted(flipped, axis=1), axis=1)


def _segment(folder: Path, values: Values) -> Segment:
    path = folder / "segment"
    path.unlink(missing_ok=True)
    kind = FingerprintKind.PDQ if values.shape[1] == FingerprintKind.PDQ.width else FingerprintKind.PHASH
    write_segment(path, ("made-up", kind), Entries(values, np.zeros(len(values), np.uint8)).each_once())
    return Segment.open(path)


def _ours(segment: Segment) -> Search:
    return lambda asked: len(segment.search(asked, LIMIT).asked)


def _flat_index(entries: Values) -> faiss.IndexBinaryFlat:
    index = faiss.IndexBinaryFlat(8 * entries.shape[1])
    index.add(entries)
    return index


def _flat(entries: Values) -> Search:
    return _ranged(_flat_index(entries))


def _ranged(index: faiss.IndexBinary, limit: int = LIMIT) -> Search:
    return lambda asked: len(index.range_search(asked, limit + 1)[1])  # FAISS wants what is less


def _threatexchange(entries: Values) -> Search:
    from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415 - slow to load

    index = PdqSignal.get_index_cls().build((row.tobytes().hex(), number) for number, row in enumerate(entries))
    return lambda asked: sum(len(index.query(row.tobytes().hex())) for row in asked)


def _asking(search: Search, asked: Values, map_parallel: int) -> Callable[[], int]:
    def ask() -> int:
        for start in range(0, len(asked), map_parallel):
            search(asked[start : start + map_parallel])
        return len(asked)

    return ask


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        _ask(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
