"""ar files, as static libraries and Debian packages are, and cpio files: read as ZIP and TAR files are."""

import hashlib
import io
import lzma
import subprocess
from pathlib import Path

import pytest

from goodhoster.checking.members import BEGINNING, Inside, opener_of
from goodhoster.errors import UncheckedError
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.hostile import tar_of

JPEG = b"\xff\xd8\xff\xe0 made up " + bytes(range(256)) * 30 + b"."
PNG = b"\x89PNG\r\n\x1a\n made up"
FORMS = ["bin", "odc", "newc", "crc", "hpbin", "hpodc"]
LONG = "a-name-of-more-than-sixteen-letters.jpg"


def found_and_reason(content: bytes) -> tuple[list[bytes], str]:
    """The SHA-256 of what was found inside, and why there is not more."""
    opener, found = opener_of(content[:BEGINNING]), list[bytes]()
    assert opener
    try:
        found += (member.sha256 for member in Inside(io.BytesIO(content), opener, ReadingLimits()))
    except UncheckedError as error:
        return found, error.reason
    return found, ""


def sha256(*contents: bytes) -> list[bytes]:
    return [hashlib.sha256(content).digest() for content in contents]


def write(folder: Path) -> list[str]:
    for name, content in ((LONG, JPEG), ("b.png", PNG), ("c.txt", b"a text")):
        (folder / name).write_bytes(content)
    return [LONG, "b.png", "c.txt"]


def cpio(folder: Path, form: str) -> bytes:
    names = "\n".join(write(folder)).encode()
    return subprocess.run(["cpio", "-o", "-H", form], cwd=folder, input=names, capture_output=True, check=True).stdout


@pytest.mark.debian("cpio")
@pytest.mark.parametrize("form", FORMS)
def test_pictures_in_each_form_of_cpio_are_found(tmp_path: Path, form: str) -> None:
    assert found_and_reason(cpio(tmp_path, form)) == (sha256(JPEG, PNG), "")


@pytest.mark.debian("cpio")
def test_old_binary_numbers_of_the_other_byte_order_are_read(tmp_path: Path) -> None:
    content = cpio(tmp_path, "bin")
    header = b"".join(content[at : at + 2][::-1] for at in range(0, 26, 2))
    name = content[26:66]
    assert name == LONG.encode() + b"\0"
    data = content[66 : 66 + len(JPEG) + len(JPEG) % 2]
    end = b"\x71\xc7" + bytes(18) + (11).to_bytes(2) + bytes(4) + b"TRAILER!!!\0\0"
    assert found_and_reason(header + name + data + end) == (sha256(JPEG), "")


@pytest.mark.debian("binutils", program="ar")
def test_pictures_in_an_ar_file_with_long_names_are_found(tmp_path: Path) -> None:
    subprocess.run(["ar", "q", "x.a", *write(tmp_path)], cwd=tmp_path, capture_output=True, check=True)
    assert found_and_reason((tmp_path / "x.a").read_bytes()) == (sha256(JPEG, PNG), "")


def ar(*members: tuple[bytes, bytes]) -> bytes:
    whole = b"!<arch>\n"
    for name, content in members:
        header = b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name, 0, 0, 0, 0o100644, len(content))
        whole += header + content + b"\n" * (len(content) % 2)
    return whole


def test_names_as_bsd_writes_them_are_read() -> None:
    assert found_and_reason(ar((b"#1/8", b"a.jpg\0\0\0" + b"no signature"))) == (sha256(b"no signature"), "")


def test_a_debian_package_is_looked_into() -> None:
    data = lzma.compress(tar_of({"usr/share/a.jpg": JPEG}))
    package = ar(
        (b"debian-binary", b"2.0\n"), (b"control.tar.xz", lzma.compress(tar_of({"c": b"x"}))), (b"data.tar.xz", data)
    )
    assert found_and_reason(package) == (sha256(JPEG), "")


def test_a_debian_package_packed_by_zstd_is_said_not_to_be_looked_into() -> None:
    package = ar((b"debian-binary", b"2.0\n"), (b"data.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(50)))
    assert found_and_reason(package) == ([], "other-archive")


@pytest.mark.parametrize("cut", [1, 100, 4000])
@pytest.mark.parametrize("form", ["ar", "newc", "odc"])
@pytest.mark.debian("cpio")
def test_one_that_is_cut_short_is_broken(tmp_path: Path, form: str, cut: int) -> None:
    content = ar((b"a.png", PNG + b"."), (b"b.jpg", JPEG)) if form == "ar" else cpio(tmp_path, form).rstrip(b"\0")
    found, reason = found_and_reason(content[:-cut])
    assert reason == "broken-archive"
    assert sha256(JPEG if form != "ar" and cut < 4000 else PNG + b".")[0] in found or form != "ar"


def test_what_is_no_member_ends_it_with_a_reason() -> None:
    content = ar((b"a.jpg", JPEG)) + b"no header, and as long as one would be" * 2 + ar((b"b.png", PNG))
    assert found_and_reason(content) == (sha256(JPEG), "broken-archive")


@pytest.mark.debian("cpio")
def test_what_is_behind_the_end_of_a_cpio_is_not_passed_over(tmp_path: Path) -> None:
    """Kernels read on there, as in an initramfs."""
    whole, behind = cpio(tmp_path, "newc"), b"\xff\xd8\xff\xe0 behind"
    assert found_and_reason(whole + behind) == (sha256(JPEG, PNG, behind), "")
    again = whole + bytes(512) + whole.replace(JPEG, JPEG[::-1][:-4] + JPEG[:4])
    assert found_and_reason(again)[1] == ""
    packed = lzma.compress(tar_of({"z.jpg": behind}))
    assert found_and_reason(whole + packed) == (sha256(JPEG, PNG, behind), "")


@pytest.mark.parametrize(
    "content",
    [b"\xc7\x71" + bytes(100), b"\x71\xc7 a file of another program", b"070700", b"\xc7\x71" + b"\xff" * 200],
)
def test_what_only_begins_with_two_bytes_of_cpio_is_none(content: bytes) -> None:
    assert opener_of(content) is None


@pytest.mark.parametrize("size", [b"9999999999", b"4294967296"])
def test_a_size_that_is_not_there_ends_at_once(size: bytes) -> None:
    content = ar((b"a.jpg", JPEG)).replace(b"%-10d" % len(JPEG), size)
    assert found_and_reason(content)[1] == "broken-archive"


def test_old_lzma_is_unpacked() -> None:
    for packed in (lzma.compress(JPEG, lzma.FORMAT_ALONE), lzma.compress(tar_of({"a.jpg": JPEG}), lzma.FORMAT_ALONE)):
        assert found_and_reason(packed) == (sha256(JPEG), "")
