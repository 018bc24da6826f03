"""The conformance suite of `Hasher`: its promises, as tests.

Subclass, give the fixture, run by pytest.

class TestMyHasher(HasherSuite):
    @pytest.fixture
    def hasher(self) -> Iterator[Hasher]:
        hasher = MyHasher(self.LIMITS)
        yield hasher
        hasher.close()
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from goodhoster.errors import UncheckedError
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import ContentKind
from goodhoster.ports import Hasher
from goodhoster.testing.drawn import every_format, jpeg
from goodhoster.testing.hostile import empty_png, tar_of, zip_of


@contextmanager
def opened(content: bytes) -> Iterator[int]:
    """A descriptor of a file that holds this."""
    fd = os.memfd_create("made-up")
    try:
        os.write(fd, content)
        yield fd
    finally:
        os.close(fd)


def read(hasher: Hasher, content: bytes) -> Content:
    """The hasher's result for a file that holds this."""
    with opened(content) as fd:
        return hasher.read(fd)


class HasherSuite:
    """Subclass and give a fixture `hasher` that keeps to LIMITS."""

    LIMITS = replace(ReadingLimits(), file_bytes=1 << 20, pixels=1_000_000, members=3, member_bytes=1 << 20)

    def test_digests_kind_and_size_are_those_of_the_bytes(self, hasher: Hasher) -> None:
        picture = jpeg(1)
        content = read(hasher, picture)
        assert content.digests.sha256 == hashlib.sha256(picture).digest()
        assert content.digests.sha1 == hashlib.sha1(picture, usedforsecurity=False).digest()
        assert content.digests.md5 == hashlib.md5(picture, usedforsecurity=False).digest()
        assert (content.kind, content.size, content.fault) == (ContentKind.IMAGE, len(picture), None)

    def test_a_picture_has_one_fingerprint_of_each_kind(self, hasher: Hasher) -> None:
        content = read(hasher, jpeg(1))
        ours = [FingerprintKind.PDQ, FingerprintKind.PHASH]
        assert [each.kind for each in content.fingerprints] == ours
        assert all(each.matchable for each in content.fingerprints)
        assert [len(each.turned) for each in content.fingerprints] == [7, 0], "PDQ in all eight positions"

    def test_a_picture_has_its_size_as_it_is_seen(self, hasher: Hasher) -> None:
        sideways = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
        assert read(hasher, jpeg(1, (1040, 700))).pixels == (1040, 700), "also where it is decoded smaller"
        assert read(hasher, jpeg(1, (1040, 700), exif=sideways)).pixels == (700, 1040)
        assert read(hasher, b"a text\n").pixels is None

    def test_every_format_is_opened(self, hasher: Hasher) -> None:
        for name, file in every_format(1, (160, 120)).items():
            content = read(hasher, file)
            assert content.fault is None, (name, content.fault)
            assert content.fingerprints, name

    def test_a_file_without_pictures_has_digests_only(self, hasher: Hasher) -> None:
        content = read(hasher, b"a text\n" * 1000)
        assert (content.kind, content.fingerprints, content.members) == (ContentKind.OTHER, (), ())
        assert content.fault is None

    def test_what_is_read_at_once_is_what_would_be_read(self, hasher: Hasher) -> None:
        for content in (b"", b"a text\n" * 1000, b"\0\0\0\x18ftypisom made up"):
            assert hasher.read_at_once(content) == read(hasher, content)

    def test_what_has_something_inside_is_not_read_at_once(self, hasher: Hasher) -> None:
        archive = zip_of({"a.jpg": jpeg(1)})
        for content in (
            jpeg(1),
            archive,
            b"beginning" * 100 + archive,
            tar_of({"a.jpg": jpeg(1)}),
            bytes((1 << 20) + 1),
        ):
            assert hasher.read_at_once(content) is None

    def test_an_empty_file_has_digests(self, hasher: Hasher) -> None:
        assert read(hasher, b"").digests.md5 == hashlib.md5(b"", usedforsecurity=False).digest()

    @pytest.mark.parametrize("archive", [zip_of, tar_of])
    def test_pictures_in_an_archive_are_told_by_their_own_digests(self, hasher: Hasher, archive: object) -> None:
        picture = jpeg(2)
        packed = archive({"a.txt": b"text", "b.jpg": picture})  # type: ignore[operator]
        members = read(hasher, packed).members
        assert [member.sha256 for member in members] == [hashlib.sha256(picture).digest()]

    @pytest.mark.parametrize("front", [b"x", b"#!/bin/sh\nexit 0\n", b"MZ" + bytes(1022), b"PK\7\x08", b"PK00"])
    def test_pictures_in_a_zip_behind_other_bytes_are_told_too(self, hasher: Hasher, front: bytes) -> None:
        picture = jpeg(2)
        content = read(hasher, front + zip_of({"a.txt": b"text", "b.jpg": picture}))
        assert content.fault is None
        assert [member.sha256 for member in content.members] == [hashlib.sha256(picture).digest()]

    def test_a_member_without_a_name_is_read(self, hasher: Hasher) -> None:
        picture = jpeg(2)
        content = read(hasher, zip_of({"": picture}))
        assert content.fault is None
        assert [member.sha256 for member in content.members] == [hashlib.sha256(picture).digest()]

    def test_what_goes_over_a_limit_has_digests_and_a_fault(self, hasher: Hasher) -> None:
        bomb = empty_png((5000, 5000), b"")
        content = read(hasher, bomb)
        assert content.digests.sha256 == hashlib.sha256(bomb).digest()
        assert content.fault
        assert content.fault.reason == "too-many-pixels"

    def test_a_broken_picture_has_digests_and_a_fault(self, hasher: Hasher) -> None:
        half = jpeg(3)[:4000]
        content = read(hasher, half)
        assert content.digests.sha256 == hashlib.sha256(half).digest()
        assert content.fault
        assert content.fault.reason == "broken-picture"

    def test_too_many_members_are_a_fault(self, hasher: Hasher) -> None:
        content = read(hasher, zip_of({f"{n}.jpg": jpeg(n, (64, 48)) for n in range(5)}))
        assert len(content.members) == self.LIMITS.members
        assert content.fault
        assert content.fault.reason == "too-many-members"

    def test_too_large_a_file_is_unchecked(self, hasher: Hasher) -> None:
        with pytest.raises(UncheckedError) as caught:
            read(hasher, jpeg(1) + bytes(self.LIMITS.file_bytes))
        assert caught.value.reason == "too-big"
        assert read(hasher, jpeg(1)).fingerprints, "it goes on after that"

    def test_the_position_of_the_descriptor_does_not_matter_and_stays(self, hasher: Hasher) -> None:
        with opened(jpeg(1)) as fd:
            os.lseek(fd, 17, os.SEEK_SET)
            assert hasher.read(fd).fault is None
            assert os.lseek(fd, 0, os.SEEK_CUR) == 17  # noqa: PLR2004 - where it was put

    def test_many_threads_may_ask_at_once(self, hasher: Hasher) -> None:
        pictures = [jpeg(seed, (64, 48)) for seed in range(8)]
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda picture: read(hasher, picture), pictures * 4))
        assert [content.digests.sha256 for content in found] == [hashlib.sha256(p).digest() for p in pictures * 4]

    def test_may_be_closed_twice(self, hasher: Hasher) -> None:
        hasher.close()
        hasher.close()
