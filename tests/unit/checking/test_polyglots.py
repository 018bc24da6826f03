"""What is two things at once, or of a kind that nothing here opens: looked at as both, or said not to be."""

import gzip
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.checking.hasher import DirectHasher, read_at_once, worth_opening
from goodhoster.checking.verdict import verdict_of
from goodhoster.model.digests import Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.testing.hostile import tar_of

HIDDEN = b"\xff\xd8\xff\xe0 made up" + bytes(300)
END_OF_RAR_4 = bytes.fromhex("c43d7b00400700")
END_OF_RAR_5 = bytes.fromhex("1d77565103050400")


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(out, form)
    return out.getvalue()


def zip_of(content: bytes, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jpg", content)
        archive.comment = comment
    return packed.getvalue()


def read(folder: Path, content: bytes) -> Content:
    file = folder / "file"
    file.write_bytes(content)
    fd = os.open(file, os.O_RDONLY)
    try:
        return DirectHasher(ReadingLimits()).read(fd)
    finally:
        os.close(fd)


def inside(content: Content) -> list[bytes]:
    return [member.sha256 for member in content.members]


@pytest.mark.parametrize("behind", [b"", b"junk that unpackers pass over", bytes(1000)])
@pytest.mark.parametrize("form", ["GIF", "JPEG", "PNG", "WEBP"])
def test_a_picture_with_a_zip_behind_it_is_both(tmp_path: Path, form: str, behind: bytes) -> None:
    content = read(tmp_path, picture(form) + zip_of(HIDDEN) + behind)
    assert content.fingerprints
    assert content.fault is None
    assert inside(content) == [hashlib.sha256(HIDDEN).digest()]


@pytest.mark.parametrize("form", ["GIF", "JPEG"])
def test_a_picture_alone_holds_nothing(tmp_path: Path, form: str) -> None:
    content = read(tmp_path, picture(form))
    assert (content.members, content.fault) == ((), None)
    assert content.fingerprints


def test_a_video_with_a_zip_behind_it_is_both(tmp_path: Path) -> None:
    content = read(tmp_path, b"\x1a\x45\xdf\xa3" + bytes(5000) + zip_of(HIDDEN))
    assert inside(content) == [hashlib.sha256(HIDDEN).digest()]


def test_a_tar_whose_first_name_makes_it_a_gif_is_both(tmp_path: Path) -> None:
    content = read(tmp_path, tar_of({"GIF89a": b"x", "b.jpg": HIDDEN}))
    assert hashlib.sha256(HIDDEN).digest() in inside(content)


def test_a_document_in_a_comment_of_a_picture_is_looked_into(tmp_path: Path) -> None:
    document = b"%PDF-1.4\n1 0 obj\n<< >>\nstream\n" + HIDDEN + b"\nendstream\n"
    content = read(tmp_path, b"\xff\xd8\xff\xfe" + (len(document) + 2).to_bytes(2) + document + b"\xff\xd9")
    assert inside(content) == [hashlib.sha256(HIDDEN).digest()]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"Rar!\x1a\7\0" + bytes(100), "RAR"),
        (b"Rar!\x1a\7\1\0" + bytes(100), "RAR"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(100), "7z"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd"),
        (b"MSCF\0\0\0\0" + bytes(100), "CAB"),
        (b"\x21\x5a-lh5-" + bytes(100), "LHA"),
        (bytes(7) + b"**ACE**" + bytes(100), "ACE"),
        (b"MZ a stub" + bytes(1000) + b"Rar!\x1a\7\1\0" + bytes(100) + END_OF_RAR_5, "RAR"),
    ],
)
def test_an_archive_that_nothing_here_opens_is_not_clear(tmp_path: Path, content: bytes, kind: str) -> None:
    found = read(tmp_path, content)
    verdict = verdict_of(found, [MemorySource({})], ask_services=False)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "other-archive")
    assert kind in verdict.detail
    assert read_at_once(content, ReadingLimits()) is None


@pytest.mark.parametrize("end", [END_OF_RAR_4, END_OF_RAR_5])
def test_a_rar_behind_a_picture_is_said(tmp_path: Path, end: bytes) -> None:
    found = read(tmp_path, picture("JPEG") + b"Rar!\x1a\7\0" + bytes(100) + end)
    assert found.fingerprints
    verdict = verdict_of(found, [MemorySource({})], ask_services=True)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "other-archive")


def test_its_own_digests_count_all_the_same(tmp_path: Path) -> None:
    content = b"Rar!\x1a\7\0" + bytes(100)
    known = {Digest.parse(hashlib.sha256(content).hexdigest()): Category.ILLEGAL}
    assert verdict_of(read(tmp_path, content), [MemorySource(known)], ask_services=False).kind is VerdictKind.KNOWN


def test_no_process_is_started_for_what_its_first_bytes_tell(tmp_path: Path) -> None:
    file = tmp_path / "a.rar"
    file.write_bytes(b"Rar!\x1a\7\0" + bytes(100))
    with file.open("rb") as opened:
        assert not worth_opening(opened.fileno())


@pytest.mark.parametrize("content", [b"a text", gzip.compress(b"a line of a log", mtime=0)])
def test_what_holds_no_picture_is_clear(tmp_path: Path, content: bytes) -> None:
    assert verdict_of(read(tmp_path, content), [MemorySource({})], ask_services=False).kind is VerdictKind.CLEAR
