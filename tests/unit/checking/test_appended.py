"""What begins behind a picture or video is a member; what phones and programs leave there costs nothing."""

import gzip
import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="needs the extra near")
from PIL import Image

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.checking.hasher import DirectHasher, read_at_once, worth_opening
from goodhoster.checking.verdict import verdict_of
from goodhoster.model.digests import Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.testing.hostile import tar_of

FORMS = ["GIF", "JPEG", "PNG", "WEBP", "AVIF"]


def picture(form: str, number: int = 0, /, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_mandelbrot((64 + number, 64), (-2, -2, 2, 2), 50).save(out, form, **options)
    return out.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L4s", 8 + len(content), kind) + content


VIDEO = box(b"ftyp", b"mp42\0\0\0\0mp42isom") + box(b"mdat", bytes(5000)) + box(b"moov", b"made up" * 20)
HIDDEN = picture("JPEG", 9)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data", b"SEFH\x6b\0\0\0\1\0\0\0" + bytes(20) + b"SEFT"
"""What stands before and behind the video of a motion photo."""


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


def sha256(*contents: bytes) -> list[bytes]:
    return [hashlib.sha256(content).digest() for content in contents]


@pytest.mark.parametrize("gap", [b"", bytes(100), b"made-up notes of a maker"])
@pytest.mark.parametrize("hidden", [*FORMS, "MP4"])
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_or_video_behind_a_picture_is_a_member(tmp_path: Path, form: str, hidden: str, gap: bytes) -> None:
    behind = VIDEO if hidden == "MP4" else picture(hidden, 9)
    content = read(tmp_path, picture(form) + gap + behind)
    assert content.fingerprints
    assert content.fault is None
    assert sha256(behind)[0] in inside(content)


@pytest.mark.parametrize("form", FORMS)
def test_a_known_picture_hidden_so_is_not_clear(tmp_path: Path, form: str) -> None:
    """It was *clear*."""
    source = MemorySource({Digest.parse(hashlib.sha256(HIDDEN).hexdigest()): Category.ILLEGAL})
    assert verdict_of(read(tmp_path, picture(form)), [source], ask_services=True).kind is VerdictKind.CLEAR
    found = verdict_of(read(tmp_path, picture(form) + HIDDEN), [source], ask_services=True)
    assert found.kind not in {VerdictKind.CLEAR, VerdictKind.UNCHECKED}


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_alone_has_nothing_behind_it(tmp_path: Path, form: str) -> None:
    for behind in (b"", bytes(1), bytes(70_000), b"\n", b"made-up notes of a maker" * 1000):
        content = read(tmp_path, picture(form) + behind)
        assert (content.members, content.fault) == ((), None)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"comment": b"\xff\xd8\xff\xe0" * 9}, {"quality": 1}]
)
def test_the_end_of_every_kind_of_jpeg_is_found(tmp_path: Path, options: dict[str, object]) -> None:
    outer = picture("JPEG", **options)
    assert inside(read(tmp_path, outer)) == []
    assert inside(read(tmp_path, outer + HIDDEN)) == sha256(HIDDEN)


def test_an_animation_is_followed_to_its_end(tmp_path: Path) -> None:
    frames, out = [Image.effect_noise((40, 40), 60 + n) for n in range(5)], io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=0)
    assert inside(read(tmp_path, out.getvalue())) == []
    assert inside(read(tmp_path, out.getvalue() + HIDDEN)) == sha256(HIDDEN)
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    assert inside(read(tmp_path, out.getvalue())) == []
    assert inside(read(tmp_path, out.getvalue() + HIDDEN)) == sha256(HIDDEN)


def test_several_in_a_row_are_all_found(tmp_path: Path) -> None:
    several = [picture("PNG", n) for n in range(1, 5)]
    found = inside(read(tmp_path, picture("JPEG") + b"".join(several)))
    assert set(sha256(*several)) <= set(found)


@pytest.mark.parametrize("makers", [(b"", b""), SAMSUNG])
def test_the_video_of_a_motion_photo_is_asked_about_and_no_fault(tmp_path: Path, makers: tuple[bytes, bytes]) -> None:
    content = read(tmp_path, picture("JPEG") + makers[0] + VIDEO + makers[1])
    assert (sha256(VIDEO)[0] in inside(content), content.fault) == (True, None)
    assert len(content.members) <= 2


def test_the_video_in_a_box_of_a_heif_is_asked_about(tmp_path: Path) -> None:
    content = read(tmp_path, picture("AVIF") + box(b"mpvd", VIDEO))
    assert inside(content) == sha256(VIDEO)


def test_the_second_picture_of_an_mpo_is_asked_about(tmp_path: Path) -> None:
    first, second = Image.effect_noise((64, 64), 50), Image.effect_noise((64, 64), 90)
    out = io.BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second])
    content = read(tmp_path, out.getvalue())
    assert len(content.members) == 1
    assert out.getvalue().endswith(HIDDEN[-2:])
    assert content.fault is None


def test_an_archive_behind_a_picture_is_looked_into_or_said(tmp_path: Path) -> None:
    assert inside(read(tmp_path, picture("PNG") + tar_of({"a.jpg": HIDDEN}))) == sha256(HIDDEN)
    assert inside(read(tmp_path, picture("JPEG") + bytes(9) + gzip.compress(HIDDEN))) == sha256(HIDDEN)
    closed = read(tmp_path, picture("PNG") + b"7z\xbc\xaf\x27\x1c\0\4" + bytes(100))
    assert closed.fault is not None
    assert closed.fault.reason == "other-archive"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_that_is_cut_before_another_hides_it_not(tmp_path: Path, form: str) -> None:
    outer = picture(form, 2)
    for cut in (2, 20, len(outer) // 2):
        assert sha256(HIDDEN)[0] in inside(read(tmp_path, outer[:-cut] + HIDDEN)), cut


def test_a_picture_inside_an_archive_with_another_behind_it(tmp_path: Path) -> None:
    outer = picture("JPEG") + HIDDEN
    assert inside(read(tmp_path, tar_of({"a.jpg": outer}))) == sha256(outer, HIDDEN)


@pytest.mark.parametrize("behind", [HIDDEN, VIDEO, tar_of({"a.jpg": HIDDEN})])
def test_a_picture_behind_a_video_is_found(tmp_path: Path, behind: bytes) -> None:
    content = VIDEO + bytes(8) + behind
    assert read_at_once(content, ReadingLimits()) is None
    assert inside(read(tmp_path, content)) != []


@pytest.mark.parametrize("content", [VIDEO, VIDEO[:-50], VIDEO[:3000], b"RIFF" + bytes(100), VIDEO[:40]])
def test_a_video_alone_opens_no_process(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with (tmp_path / "a.mp4").open("rb") as opened:
        assert not worth_opening(opened.fileno())


@pytest.mark.parametrize("length", [0, 1, 2, 7, 0xFFFFFFFF])
def test_a_box_without_a_length_behind_a_picture_ends(tmp_path: Path, length: int) -> None:
    content = read(tmp_path, picture("PNG") + struct.pack(">L", length) + b"ftypmp42" + bytes(100))
    assert len(content.members) <= 2


def test_more_than_the_limit_behind_a_picture_is_said(tmp_path: Path) -> None:
    content = read(tmp_path, picture("PNG") + b"\xff\xd8\xff\xe0 made up" * 1001)
    assert content.fault is not None
    assert content.fault.reason == "too-many-members"


def test_a_trailer_that_is_too_long_to_be_looked_through_is_said(tmp_path: Path) -> None:
    content = read(tmp_path, picture("PNG") + zlib.compress(b"x") * (8 << 20))
    assert content.fault is not None
    assert content.fault.reason == "too-big"
