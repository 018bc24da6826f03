"""Files such as a hostile customer would send.

Each is small and has a name, none of them with anything to see. What reads them must end with a verdict or with
*unchecked*, within its limits of time and memory.
"""

from __future__ import annotations

import bz2
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from goodhoster.testing.drawn import PNG_SIGNATURE, Size, chunk, drawn, encoded, every_format, jpeg

_SMALL = (64, 48)
_ZEROS = bz2.compress(bytes(64 << 20))
_ORIENTATION_ENTRY = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)


def hostile_files() -> Mapping[str, bytes]:
    """Every hostile file but the truncations."""
    return bombs() | endless() | odd_shapes() | polyglots() | wrong_names() | broken_exif() | odd_archives()


def truncations(step: int = 100) -> Iterator[tuple[str, bytes]]:
    """Files of each format, cut off at every `step`-th byte."""
    for name, content in every_format(1, (160, 120)).items():
        for length in range(0, len(content), step):
            yield f"{name}-cut-at-{length}", content[:length]


def bombs() -> dict[str, bytes]:
    """Few bytes that unpack to very many pixels."""
    rows = zlib.compress(bytes(1 << 20), 9)
    return {
        "png-of-2500-megapixels.png": empty_png((50_000, 50_000), rows),
        "png-of-170-megapixels.png": empty_png(
            (13_000, 13_000), zlib.compress(bytes(13_001 * 13_000 // 8), 9), depth=1
        ),
        "png-that-claims-the-most.png": empty_png(((1 << 31) - 1, (1 << 31) - 1), rows),
        "png-with-a-huge-text.png": _png_with_text(64 << 20),
        "gif-of-65535-by-65535.gif": gif_of(65_535, 65_535, 1),
        "bmp-that-claims-the-most.bmp": _bmp((1 << 31) - 1, (1 << 31) - 1),
        "bmp-run-lengths-only.bmp": _bmp(60_000, 60_000, compression=1),
        "tiff-of-4000-megapixels.tif": _tiff(65_535, 65_535),
        "tiff-directory-in-a-circle.tif": _tiff(8, 8, following=8),
    }


def endless() -> dict[str, bytes]:
    """Animations that take for ever to see, or claim to."""
    return {
        "gif-of-100000-frames.gif": gif_of(16, 16, 100_000),
        "gif-of-300-large-frames.gif": gif_of(4000, 4000, 300),
        "gif-without-an-end.gif": gif_of(16, 16, 50)[:-1],
        "png-animation-that-claims-most-frames.png": empty_png(
            (16, 16), zlib.compress(bytes(16 * 49)), extra=chunk(b"acTL", struct.pack(">II", (1 << 31) - 1, 0))
        ),
    }


def odd_shapes() -> dict[str, bytes]:
    """Lengths and depths that readers trip over."""
    return {
        "jpeg-1-by-65500.jpg": jpeg(1, (1, 65_500)),
        "png-65535-by-1.png": encoded(drawn(1, (65_535, 1)), "PNG"),
        "jpeg-65500-by-200.jpg": jpeg(1, (65_500, 200)),
        "png-1-by-65535.png": encoded(drawn(1, (1, 65_535)), "PNG"),
        "png-1-by-1.png": encoded(drawn(1, (1, 1)), "PNG"),
        "png-4-by-1000.png": encoded(drawn(1, (4, 1000)), "PNG"),
        "png-5-by-100000.png": encoded(drawn(1, (5, 100_000)), "PNG"),
        "png-without-width.png": empty_png((0, 10), b""),
        "png-without-data.png": empty_png((10, 10), b""),
        "jpeg-only-markers.jpg": b"\xff\xd8" + b"\xff\xff" * 1000 + b"\xff\xd9",
        "jpeg-endless-scans.jpg": _many_scans(),
        "empty.jpg": b"",
        "one-byte.png": b"\x89",
        "zeros.jpg": bytes(100_000),
        "flat-grey.png": encoded(drawn(1).point(lambda _: 128), "PNG"),
    }


def polyglots() -> dict[str, bytes]:
    """Files that are two things at once."""
    picture = jpeg(2, _SMALL)
    return {
        "jpeg-then-zip.jpg": picture + zip_of({"inside.jpg": jpeg(3, _SMALL)}),
        "zip-with-picture-in-front.zip": picture + zip_of({"inside.jpg": jpeg(3, _SMALL)}),
        "gif-then-script.gif": encoded(drawn(2, _SMALL), "GIF") + b"<script>alert(1)</script>",
        "jpeg-with-script-in-comment.jpg": picture[:2] + b"\xff\xfe\x00\x20" + b"*/=alert(1)/*".ljust(30) + picture[2:],
        "pdf-in-front-of-jpeg.pdf": pdf_of([picture]) + picture,
        "png-then-jpeg.png": encoded(drawn(2, _SMALL), "PNG") + picture,
    }


def wrong_names() -> dict[str, bytes]:
    """Files with a wrong extension: the kind is recognised by the bytes."""
    return {
        "picture.txt": jpeg(4, _SMALL),
        "picture.php": encoded(drawn(4, _SMALL), "PNG"),
        "really-a-gif.jpg": encoded(drawn(4, _SMALL), "GIF"),
        "really-text.png": b"no picture at all\n" * 100,
        "really-html.jpg": b"<!doctype html><title>x</title>",
    }


def broken_exif() -> dict[str, bytes]:
    """Whole pixels behind metadata that is wrong in every way."""
    endless_directory = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 65_535) + _ORIENTATION_ENTRY * 3
    circle = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 1) + _ORIENTATION_ENTRY + struct.pack(">I", 8)
    return {
        "exif-garbage.jpg": jpeg(5, _SMALL, exif=b"Exif\0\0" + bytes(range(256)) * 20),
        "exif-endless-directory.jpg": jpeg(5, _SMALL, exif=endless_directory),
        "exif-in-a-circle.jpg": jpeg(5, _SMALL, exif=circle),
        "exif-orientation-99.jpg": jpeg(5, _SMALL, exif=circle.replace(b"\0\x06\0\0", b"\0\x63\0\0", 1)),
        "exif-empty.jpg": jpeg(5, _SMALL, exif=b"Exif\0\0"),
        "exif-garbage.png": encoded(drawn(5, _SMALL), "PNG", exif=b"Exif\0\0" + b"II*\0\xff\xff\xff\xff"),
        "exif-garbage.webp": encoded(drawn(5, _SMALL), "WEBP", exif=b"Exif\0\0MM\0*\0\0"),
    }


def odd_archives() -> dict[str, bytes]:
    """Archives and documents that lie about what they hold."""
    whole = zip_of({"a.jpg": jpeg(6, _SMALL)})
    return {
        "zip-bomb.zip": zip_of({"zeros.jpg": b"\xff\xd8\xff" + bytes(1 << 26)}),
        "zip-cut-in-half.zip": whole[: len(whole) // 2],
        "zip-with-a-way-out.zip": zip_of({"../../../etc/passwd.jpg": jpeg(6, _SMALL)}),
        "zip-in-zip.zip": zip_of({"a.zip": whole}),
        "zip-encrypted.zip": whole.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0").replace(
            b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
        ),
        "zip-of-20000-names.zip": zip_of({f"{n}.txt": b"" for n in range(20_000)}),
        "tar-with-links.tar": tar_of({"a.jpg": jpeg(6, _SMALL)}, link=True),
        "tar-gz-cut.tar.gz": tar_of({"a.jpg": jpeg(6, _SMALL)}, mode="w:gz")[:-40],
        "tar-gz-bomb.tar.gz": tar_of({"a.bin": bytes(1 << 26)}, mode="w:gz"),
        "gz-that-is-no-tar.gz": zlib.compress(b"text " * 1000, wbits=31),
        "pdf-with-endless-streams.pdf": b"%PDF-1.7\n" + b"stream\n\xff\xd8\xff" * 20_000,
    }


def zip_of(members: Mapping[str, bytes]) -> bytes:
    """A ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tar_of(members: Mapping[str, bytes], *, mode: str = "w", link: bool = False) -> bytes:
    """A TAR file, compressed as `mode` says; with `link` also a link out of it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]  # any mode
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo("out.jpg")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    return file.getvalue()


def slow_archive(number: int = 0, *, sixteenths: int = 400) -> bytes:
    """A TAR of some kilobytes that takes many seconds to look into.

    It ends within its member, after so many sixteenths of a gigabyte of zeros to skip. Each number is another
    content.
    """
    header = tarfile.TarInfo(f"{number}")
    header.size = 1 << 40
    return bz2.compress(header.tobuf()) + _ZEROS * sixteenths


def pdf_of(jpegs: list[bytes]) -> bytes:
    """A PDF with as much in it as a reader of its pictures needs."""
    streams = (
        b"%d 0 obj\n<</Type/XObject/Subtype/Image/Filter/DCTDecode/Length %d>>\nstream\n" % (number, len(content))
        + content
        + b"\nendstream\nendobj\n"
        for number, content in enumerate(jpegs, 1)
    )
    return b"%PDF-1.7\n" + b"".join(streams) + b"trailer\n<<>>\n%%EOF\n"


def empty_png(size: Size, rows: bytes, *, depth: int = 8, extra: bytes = b"") -> bytes:
    """A grey PNG of any size with these compressed rows, however few they are."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, 0, 0, 0, 0))
    return PNG_SIGNATURE + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _png_with_text(length: int) -> bytes:
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(length), 9))
    return empty_png((8, 8), zlib.compress(bytes(72)), extra=text)


def gif_of(width: int, height: int, frames: int) -> bytes:
    """An animation whose frames are all the same single pixel."""
    size = struct.pack("<HH", width, height)
    head = b"GIF89a" + size + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"\x2c\0\0\0\0" + struct.pack("<HH", 1, 1) + b"\0" + b"\2\2\x44\1\0"
    return head + frame * frames + b"\x3b"


def _bmp(width: int, height: int, *, compression: int = 0) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024, 0, 0, 54 + 1024) + head + bytes(1024) + b"\xff\0" * 100


def _tiff(width: int, height: int, *, following: int = 0) -> bytes:
    entries = (
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 200),
        (277, 1),
        (278, height),
        (279, 64),
    )
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", following)
    return head.ljust(200, b"\0") + bytes(64)


def _many_scans() -> bytes:
    """A progressive JPEG that refines the same coefficients over and over."""
    picture = jpeg(7, _SMALL, progressive=True)
    last = picture.rfind(b"\xff\xda")
    return picture[:last] + picture[last:-2] * 2000 + b"\xff\xd9"
