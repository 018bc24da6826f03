import bz2
import gzip
import hashlib
import io
import itertools
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest

from goodhoster.checking.member_reading import Member
from goodhoster.checking.members import BEGINNING, END, Inside, opener_at_end, opener_of
from goodhoster.errors import UncheckedError
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.hostile import tar_of


def claiming(size: int) -> bytes:
    """A TAR file that ends within its first member, which is no picture and so is passed over."""
    entry = tarfile.TarInfo("a.jpg")
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(8192)


def opened(content: bytes, limits: ReadingLimits | None = None) -> Inside:
    opener = opener_of(content[:BEGINNING])
    assert opener
    return Inside(io.BytesIO(content), opener, limits or ReadingLimits())


def digests_in(content: bytes) -> list[bytes]:
    return [member.sha256 for member in opened(content)]


def sha256(*contents: bytes) -> list[bytes]:
    return [hashlib.sha256(content).digest() for content in contents]


@pytest.mark.parametrize("size", [1 << 30, 1 << 50])
def test_a_tar_that_claims_more_than_it_has_is_broken_at_once(size: int) -> None:
    content = claiming(size)
    with pytest.raises(UncheckedError, match="is broken") as caught:
        digests_in(content)
    assert caught.value.reason == "broken-archive"


def test_a_tar_without_its_closing_blocks_is_read() -> None:
    picture = b"\xff\xd8\xff\xe0" + bytes(508)
    content = tar_of({"a.jpg": picture})[:1024]
    assert len(digests_in(content)) == 1


JPEG = b"\xff\xd8\xff\xe0 made up " + bytes(range(256)) * 300
PNG = b"\x89PNG\r\n\x1a\n made up"


def old_tar(files: dict[str, bytes]) -> bytes:
    """As before POSIX: no mark, only the checksum tells it."""
    packed = b""
    for name, content in files.items():
        header = bytearray(512)
        header[:100] = name.encode().ljust(100, b"\0")
        header[100:148] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % len(content) + b"00000000000\0"
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        packed += bytes(header) + content + bytes(-len(content) % 512)
    return packed + bytes(1024)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_from_before_posix_is_one(pack: Callable[[bytes], bytes]) -> None:
    assert digests_in(pack(old_tar({"a": JPEG, "b.txt": b"text", "c": PNG}))) == sha256(JPEG, PNG)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_one_file_that_is_compressed(pack: Callable[[bytes], bytes]) -> None:
    assert digests_in(pack(JPEG)) == sha256(JPEG)
    assert digests_in(pack(b"a line of a log\n" * 1000)) == []
    assert digests_in(pack(b"")) == []


def test_gzip_files_that_were_appended_are_one_file() -> None:
    assert digests_in(gzip.compress(JPEG[:3]) + gzip.compress(JPEG[3:])) == sha256(JPEG)


def test_what_only_its_name_calls_a_picture_is_taken_too() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("holiday.TGA", b"no signature")
        archive.writestr("holiday.txt", b"nothing")
    assert digests_in(packed.getvalue()) == sha256(b"no signature")


def pdf(*streams: bytes, trailer: bytes = b"") -> bytes:
    objects = (b"%d 0 obj\n<< /Length 1 >>\nstream\n%b\nendstream\nendobj\n" % (1, stream) for stream in streams)
    return b"%PDF-1.7\n" + b"".join(objects) + b"trailer\n<< " + trailer + b" >>\nstartxref\n9\n%%EOF\n"


def test_a_picture_in_a_pdf_is_found_however_often_flate_is_around_it() -> None:
    twice = zlib.compress(zlib.compress(JPEG))
    text = zlib.compress(b"BT (text) Tj ET")
    assert digests_in(pdf(JPEG, zlib.compress(PNG), zlib.compress(JPEG), text, twice)) == sha256(JPEG, JPEG, JPEG)


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"junk of a mail server\r\n" * 40])
def test_a_pdf_may_begin_late(before: bytes) -> None:
    assert digests_in(before + pdf(JPEG)) == sha256(JPEG)


def test_a_pdf_that_begins_later_is_none() -> None:
    assert opener_of((b" " * 1024 + pdf(JPEG))[:BEGINNING]) is None


@pytest.mark.parametrize("trailer", [b"/Encrypt 12 0 R", b"/Encrypt\n12 0 R", b"/Encrypt<</Filter/Standard>>"])
def test_an_encrypted_pdf_is_not_said_to_hold_nothing(trailer: bytes) -> None:
    with pytest.raises(UncheckedError) as caught:
        digests_in(pdf(b"\x93\x11", trailer=trailer))
    assert caught.value.reason == "encrypted"


def test_metadata_that_says_it_is_not_encrypted_is_no_encryption() -> None:
    assert digests_in(pdf(JPEG, trailer=b"/EncryptMetadata false")) == sha256(JPEG)


def test_a_bomb_in_a_pdf_ends_at_the_limit() -> None:
    bomb = zlib.compress(zlib.compress(b"\xff\xd8\xff" + bytes(50 << 20)))
    with pytest.raises(UncheckedError) as caught:
        list(opened(pdf(bomb), ReadingLimits(member_bytes=10 << 20)))
    assert caught.value.reason == "too-big"


def test_every_file_of_a_release_where_that_is_asked() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in {"a.php": b"<?php", "b.svg": b"<svg/>", "empty": b"", "c.css": b"a{}"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a.php"
        archive.addfile(link)
        directory = tarfile.TarInfo("d")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
    inside = opened(packed.getvalue(), ReadingLimits(every_member=True))
    assert [member.sha256 for member in inside] == sha256(b"<?php", b"<svg/>", b"a{}")
    assert inside.left_out == 2  # the empty file and the link


def zip_with(name: str, content: bytes, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
        archive.comment = comment
    return packed.getvalue()


@pytest.mark.parametrize("front", [b"abc", b"MZ stub" * 100, bytes(70_000)])
@pytest.mark.parametrize("comment", [b"", b"made up"])
def test_a_zip_behind_other_bytes_is_a_zip(front: bytes, comment: bytes) -> None:
    """Such as a self-extracting one: every program that reads ZIP files looks at the end."""
    content = front + zip_with("a.jpg", JPEG, comment)
    assert opener_of(content[:BEGINNING]) is None
    opener = opener_at_end(content[-END:])
    assert opener
    inside = Inside(io.BytesIO(content), opener, ReadingLimits())
    assert [member.sha256 for member in inside] == sha256(JPEG)


@pytest.mark.parametrize("content", [b"text about PK\5\6 and more of it", b"PK\5\6", bytes(30) + b"PK\5\6" + bytes(40)])
def test_the_mark_of_an_end_alone_is_no_zip(content: bytes) -> None:
    assert opener_at_end(content[-END:]) is None


def test_a_zip_behind_other_bytes_may_have_bytes_after_it_and_a_mark_in_its_comment() -> None:
    packed = zip_with("a.jpg", JPEG)
    for content in (b"front" + packed + b"junk" * 100, b"front" + zip_with("a.jpg", JPEG, b"PK\5\6" + bytes(30))):
        assert opener_at_end(content[-END:])
    assert opener_at_end((b"front" + packed + b"PK\5\6 text")[-END:])


@pytest.mark.parametrize("mark", [b"PK\7\x08", b"PK00"])
def test_the_first_part_of_a_divided_zip_is_not_said_to_hold_nothing(mark: bytes) -> None:
    with pytest.raises(UncheckedError) as caught:
        digests_in(mark + zip_with("a.jpg", JPEG)[:-40])
    assert caught.value.reason == "broken-archive"


def test_whatever_a_reader_of_archives_raises_is_a_broken_archive() -> None:
    def fails(_: object) -> Iterator[Member]:
        yield Member(b"a.jpg", io.BytesIO(JPEG))
        raise IndexError("string index out of range")

    inside = iter(Inside(io.BytesIO(), fails, ReadingLimits()))
    assert next(inside).sha256 == sha256(JPEG)[0]
    with pytest.raises(UncheckedError, match="index out of range") as caught:
        next(inside)
    assert caught.value.reason == "broken-archive"


OTHER = b"\x89PNG\r\n\x1a\n another"
PACKED = [bytes, gzip.compress, bz2.compress, lzma.compress]


def read_until_fault(content: bytes) -> tuple[list[bytes], str]:
    """The digests that are found, and why there are no more."""
    found: list[bytes] = []
    try:
        found.extend(member.sha256 for member in opened(content))
    except UncheckedError as error:
        return found, error.reason
    return found, ""


def damaged(content: bytes, header: int) -> bytes:
    """The TAR file with a wrong checksum in the header at that place."""
    return content[: header + 148] + b"0000000\0" + content[header + 156 :]


@pytest.mark.parametrize("pack", PACKED)
def test_a_tar_with_a_broken_header_is_read_on_and_never_said_to_hold_no_more(pack: Callable[[bytes], bytes]) -> None:
    whole = tar_of({"a.jpg": JPEG, "b.jpg": PNG, "c.jpg": OTHER})
    second = whole.index(b"b.jpg")
    assert read_until_fault(pack(damaged(whole, second))) == (sha256(JPEG, OTHER), "broken-archive")
    assert read_until_fault(pack(damaged(whole, whole.index(b"c.jpg")))) == (sha256(JPEG, PNG), "broken-archive")
    if b"ustar" in whole[:512]:
        assert read_until_fault(pack(damaged(whole, 0))) == (sha256(PNG, OTHER), "broken-archive")


@pytest.mark.parametrize("kind", [b"A", b"D", b"E", b"M", b"N", b"V", b"Z", b"a", b"8", b"\xff"])
def test_a_tar_member_of_an_unknown_type_is_a_file(kind: bytes) -> None:
    entry = tarfile.TarInfo("a.jpg")
    entry.size, entry.type = len(JPEG), kind
    content = entry.tobuf(tarfile.USTAR_FORMAT) + JPEG + bytes(-len(JPEG) % 512) + bytes(1024)
    assert read_until_fault(content) == (sha256(JPEG), "")


@pytest.mark.parametrize("pack", PACKED)
def test_tar_files_one_behind_the_other_are_all_read(pack: Callable[[bytes], bytes]) -> None:
    one, two = tar_of({"a.jpg": JPEG}), tar_of({"b.jpg": PNG})
    assert read_until_fault(pack(one + two)) == (sha256(JPEG, PNG), "")
    assert read_until_fault(pack(one) + pack(two)) == (sha256(JPEG, PNG), "")
    assert read_until_fault(pack(bytes(512) + one)) == (sha256(JPEG), "")


def test_an_empty_block_within_a_tar_is_not_its_end() -> None:
    whole = tar_of({"a.jpg": JPEG, "b.jpg": PNG})
    second = whole.index(b"b.jpg")
    assert read_until_fault(whole[:second] + bytes(512) + whole[second:]) == (sha256(JPEG, PNG), "")


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("behind", [PNG, b"x", JPEG, bytes(511) + b"x", bytes(5000) + PNG + bytes(5000)])
def test_what_is_behind_the_end_of_a_tar_is_not_passed_over(pack: Callable[[bytes], bytes], behind: bytes) -> None:
    assert read_until_fault(pack(tar_of({"a.jpg": JPEG}) + behind)) == (sha256(JPEG), "broken-archive")


@pytest.mark.parametrize("zeros", [1, 511, 512, 100_000])
def test_zeros_behind_the_end_of_a_tar_are_nothing(zeros: int) -> None:
    assert read_until_fault(tar_of({"a.jpg": JPEG}) + bytes(zeros)) == (sha256(JPEG), "")


def test_a_directory_or_link_with_content_in_a_tar_is_not_passed_over() -> None:
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("a")
        entry.type, entry.size = kind, len(JPEG)
        content = entry.tobuf(tarfile.USTAR_FORMAT) + JPEG + bytes(-len(JPEG) % 512) + bytes(1024)
        assert read_until_fault(content) == ([], "broken-archive"), kind


def zip_of(*members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            archive.writestr(f"{number}.dat", member)
    return packed.getvalue()


def tar_with(*members: bytes) -> bytes:
    return tar_of({f"{number}.dat": member for number, member in enumerate(members)})


def tar_gz(*members: bytes) -> bytes:
    return gzip.compress(tar_with(*members))


Pack = Callable[..., bytes]
PACKS = [zip_of, tar_with, tar_gz, gzip.compress, bz2.compress, lzma.compress, pdf]


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(PACKS[:6], PACKS)))
def test_an_archive_in_an_archive_is_looked_into(outer: Pack, inner: Pack) -> None:
    assert digests_in(outer(inner(JPEG))) == sha256(JPEG)


def test_what_lies_beside_an_archive_in_an_archive_is_found_too() -> None:
    assert digests_in(zip_of(PNG, zip_of(JPEG, b"text"), JPEG[:50])) == sha256(PNG, JPEG, JPEG[:50])


def found_and_reason(content: bytes, limits: ReadingLimits | None = None) -> tuple[list[bytes], str]:
    found: list[bytes] = []
    try:
        for member in opened(content, limits):
            found.append(member.sha256)  # noqa: PERF401 - what was given before it is raised counts
    except UncheckedError as error:
        return found, error.reason
    return found, ""


def test_as_deep_as_it_is_looked_into_and_deeper_is_said() -> None:
    packed = JPEG
    for depth in range(4):
        packed = zip_of(packed)
        assert found_and_reason(packed) == (sha256(JPEG), ""), depth
    assert found_and_reason(zip_of(packed, PNG)) == (sha256(PNG), "other-archive")


@pytest.mark.parametrize(
    "closed",
    [
        b"Rar!\x1a\7\1\0" + bytes(100),
        b"7z\xbc\xaf\x27\x1c" + bytes(100),
        PNG + b"Rar!\x1a\7\0" + bytes.fromhex("c43d7b00400700"),
    ],
)
@pytest.mark.parametrize("pack", [zip_of, tar_with, tar_gz])
def test_inside_is_what_nothing_here_opens_and_that_is_said_after_all_else(pack: Pack, closed: bytes) -> None:
    found, reason = found_and_reason(pack(closed, JPEG))
    assert (sha256(JPEG)[0] in found, reason) == (True, "other-archive")


def test_a_picture_inside_with_a_zip_behind_it_is_said_not_to_be_looked_into() -> None:
    polyglot = PNG + zip_of(JPEG)
    assert found_and_reason(tar_with(polyglot)) == (sha256(polyglot), "other-archive")


def test_a_packed_drawing_is_a_picture_and_an_archive() -> None:
    packed, svgz = io.BytesIO(), gzip.compress(b"<svg/>")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("logo.svgz", svgz)
    assert digests_in(packed.getvalue()) == sha256(svgz, b"<svg/>")


def encrypted(packed: bytes) -> bytes:
    """Its first member says that it is."""
    central = packed.index(b"PK\1\2")
    flagged = bytearray(packed)
    flagged[6] |= 1
    flagged[central + 8] |= 1
    return bytes(flagged)


def broken(packed: bytes) -> bytes:
    """Its first member has other bytes than its checksum."""
    damaged = bytearray(packed)
    damaged[packed.index(b"made up")] ^= 1
    return bytes(damaged)


def stored(*members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, member in enumerate(members):
            archive.writestr(f"{number}.dat", member)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encrypted(stored(PNG, JPEG)), "encrypted"),
        (broken(stored(PNG, JPEG)), "broken-archive"),
        (stored(encrypted(stored(PNG)), JPEG), "encrypted"),
        (stored(broken(stored(PNG)), JPEG), "broken-archive"),
        (stored(b"PK\3\4 no zip at all", JPEG), "broken-archive"),
        (tar_with(gzip.compress(PNG)[:-4], JPEG), "broken-archive"),
    ],
)
def test_what_cannot_be_read_hides_nothing_beside_it(content: bytes, reason: str) -> None:
    found, said = found_and_reason(content)
    assert sha256(JPEG)[0] in found
    assert said == reason


def test_a_bomb_of_archives_ends_at_the_limit() -> None:
    layer = zip_of(bytes(1 << 20))
    for _ in range(3):
        layer = zip_of(*[layer] * 16)
    picture = b"\xff\xd8\xff" + bytes(30 << 20)
    found, reason = found_and_reason(zip_of(layer, picture), ReadingLimits(member_bytes=1 << 20))
    assert (found, reason) == ([], "too-big")


def test_members_in_all_archives_together_have_one_limit() -> None:
    content = zip_of(zip_of(JPEG, PNG), zip_of(JPEG, PNG))
    assert found_and_reason(content, ReadingLimits(members=3)) == (sha256(JPEG, PNG, JPEG), "too-many-members")
