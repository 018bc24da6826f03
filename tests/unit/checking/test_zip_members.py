"""What a ZIP holds beside what its directory says: read, too, or said not to be; and ordinary ones as before."""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest

from goodhoster.checking.members import BEGINNING, END, Inside, opener_at_end, opener_of
from goodhoster.errors import UncheckedError
from goodhoster.model.limits import ReadingLimits

JPEG = b"\xff\xd8\xff\xe0 made up " + bytes(range(256)) * 300
OTHER = b"\x89PNG\r\n\x1a\n made up"


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def streamed_zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """With descriptors behind the data, as whoever cannot seek writes it."""

    class Stream(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += bytes(data)
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.written


def without_directory(packed: bytes) -> bytes:
    return packed[: packed.index(b"PK\1\2")]


def found_in(content: bytes, limits: ReadingLimits | None = None) -> tuple[set[bytes], str]:
    """Digests of what is inside, and why there may be more."""
    opener = opener_of(content[:BEGINNING]) or opener_at_end(content[-END:])
    assert opener
    found: set[bytes] = set()
    try:
        for member in Inside(io.BytesIO(content), opener, limits or ReadingLimits()):
            found.add(member.sha256)
    except UncheckedError as error:
        return found, error.reason
    return found, ""


def sha256(*contents: bytes) -> set[bytes]:
    return {hashlib.sha256(content).digest() for content in contents}


def put_before(hidden: bytes, shown: bytes) -> bytes:
    return hidden + shown


def put_between(hidden: bytes, shown: bytes) -> bytes:
    """Between the members and the directory, whose place is told anew."""
    directory, end = shown.index(b"PK\1\2"), shown.rindex(b"PK\5\6")
    told = struct.pack("<L", directory + len(hidden))
    return shown[:directory] + hidden + shown[directory : end + 16] + told + shown[end + 20 :]


def put_behind(hidden: bytes, shown: bytes) -> bytes:
    """In the comment."""
    end = shown.rindex(b"PK\5\6")
    return shown[: end + 20] + struct.pack("<H", len(hidden)) + hidden


@pytest.mark.parametrize("put", [put_before, put_between, put_behind])
@pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
@pytest.mark.parametrize("hidden", [JPEG[:5000], OTHER])
def test_a_member_that_the_directory_does_not_name_is_looked_at(
    put: Callable[[bytes, bytes], bytes], pack: Callable[[dict[str, bytes]], bytes], hidden: bytes
) -> None:
    content = put(without_directory(pack({"hidden.jpg": hidden})), zip_of({"a.txt": b"nothing", "b.png": OTHER}))
    assert found_in(content) == (sha256(hidden, OTHER), "")


@pytest.mark.parametrize("put", [put_before, put_between, put_behind])
def test_so_is_one_that_is_stored(put: Callable[[bytes, bytes], bytes]) -> None:
    hidden = JPEG[:60_000]  # a comment is no longer than 65,535 bytes
    content = put(without_directory(zip_of({"hidden.jpg": hidden}, zipfile.ZIP_STORED)), zip_of({"a.txt": b"nothing"}))
    assert found_in(content) == (sha256(hidden), "")


def test_a_directory_that_names_nothing_hides_nothing() -> None:
    hidden = without_directory(zip_of({"a.jpg": JPEG, "b.png": OTHER}))
    assert found_in(put_before(hidden, zip_of({}))) == (sha256(JPEG, OTHER), "")


@pytest.mark.parametrize("before", [*range((1 << 20) - 12, (1 << 20) + 8), (3 << 20) - 5, 5_000_000])
def test_they_are_found_wherever_they_stand(before: int) -> None:
    shown = zip_of({"a.png": OTHER})
    hidden = without_directory(zip_of({"hidden.jpg": JPEG}))
    content = put_between(bytes(before - shown.index(b"PK\1\2")) + hidden, shown)
    assert found_in(content) == (sha256(JPEG, OTHER), "")


def test_an_archive_that_is_cut_off_has_the_members_that_are_there() -> None:
    content = zip_of({"a.jpg": JPEG, "b.png": OTHER})
    assert found_in(without_directory(content)) == (sha256(JPEG, OTHER), "broken-archive")


def test_an_archive_behind_the_members_of_another_hides_nothing_of_it() -> None:
    assert found_in(zip_of({"a.jpg": JPEG}) + zip_of({"b.png": OTHER})) == (sha256(JPEG, OTHER), "")


def test_an_archive_that_is_not_named_is_looked_into() -> None:
    inner = zip_of({"a.jpg": JPEG})
    assert found_in(put_before(without_directory(zip_of({"inner.zip": inner})), zip_of({}))) == (sha256(JPEG), "")


@pytest.mark.parametrize("flags", [1, 1 | 1 << 6])
def test_one_that_is_encrypted_is_said(flags: int) -> None:
    hidden = bytearray(without_directory(zip_of({"hidden.jpg": JPEG})))
    hidden[6:8] = struct.pack("<H", flags)
    assert found_in(bytes(hidden) + zip_of({"b.png": OTHER})) == (sha256(OTHER), "encrypted")


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93])
def test_one_that_cannot_be_read_is_said(method: int) -> None:
    hidden = bytearray(without_directory(zip_of({"hidden.jpg": JPEG})))
    hidden[8:10] = struct.pack("<H", method)
    assert found_in(bytes(hidden) + zip_of({"b.png": OTHER})) == (sha256(OTHER), "broken-archive")


def test_one_that_is_stored_and_does_not_tell_its_length_is_said() -> None:
    hidden = without_directory(streamed_zip_of({"hidden.jpg": JPEG}, zipfile.ZIP_STORED))
    assert found_in(hidden + zip_of({"b.png": OTHER})) == (sha256(OTHER), "broken-archive")


def test_too_many_are_said() -> None:
    one = without_directory(zip_of({"a.txt": b"text"}, zipfile.ZIP_STORED))
    assert found_in(one * 10_001 + zip_of({"b.png": OTHER})) == (sha256(OTHER), "too-many-members")


class TestWhatTheDirectorySaysOtherwise:
    """Its header tells the truth to whoever reads a stream."""

    @staticmethod
    def told(archive: bytes, **fields: int) -> bytes:
        """The same with other fields in the directory's first entry."""
        places = {"crc": 16, "packed": 20, "unpacked": 24}
        content, at = bytearray(archive), archive.index(b"PK\1\2")
        for name, value in fields.items():
            content[at + places[name] : at + places[name] + 4] = struct.pack("<L", value)
        return bytes(content)

    @pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
    def test_that_it_is_empty(self, pack: Callable[[dict[str, bytes]], bytes]) -> None:
        for packed_size in (0, 2):
            content = self.told(pack({"a.jpg": JPEG}), crc=0, packed=packed_size, unpacked=0)
            found, _ = found_in(content)
            assert found == sha256(JPEG)

    @pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
    def test_that_it_is_shorter(self, pack: Callable[[dict[str, bytes]], bytes]) -> None:
        content = self.told(pack({"a.jpg": JPEG}), crc=zlib.crc32(JPEG[:2000]), unpacked=2000)
        found, problem = found_in(content)
        assert problem == "broken-archive"
        assert sha256(JPEG) <= found

    @pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
    def test_that_it_covers_another(self, pack: Callable[[dict[str, bytes]], bytes]) -> None:
        """Its data end by themselves where they end, and behind them is a member that is named nowhere."""
        shown, hidden = pack({"a.txt": b"hello"}), without_directory(zip_of({"hidden.jpg": JPEG}))
        content = self.told(put_between(hidden, shown), packed=len(hidden) + 100)
        found, _ = found_in(content)
        assert found == sha256(JPEG)

    def test_that_it_is_a_directory(self) -> None:
        assert found_in(zip_of({"a/": JPEG})) == (sha256(JPEG), "")
        assert found_in(zip_of({"a/": JPEG}, zipfile.ZIP_STORED)) == (sha256(JPEG), "")


class TestOrdinaryOnes:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    @pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
    def test_are_whole(self, pack: Callable[[dict[str, bytes], int], bytes], method: int) -> None:
        files = {"a.jpg": JPEG, "empty": b"", "empty.jpg": b"", "folder/": b"", "b.png": OTHER, "c.txt": b"text" * 9000}
        assert found_in(pack(files, method)) == (sha256(JPEG, OTHER), "")

    def test_a_directory_in_which_nothing_is_compressed(self) -> None:
        """As some programs write it: two bytes that unpack to none."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("folder/"), b"", zipfile.ZIP_DEFLATED)
            archive.writestr("a.jpg", JPEG)
        assert found_in(packed.getvalue()) == (sha256(JPEG), "")

    def test_what_fills_gaps_is_no_member(self) -> None:
        """As Android's tools leave room: a header without a name."""
        filler = struct.pack("<4s2B4HL2L2H", b"PK\3\4", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 400) + bytes(400)
        assert found_in(put_between(filler, zip_of({"a.jpg": JPEG}))) == (sha256(JPEG), "")

    def test_the_mark_alone_is_no_member(self) -> None:
        program = b"MZ a program that looks for PK\3\4 and for PK\3\4\xff\xff in files" + bytes(5000)
        assert found_in(program + zip_of({"a.jpg": JPEG})) == (sha256(JPEG), "")

    def test_archives_that_are_stored_in_one(self) -> None:
        inner = zip_of({"a.jpg": JPEG, "b.txt": b"text"})
        assert found_in(zip_of({"x.docx": inner, "y.docx": inner}, zipfile.ZIP_STORED)) == (sha256(JPEG), "")

    @pytest.mark.parametrize("pack", [zip_of, streamed_zip_of])
    def test_archives_that_do_not_get_smaller(self, pack: Callable[[dict[str, bytes]], bytes]) -> None:
        """Their headers can be read in the compressed data, which have marks of their own every few bytes."""
        noise = hashlib.shake_256(b"made up").digest(400_000)
        inner = zip_of({"a.jpg": JPEG, "noise": noise, "b.png": OTHER, "more": noise})
        content = pack({"inner.zip": inner, "c.txt": b"text"})
        assert content.count(b"PK\3\4") > 2
        assert found_in(content) == (sha256(JPEG, OTHER), "")

    def test_every_member_is_what_the_directory_names(self) -> None:
        """A set of exemptions shall not hold what nobody unpacks."""
        content = without_directory(zip_of({"hidden.jpg": JPEG})) + zip_of({"a.txt": b"text"})
        assert found_in(content, ReadingLimits(every_member=True)) == (sha256(b"text"), "")
