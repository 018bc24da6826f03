"""What a content is, by its first bytes. A name decides nothing: `holiday.txt` may be a picture.

Signatures: JPEG (ITU T.81), PNG (ISO 15948), GIF, RIFF/WebP, BMP, TIFF 6.0 and BigTIFF, ICO/CUR, ISO base media with
its brands (AVIF, HEIF, MP4, QuickTime), JPEG XL, JPEG 2000, Photoshop, Matroska/WebM, AVI, MPEG, FLV, ASF, Ogg.
"""

from __future__ import annotations

from goodhoster.model.verdicts import Kind

HEAD = 64
"""Bytes from the start that are enough to decide."""

_IMAGES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"\x8aMNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\1\0",
    b"\0\0\2\0",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL ",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
    b"8BPS",
)
_VIDEOS = (b"\x1a\x45\xdf\xa3", b"FLV\1", b"\0\0\1\xba", b"\0\0\1\xb3", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"OggS")
_IMAGE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def kind_of(head: bytes) -> Kind:
    """The kind of a content whose first bytes (`HEAD`, or all when it is shorter) are these."""
    if head.startswith(_IMAGES):
        return Kind.IMAGE
    if head.startswith(b"RIFF"):
        return {b"WEBP": Kind.IMAGE, b"AVI ": Kind.VIDEO}.get(head[8:12], Kind.OTHER)
    if head[4:8] == b"ftyp":
        return Kind.IMAGE if _IMAGE_BRANDS.intersection(_brands(head)) else Kind.VIDEO
    return Kind.VIDEO if head.startswith(_VIDEOS) or head[4:8] in {b"moov", b"mdat"} else Kind.OTHER


def _brands(head: bytes) -> list[bytes]:
    """The major one, and those that the file is compatible with: viewers show it by any of them."""
    end = min(int.from_bytes(head[:4]), HEAD)
    return [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]


_ARCHIVES = (
    b"PK\3\4", b"PK\5\6", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
_USTAR = slice(257, 262)


def is_archive(beginning: bytes) -> bool:
    """ZIP, RAR, 7z, tar and what compresses one, by its first 262 bytes. Some documents are ZIP files, too."""
    return beginning.startswith(_ARCHIVES) or beginning[_USTAR] == b"ustar"


_PICTURE_SUFFIXES = (
    b".jpg .jpeg .jpe .jfif .png .gif .webp .bmp .dib .tif .tiff .avif .heic .heif .ico .jxl .jp2 .psd "
    b".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .3gp .ogv"
).split()


def named_as_picture(name: bytes) -> bool:
    """Does the name claim a picture or a video? A broken or unknown format is then asked about all the same."""
    return name.lower().endswith(tuple(_PICTURE_SUFFIXES))
