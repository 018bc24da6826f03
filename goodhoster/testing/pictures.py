"""Pictures made up from a number: ordinary PNG files of coloured blocks, no two alike.

Standard library only.
"""

from __future__ import annotations

import random
import struct
import zlib

_BLOCK = 16
"""Pixels along the edge of one coloured block."""


def made_up_picture(seed: int, *, blocks: int = 6, brighter: int = 0) -> bytes:
    """A PNG file of `blocks` × `blocks` coloured blocks.

    The same seed is the same file, byte for byte. `brighter` (of 255) makes it another file that looks the same.
    """
    colours = random.Random(seed)  # noqa: S311 - no secret
    lit = bytes(min(value + brighter, 255) for value in range(256))
    rows = b"".join(_row(colours.randbytes(3 * blocks).translate(lit)) * _BLOCK for _ in range(blocks))
    edge = blocks * _BLOCK
    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _row(colours: bytes) -> bytes:
    """One line of pixels with its filter byte, each colour as wide as a block."""
    pixels = (colours[at : at + 3] * _BLOCK for at in range(0, len(colours), 3))
    return b"\0" + b"".join(pixels)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
