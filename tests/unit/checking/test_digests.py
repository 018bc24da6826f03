import hashlib
import os
from pathlib import Path

import pytest

from goodhoster.checking.digests import read_content
from goodhoster.errors import UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import ContentKind

BLOCK = 1 << 18


def read(file: Path, largest: int = 1 << 30) -> Content:
    fd = os.open(file, os.O_RDONLY)
    try:
        return read_content(fd, largest)
    finally:
        os.close(fd)


@pytest.mark.parametrize("size", [0, 1, 63, 64, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_all_digests_are_those_that_hashlib_makes_of_the_whole(tmp_path: Path, size: int) -> None:
    content = b"GIF89a".ljust(size, b"\xa5")[:size]
    (tmp_path / "file").write_bytes(content)
    read_of_it = read(tmp_path / "file")
    for algorithm in Algorithm:
        assert read_of_it.digests.of(algorithm).hex == hashlib.new(algorithm.value, content).hexdigest()
    assert read_of_it.size == size
    assert read_of_it.kind is (ContentKind.IMAGE if size >= 6 else ContentKind.OTHER)


def test_it_is_read_from_its_start_wherever_the_descriptor_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    os.lseek(fd, 3, os.SEEK_SET)
    assert read_content(fd, 100).digests.sha256 == hashlib.sha256(b"content").digest()
    os.close(fd)


@pytest.mark.parametrize(("size", "reason"), [(100, None), (101, "too-big")])
def test_the_limit_is_the_largest_that_is_read(tmp_path: Path, size: int, reason: str | None) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    try:
        read(tmp_path / "file", 100)
    except UncheckedError as error:
        assert error.reason == reason  # noqa: PT017 - one of two allowed outcomes
    else:
        assert reason is None


def test_a_file_that_outgrows_the_limit_while_it_is_read_is_too_big(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    given = os.pread

    def grow(fd: int, count: int, offset: int) -> bytes:
        with file.open("ab") as opened:
            opened.write(b"more")
        return given(fd, count, offset)

    monkeypatch.setattr(os, "pread", grow)
    with pytest.raises(UncheckedError) as caught:
        read(file, 1000)
    assert caught.value.reason == "too-big"


def test_what_the_disk_does_not_give_is_unchecked(tmp_path: Path) -> None:
    with pytest.raises(UncheckedError, match="Is a directory") as caught:
        read(tmp_path)
    assert caught.value.reason == "unreadable"
