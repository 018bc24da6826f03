"""A list file that is damaged in any way says so; it never answers as if it were whole."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_header import HEADER_SIZE, Header
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

ENTRIES = [(bytes([n]) * 20, Category.ILLEGAL) for n in range(200)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    import_entries(tmp_path, "police", ENTRIES)
    return list_path(tmp_path, "police", Algorithm.SHA1)


def damage(file: Path, at: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(content)


def test_a_list_tells_whose_it_is(file: Path) -> None:
    opened = DigestList.open(file)
    assert (opened.source, opened.algorithm, len(opened)) == ("police", Algorithm.SHA1, 200)
    assert opened.categories == {Category.ILLEGAL: 200}
    assert abs((datetime.now(UTC) - opened.created).total_seconds()) < 60


def test_a_digest_of_another_length_is_refused(file: Path) -> None:
    find = DigestList.open(file).find
    for length in (0, 16, 19, 21, 32):
        with pytest.raises(ValueError, match="in a list of 20"):
            find(b"x" * length)


def test_a_missing_file_is_not_a_damaged_one(file: Path) -> None:
    file.unlink()
    with pytest.raises(FileNotFoundError):
        DigestList.open(file)


@pytest.mark.parametrize("size", [0, 1, 100, HEADER_SIZE - 1, HEADER_SIZE, HEADER_SIZE + 21, -1])
def test_a_file_that_was_cut_is_not_opened(file: Path, size: int) -> None:
    os.truncate(file, size % file.stat().st_size)
    with pytest.raises(ConfigurationError, match=r"police\.sha1.* cannot be used") as caught:
        DigestList.open(file)
    assert "--replace" in caught.value.hint


def test_a_file_with_something_after_its_end_is_not_opened(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"\0")
    with pytest.raises(ConfigurationError, match="bytes where"):
        DigestList.open(file)


@pytest.mark.parametrize("at", [0, 8, 10, 20, 40, 100, 700, HEADER_SIZE - 1])
def test_a_changed_header_is_not_opened(file: Path, at: int) -> None:
    damage(file, at, b"\xa5")
    with pytest.raises(ConfigurationError, match=r"not a list file|its header is damaged"):
        DigestList.open(file)


@pytest.mark.parametrize("from_end", [1, 50, 3000])
def test_a_changed_record_or_offset_is_found_by_reading_all(file: Path, from_end: int) -> None:
    damage(file, file.stat().st_size - from_end, b"\xa5")
    with pytest.raises(ConfigurationError, match="checksum"):
        DigestList.open(file).verify()


def test_a_file_of_another_version_says_so(file: Path) -> None:
    header = bytearray(Header.unpack(file.read_bytes()[:HEADER_SIZE]).pack())
    header[8:10] = b"\7\7"
    damage(file, 0, bytes(header[:-32]) + hashlib.sha256(header[:-32]).digest())
    with pytest.raises(ConfigurationError, match="version 1799"):
        DigestList.open(file)


def test_a_replaced_or_removed_list_stays_readable_for_who_holds_it(file: Path) -> None:
    held = DigestList.open(file)
    import_entries(file.parent, "police", [(b"\xee" * 20, Category.OTHER)], replace=True)
    file.unlink()
    assert held.find(ENTRIES[7][0]) is Category.ILLEGAL
    held.verify()


def test_a_closed_list_says_nothing_any_more(file: Path) -> None:
    opened = DigestList.open(file)
    opened.close()
    opened.close()
    with pytest.raises(ValueError, match=r"released|closed"):
        opened.find(ENTRIES[0][0])


HEADER = Header("police", Algorithm.SHA1, 4, {Category.ILLEGAL: 3}, datetime(2026, 1, 2, tzinfo=UTC), b"b" * 32)


def test_a_header_reads_as_it_was_written() -> None:
    assert Header.unpack(HEADER.pack()) == HEADER
    assert len(HEADER.pack()) == HEADER_SIZE
    assert HEADER.offsets_start % 4 == 0
    assert HEADER.file_size == HEADER.offsets_start + 4 * 17
