"""Near lists on disk: segments, merging, what a kill leaves, damage."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from goodhoster.errors import BusyError, ConfigurationError, RefusedError
from goodhoster.hashlists.directory import import_lock
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.hashlists.near.importing import import_fingerprints, open_near_list, remove_near_lists
from goodhoster.hashlists.near.near_list import NearList
from goodhoster.hashlists.near.spill import NearEntry
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

PDQ, PHASH = FingerprintKind.PDQ, FingerprintKind.PHASH


def made_up(count: int, seed: int = 1, kind: FingerprintKind = PDQ) -> list[NearEntry]:
    rows = np.random.default_rng(seed).integers(0, 256, (count, kind.width), dtype=np.uint8)
    return [(kind, row.tobytes(), Category.ILLEGAL) for row in rows]


def opened(directory: Path) -> NearList:
    [(source, kind, segments)] = near_lists(directory)
    return open_near_list(source, kind, segments)


def files(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def flipped(value: bytes, bits: int) -> bytes:
    return (int.from_bytes(value) ^ ((1 << bits) - 1)).to_bytes(len(value))


def test_what_is_near_is_found_with_category_and_distance(tmp_path: Path) -> None:
    entries = made_up(5000)
    import_fingerprints(tmp_path, "hotline", entries)
    import_fingerprints(tmp_path, "hotline", [(PDQ, flipped(entries[0][1], 20), Category.OTHER)])
    asked = flipped(entries[0][1], 31)
    assert opened(tmp_path).find([asked], 31) == {Category.ILLEGAL: 31, Category.OTHER: 11}
    assert opened(tmp_path).find([asked], 30) == {Category.OTHER: 11}
    assert opened(tmp_path).find([bytes(32), asked, entries[0][1]], 31) == {Category.ILLEGAL: 0, Category.OTHER: 11}
    assert opened(tmp_path).find([], 31) == {}
    with pytest.raises(ValueError, match="32 bytes"):
        opened(tmp_path).find([b"short"], 31)


def test_a_little_more_writes_a_little_and_much_more_is_merged(tmp_path: Path) -> None:
    import_fingerprints(tmp_path, "hotline", made_up(6000))
    import_fingerprints(tmp_path, "hotline", made_up(1000, seed=2))
    assert files(tmp_path) == ["hotline.pdq.00000001-00000001.near", "hotline.pdq.00000002-00000002.near"]
    import_fingerprints(tmp_path, "hotline", made_up(251, seed=3))
    assert files(tmp_path) == ["hotline.pdq.00000001-00000001.near", "hotline.pdq.00000002-00000003.near"]
    import_fingerprints(tmp_path, "hotline", made_up(1, seed=4))
    import_fingerprints(tmp_path, "hotline", made_up(2000, seed=5))
    assert files(tmp_path) == ["hotline.pdq.00000001-00000005.near"]
    assert len(opened(tmp_path)) == 6000 + 1000 + 251 + 1 + 2000


def test_what_was_written_since_a_version_is_told_apart(tmp_path: Path) -> None:
    import_fingerprints(tmp_path, "hotline", made_up(6000))
    version = opened(tmp_path).version
    assert opened(tmp_path).since(version) is None
    import_fingerprints(tmp_path, "hotline", made_up(10, seed=2))
    new = opened(tmp_path).since(version)
    assert new is not None
    assert len(new) == 10
    assert opened(tmp_path).since("") is not None
    remove_near_lists(tmp_path, "hotline")
    import_fingerprints(tmp_path, "hotline", made_up(7, seed=3))
    again = opened(tmp_path).since(version)
    assert again is not None, "a list made anew has names of segments that it had before"
    assert len(again) == 7


@pytest.mark.parametrize("entries", [3, 3000])
def test_what_is_touched_among_many_values(tmp_path: Path, entries: int) -> None:
    listed = made_up(entries)
    import_fingerprints(tmp_path, "hotline", listed)
    values = [row.tobytes() for row in np.random.default_rng(9).integers(0, 256, (1000, 32), dtype=np.uint8)]
    values[7], values[500], values[501] = listed[0][1], flipped(listed[2][1], 31), flipped(listed[1][1], 32)
    assert opened(tmp_path).touched(values, 31) == [7, 500]
    assert opened(tmp_path).touched([], 31) == []


def test_withdrawn_entries_are_found_no_more(tmp_path: Path) -> None:
    entries = made_up(100)
    import_fingerprints(tmp_path, "hotline", entries)
    [told] = import_fingerprints(tmp_path, "hotline", [(PDQ, entries[0][1], None), (PDQ, bytes(32), None)])
    assert (told.entries, told.added, told.removed) == (99, 0, 1)
    assert opened(tmp_path).find([entries[0][1]], 31) == {}
    import_fingerprints(tmp_path, "hotline", [(PDQ, value, None) for _, value, _ in entries])
    assert len(opened(tmp_path)) == 0
    assert opened(tmp_path).find([entries[1][1]], 31) == {}


def test_kinds_have_lists_of_their_own_and_replacing_takes_what_is_not_given(tmp_path: Path) -> None:
    told = import_fingerprints(tmp_path, "hotline", [*made_up(10), *made_up(20, kind=PHASH)])
    assert [(one.algorithm, one.entries) for one in told] == [(PDQ, 10), (PHASH, 20)]
    told = import_fingerprints(tmp_path, "hotline", made_up(5, seed=2), replace=True)
    assert [(one.algorithm, one.entries, one.added, one.removed) for one in told] == [
        (PDQ, 5, 5, 10),
        (PHASH, 0, 0, 20),
    ]
    assert files(tmp_path) == ["hotline.pdq.00000001-00000002.near"]
    assert [(one.algorithm, one.entries) for one in remove_near_lists(tmp_path, "hotline")] == [(PDQ, 5)]
    assert files(tmp_path) == []
    with pytest.raises(RefusedError, match="no such near list"):
        remove_near_lists(tmp_path, "hotline")


def test_what_a_kill_after_merging_leaves_counts_no_more(tmp_path: Path) -> None:
    """A merged segment lies beside those it was made of: what was withdrawn in between must not come back."""
    entries = made_up(10)
    import_fingerprints(tmp_path, "hotline", entries)
    shutil.copytree(tmp_path, tmp_path / "before")
    import_fingerprints(tmp_path, "hotline", [(PDQ, entries[0][1], None), *made_up(5, seed=2)])
    [left] = (tmp_path / "before").iterdir()
    left.rename(tmp_path / left.name)
    (tmp_path / "before").rmdir()
    (tmp_path / "hotline.pdq.00000003-00000003.near.new").write_bytes(b"half")
    assert opened(tmp_path).find([entries[0][1]], 31) == {}
    import_fingerprints(tmp_path, "hotline", made_up(50, seed=3))
    assert files(tmp_path) == ["hotline.pdq.00000001-00000003.near"]
    assert len(opened(tmp_path)) == 9 + 5 + 50


def test_one_importer_at_a_time(tmp_path: Path) -> None:
    with import_lock(tmp_path), pytest.raises(BusyError):
        import_fingerprints(tmp_path, "hotline", made_up(1))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: path.write_bytes(b""), "cannot mmap an empty file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes where"),
        (lambda path: path.write_bytes(b"hash\n" + path.read_bytes()[5:]), "not a segment"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"hotline", b"HOTLINE")), "header is damaged"),
    ],
)
def test_a_damaged_segment_is_an_error_until_it_is_replaced(
    tmp_path: Path, harm: Callable[[Path], object], why: str
) -> None:
    import_fingerprints(tmp_path, "hotline", made_up(100))
    [path] = tmp_path.iterdir()
    harm(path)
    with pytest.raises(ConfigurationError, match=why):
        import_fingerprints(tmp_path, "hotline", made_up(1, seed=2))
    import_fingerprints(tmp_path, "hotline", made_up(7, seed=2), replace=True)
    assert len(opened(tmp_path)) == 7


def test_a_changed_byte_is_found_by_reading_it_all_and_never_merged(tmp_path: Path) -> None:
    import_fingerprints(tmp_path, "hotline", made_up(100))
    [path] = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="checksum"):
        opened(tmp_path).segments[0].verify()
    with pytest.raises(ConfigurationError, match="checksum"):
        import_fingerprints(tmp_path, "hotline", made_up(100, seed=2))


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no fingerprint"):
        import_fingerprints(tmp_path, "hotline", [])
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        import_fingerprints(tmp_path, "../hotline", made_up(1))
