"""retro: own lists grow by 1,000 entries of which 20 were seen before among 2 million files (retro-match).

The index is filled as checks would have left it; the files themselves do not exist, so none can be opened. Measured is
one comparison at full speed: the daemon takes half a core for it, so at most twice as long. No peer has this; beside
it stands SQLite's own answer, a join of the same index with the new digests, which can say nothing of near ones (PDQ,
in all eight positions, 31 bits away). Goal: found within 60 s, by digest.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import SMALLEST, private_mib, seconds, sizes
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.hashlists.near.importing import import_fingerprints, open_near_list
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.verdicts import Category
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.retro_match_near import GrownNear

SIZES = sizes(20_000, 200_000, 2_000_000)[0 if SMALLEST else 1 :]
PER_DIRECTORY = 100
NEW, SEEN = 1_000, 20
LIMIT = 31


def main() -> None:
    print(f"retro-match: {NEW:,} new entries, {SEEN} of them seen before; goal at 2 million files: 60 s by digest")
    print(f"{'files':>12} {'by':>8} {'found':>6} {'ours s':>8} {'half a core s':>14} {'join s':>8} {'private MiB':>12}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), size)


def _measure(folder: Path, size: int) -> None:
    index = UploadIndex(folder / "index.sqlite")
    index.database.run(lambda db: _fill(db, size))
    places = [number * (size // SEEN) for number in range(SEEN)]
    known = [_digest(number) for number in places]
    fresh = [_digest(size + number) for number in range(NEW - SEEN)]
    import_entries(folder / "lists", "made-up", ((value, Category.ILLEGAL) for value in known + fresh))
    grown = DigestList.open(list_path(folder / "lists", "made-up", Algorithm.SHA1))
    join = seconds(lambda: index.database.run(lambda db: _join(db, known + fresh)))
    _tell(index, f"{size:>12,}   digest", ([grown], []), f"{join:.1f}")
    alike = [_changed(_looks(number)[0]) for number in places]
    others = [_looks(size + number)[0] for number in range(NEW - SEEN)]
    entries = ((FingerprintKind.PDQ, value, Category.ILLEGAL) for value in alike + others)
    import_fingerprints(folder / "lists", "made-up", entries)
    ((source, kind, segments),) = near_lists(folder / "lists")
    _tell(index, f"{size:>12,}      PDQ", ([], [GrownNear(open_near_list(source, kind, segments), LIMIT)]), "-")
    index.close()


def _tell(index: UploadIndex, files: str, grown: tuple[list[DigestList], list[GrownNear]], join: str) -> None:
    before, found = private_mib(), 0
    begun = time.perf_counter()
    for arrivals in index.seen.newly_known(*grown, time.time()):
        found += len(arrivals)
    ours = time.perf_counter() - begun
    memory = private_mib() - before
    print(f"{files:>21} {found:>6} {ours:>8.1f} {2 * ours:>14.1f} {join:>8} {memory:>12.1f}", flush=True)


def _fill(db: sqlite3.Connection, size: int) -> None:
    numbers = range(size // PER_DIRECTORY)
    rows = ((number, b"/srv/customers", b"c-%d/web" % number, f"c-{number}") for number in numbers)
    db.executemany("INSERT INTO directories VALUES (?, ?, ?, ?)", rows)
    db.executemany(
        """INSERT INTO uploads (directory, name, waiting, turn, priority, due, since, quiet, dev, ino, size, mtime_ns,
          ctime_ns, kind, md5, sha1, sha256, fingerprints, members, verdict, reason, detail, matches, checked_at)
        VALUES (?, ?, 0, 0, 1, 0, 0, 0, 1, ?, 1, 1, 1, 'image', ?, ?, ?, ?, x'', 'clear', '', '', '[]', 0)""",
        _uploads(size),
    )


def _uploads(size: int) -> Iterator[tuple[int | bytes | str, ...]]:
    for number in range(size):
        sha1 = _digest(number)
        value, *turned = _looks(number)
        looks = str(Fingerprint(FingerprintKind.PDQ, value, 100, tuple(turned)))
        yield number // PER_DIRECTORY, b"%d.jpg" % number, number, sha1[:16], sha1, sha1 + bytes(12), looks


def _digest(number: int) -> bytes:
    """Evenly spread, and the same in every run."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128).to_bytes(16) + number.to_bytes(4)


def _looks(number: int) -> list[bytes]:
    """A fingerprint in all eight positions."""
    made_up = hashlib.shake_128(b"%d" % number).digest(8 * FingerprintKind.PDQ.width)
    return [made_up[at : at + FingerprintKind.PDQ.width] for at in range(0, len(made_up), FingerprintKind.PDQ.width)]


def _changed(value: bytes) -> bytes:
    """In as many bits as is still near."""
    return (int.from_bytes(value) ^ ((1 << LIMIT) - 1)).to_bytes(len(value))


def _join(db: sqlite3.Connection, digests: list[bytes]) -> int:
    db.execute("CREATE TEMP TABLE news (sha1 BLOB PRIMARY KEY) WITHOUT ROWID")
    db.executemany("INSERT INTO news VALUES (?)", ((digest,) for digest in digests))
    return len(db.execute("SELECT name FROM uploads WHERE sha1 IN (SELECT sha1 FROM news)").fetchall())


if __name__ == "__main__":
    main()
