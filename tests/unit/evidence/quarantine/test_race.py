"""A customer swaps file, directory and links as fast as a process can, against both directions (row 16).

Counted from outside: nothing of root's is moved, changed or re-owned, nothing of the customer's is lost, and what is
known goes offline and comes back in between.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.uploads import Upload
from goodhoster.testing.suites.quarantine import BYTES, CASE, seen, sha256, uploaded

ANNA = 61001
NAMES = [b"%d.jpg" % number for number in range(8)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="root, to be stronger than a customer"),
]


def swap(album: bytes, victim: bytes) -> None:
    """One turn of everything a customer can do with a directory and the names in it."""
    away = album + b"-away"
    acts: tuple[Callable[[], None], ...] = (
        lambda: os.rename(os.path.join(album, NAMES[0]), os.path.join(album, b"aside")),
        lambda: os.symlink(os.path.join(victim, NAMES[0]), os.path.join(album, NAMES[0])),
        lambda: os.unlink(os.path.join(album, NAMES[0])),
        lambda: os.mkdir(os.path.join(album, NAMES[0])),
        lambda: os.rmdir(os.path.join(album, NAMES[0])),
        lambda: os.rename(os.path.join(album, b"aside"), os.path.join(album, NAMES[0])),
        lambda: os.rename(album, away),
        lambda: os.symlink(victim, album),
        lambda: os.unlink(album),
        lambda: os.rename(away, album),
    )
    for act in acts:
        with suppress(OSError):
            act()


def inventory(directory: bytes) -> dict[bytes, tuple[int, ...]]:
    found: dict[bytes, tuple[int, ...]] = {}
    for name in sorted(os.listdir(directory)):
        stat = os.lstat(os.path.join(directory, name))
        found[name] = (stat.st_ino, stat.st_uid, stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return found


def test_nothing_foreign_is_touched_and_work_goes_on(
    quarantine: LocalQuarantine,
    tree: bytes,
    tmp_path: Path,
    meanwhile: Callable[..., None],
    rounds: Callable[[int, int], int],
) -> None:
    victim, album = os.fsencode(tmp_path / "victim"), os.path.join(tree, b"anna/album")
    for name in NAMES:
        uploaded(victim, name)
        os.chown(uploaded(tree, b"anna/album/" + name).place.absolute, ANNA, ANNA)
    os.chown(album, ANNA, ANNA)
    before, inodes = inventory(victim), {values[0] for values in inventory(album).values()}
    uploads = [seen(tree, b"anna/album/" + name) for name in NAMES]
    meanwhile(swap, album, victim)
    outcomes = race(quarantine, uploads, rounds(3, 15))
    assert inventory(victim) == before
    assert outcomes["taken"] > 10
    assert outcomes["back"] > 10
    assert_nothing_is_lost(tree, inodes)


def race(quarantine: LocalQuarantine, uploads: list[Upload], seconds: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    begun, number = time.monotonic(), 0
    # On a slow machine until enough has happened to say anything.
    while (spent := time.monotonic() - begun) < seconds or (spent < 120 and not _has_moved(outcomes)):
        number += 1
        upload, case_id = uploads[number % len(uploads)], f"{CASE}-{number % len(uploads)}"
        with suppress(RefusedError, QuarantineError):
            quarantine.take_offline(case_id, upload, sha256())
            outcomes["taken"] += 1
        with suppress(RefusedError, QuarantineError):
            if quarantine.recover(case_id, upload) is Whereabouts.QUARANTINE:
                quarantine.put_back(case_id, upload)
                outcomes["back"] += 1
    return outcomes


def _has_moved(outcomes: Counter[str]) -> bool:
    return min(outcomes["taken"], outcomes["back"]) > 10


def assert_nothing_is_lost(tree: bytes, inodes: set[int]) -> None:
    """Each known file exists once, whole, and is anna's or locked in quarantine."""
    found = Counter[int]()
    for folder, _, names in os.walk(tree):
        for path in (os.path.join(folder, name) for name in names):
            stat = os.lstat(path)
            if stat.st_ino in inodes:
                found[stat.st_ino] += 1
                assert stat.st_uid == (0 if b"/.goodhoster/" in path else ANNA)
                assert Path(os.fsdecode(path)).read_bytes() == BYTES
    assert found == dict.fromkeys(inodes, 1)
