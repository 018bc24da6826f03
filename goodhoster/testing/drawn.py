"""Made-up pictures in every format that is opened.

Ordinary shapes and colours, the same for the same seed. Needs the extra `near`; HEIF also `heif`. For what a hostile
customer would send see `goodhoster.testing.hostile`.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

from goodhoster.checking.pictures import FORMATS

Size = tuple[int, int]
"""Width and height in pixels."""
SIZE = (480, 320)

_SHAPES = 24


def drawn(seed: int, size: Size = SIZE) -> Image.Image:
    """A picture with enough in it to have fingerprints of high quality."""
    chance = random.Random(seed)  # noqa: S311 - the same for the same seed is the point
    picture = Image.new("RGB", SIZE, _colour(chance))
    pen = ImageDraw.Draw(picture)
    for _ in range(_SHAPES):
        x, y = chance.randrange(-50, SIZE[0]), chance.randrange(-50, SIZE[1])
        box = (x, y, x + chance.randrange(20, 250), y + chance.randrange(20, 200))
        chance.choice((pen.ellipse, pen.rectangle))(box, fill=_colour(chance))
    return picture.filter(ImageFilter.GaussianBlur(1)).resize(size, Image.Resampling.BICUBIC)


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def encoded(picture: Image.Image, name: str, **options: Any) -> bytes:  # noqa: ANN401 - an encoder's own options
    """A picture in one of Pillow's formats."""
    file = io.BytesIO()
    picture.copy().save(file, name, **options)  # a copy: what one encoder leaves in a picture troubles the next
    return file.getvalue()


def jpeg(seed: int, size: Size = SIZE, **options: Any) -> bytes:  # noqa: ANN401 - as for `encoded`
    """A JPEG, the usual upload."""
    return encoded(drawn(seed, size), "JPEG", **options)


def png(seed: int, size: Size = SIZE) -> bytes:
    """A PNG, the other usual upload."""
    return encoded(drawn(seed, size), "PNG")


@cache
def every_format(seed: int, size: Size = SIZE) -> Mapping[str, bytes]:
    """The same picture, or several like it, by the name of the format or of its special form."""
    return MappingProxyType(_stills(seed, size) | _series(seed, size))


def _stills(seed: int, size: Size) -> dict[str, bytes]:
    picture = drawn(seed, size)
    heif = {"heif": encoded(picture, "HEIF")} if "HEIF" in FORMATS else {}
    return heif | {
        "jpeg": encoded(picture, "JPEG"),
        "jpeg-progressive": encoded(picture, "JPEG", progressive=True),
        "jpeg-grey": encoded(picture.convert("L"), "JPEG"),
        "jpeg-cmyk": encoded(picture.convert("CMYK"), "JPEG"),
        "png": encoded(picture, "PNG"),
        "png-16-bit": encoded(picture.convert("L").convert("I;16"), "PNG"),
        "png-palette": encoded(picture.quantize(64), "PNG", transparency=3),
        "png-transparent": encoded(picture.convert("RGBA"), "PNG"),
        "png-black-and-white": encoded(picture.convert("1"), "PNG"),
        "png-interlaced": interlaced_png(picture),
        "gif": encoded(picture, "GIF"),
        "webp": encoded(picture, "WEBP"),
        "webp-lossless": encoded(picture, "WEBP", lossless=True),
        "bmp": encoded(picture, "BMP"),
        "tiff": encoded(picture, "TIFF"),
        "tiff-cmyk-deflated": encoded(picture.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        "tiff-lab": encoded(Image.new("LAB", size, (90, 20, 200)), "TIFF"),
        "tiff-float": encoded(picture.convert("F"), "TIFF"),
        "avif": encoded(picture, "AVIF"),
        "ico": encoded(picture, "ICO", sizes=[(128, 128), (32, 32)]),
        "jpeg2000": encoded(picture, "JPEG2000"),
    }


def _series(seed: int, size: Size) -> dict[str, bytes]:
    names = {
        "png-animated": "PNG",
        "gif-animated": "GIF",
        "webp-animated": "WEBP",
        "avif-animated": "AVIF",
        "tiff-pages": "TIFF",
    }
    pictures = [drawn(seed + n, size) for n in range(4)]
    stereo = {"jpeg-mpo": series(pictures[:2], "MPO")}  # Pillow writes wrong places for a third
    return stereo | {name: series(pictures, form) for name, form in names.items()}


def series(pictures: list[Image.Image], name: str) -> bytes:
    """An animation, or a document of several pages."""
    first, *others = pictures
    return encoded(first, name, save_all=True, append_images=[each.copy() for each in others])


def interlaced_png(picture: Image.Image) -> bytes:
    """A PNG in seven passes (ISO 15948, 8.2), which Pillow reads and does not write."""
    pixels = picture.convert("RGB").tobytes()
    width, height = picture.size
    lines = (
        b"\0" + b"".join(pixels[3 * at : 3 * at + 3] for at in range(width * y + left, width * (y + 1), across))
        for left, top, across, down in _ADAM7
        for y in range(top, height, down)
        if left < width
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
    return PNG_SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"".join(lines))) + chunk(b"IEND", b"")


_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
