"""Content behind the end of a picture or video: a second picture, a video, an archive.

Phones append the video of a motion photo, depth maps and gain maps so; whoever hides something does the same. Where a
picture ends is read from its own structure; nothing is decoded. Behind it, what begins as one of these kinds is a
member, by its own end and to the end of the file. Anything else there, such as makers' notes, is passed over.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from goodhoster.checking.member_reading import Member
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import HEAD, is_archive, kind_of, other_archive
from goodhoster.model.verdicts import ContentKind

_BLOCK = 1 << 18
_LARGEST_SEARCHED = 64 << 20
"""Bytes of no kind behind a picture that are looked through for the beginning of one."""
_MOST_BOXES = 10_000
_LONGEST_SIGNATURE = 16

_BEGINNING = re.compile(
    rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....(?:WEBP|AVI )|\0\0[\x00-\x03].ftyp[A-Za-z0-9]{3}"
    rb"|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75\x8e\x66\xcf\x11|PK\x03\x04|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\xfd7zXZ\0|%PDF-[0-9]"
    rb"|!<arch>\n|07070[127][0-7A-Fa-f]{6}",
    re.DOTALL,
)
"""Signatures that are long enough to be looked for anywhere behind a picture."""


def appended_members(file: BinaryIO) -> Iterator[Member]:
    """What begins behind the end of a picture or video, to its own end and to that of the file."""
    size = file.seek(0, io.SEEK_END)
    end = end_of(file, 0, size)
    yield from _carried(file, 0, end.at)
    while (start := _next_beginning(file, end.at, size)) is not None:
        end = end_of(file, start, size)
        end = End(max(end.at, start + 1), seen=end.seen)
        if end.seen and end.at < size:
            yield Member(b"", Piece(file, start, end.at))
        yield Member(b"", Piece(file, start, size))
        yield from _carried(file, start, end.at)


def has_appended(file: BinaryIO, size: int) -> bool:
    """Whether anything is behind the end of what consists of boxes, as MP4 does."""
    return _begins_with_box(_at(file, 0, HEAD)) and _end_of_boxes(file, 0, size).at < size


@dataclass(slots=True)
class Piece:
    """A part of a file, read once from its start."""

    file: BinaryIO
    at: int
    end: int

    def read(self, size: int, /) -> bytes:
        """As a file does."""
        block = _at(self.file, self.at, min(size, self.end - self.at))
        self.at += len(block)
        return block


class End(NamedTuple):
    """Where a picture or video ends by its own structure."""

    at: int
    seen: bool = True
    """False: it is broken, and from there on other things are looked for."""


def end_of(file: BinaryIO, start: int, size: int) -> End:
    """Where what begins there ends: of what does not tell, with the file."""
    head = _at(file, start, HEAD)
    for begins, walk in _WALKS:
        if begins(head):
            return walk(file, start, size)
    return End(size)


def _end_of_jpeg(file: BinaryIO, start: int, size: int) -> End:
    """Behind the end marker, or before the next start of a picture.

    Without either, behind the header of the first scan: no signature occurs in what JPEG codes.
    """
    at, first_scan = start + 2, 0
    while at + 4 <= size:
        mark, kind, *length = _at(file, at, 4)
        if mark != _MARK:
            break
        if kind == _START:
            return End(at)
        if kind == _END:
            return End(at + 2)
        if kind in _ALONE:
            at += 1 if kind == _MARK else 2
            continue
        at += 2 + int.from_bytes(length)
        if kind == _SCAN:
            first_scan = first_scan or at
            at = _next_marker(file, at, size)
    if at == size - 2 and _at(file, at, 2) == bytes((_MARK, _END)):
        return End(size)
    return End(min(first_scan or start + 3, size), seen=False)


_MARK, _START, _END, _SCAN = 0xFF, 0xD8, 0xD9, 0xDA
_ALONE = frozenset({0x01, *range(0xD0, 0xD8), _MARK})
"""Markers without a length; a second FF only fills."""
_CODED = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")


def _next_marker(file: BinaryIO, at: int, size: int) -> int:
    """Where the coded data of a scan end."""
    while at + 1 < size:
        block = _at(file, at, _BLOCK)
        if found := _CODED.search(block):
            return at + found.start()
        at += max(1, len(block) - 1)
    return size


def _end_of_png(file: BinaryIO, start: int, size: int) -> End:
    """Behind its last chunk; of a broken one behind its first."""
    at = start + 8
    while at + 12 <= size:
        header = _at(file, at, 8)
        length, kind = int.from_bytes(header[:4]), header[4:]
        if kind == b"IEND":
            return End(at + 12) if _at(file, at + 8, 4) == _CHECKSUM_OF_END else End(at + 8, seen=False)
        if not kind.isalpha():
            break
        at += 12 + length
    return End(min(start + _FIRST_CHUNK, size), seen=False)


_CHECKSUM_OF_END = b"\xaeB`\x82"
_FIRST_CHUNK = 33
"""Bytes of a PNG to the end of the chunk with its measures."""


def _end_of_gif(file: BinaryIO, start: int, size: int) -> End:
    flags = _at(file, start + 10, 1)
    at = start + _GIF_HEADER + _table(flags)
    while at < size:
        kind = _at(file, at, 1)
        if kind == b";":
            return End(at + 1)
        if kind == b"!":
            at = _end_of_blocks(file, at + 2, size)
        elif kind == b",":
            at = _end_of_blocks(file, at + 10 + _table(_at(file, at + 9, 1)) + 1, size)
        else:
            return End(min(at, size), seen=False)
    return End(min(start + _GIF_HEADER, size), seen=False)


_GIF_HEADER = 13


def _table(flags: bytes) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _end_of_blocks(file: BinaryIO, at: int, size: int) -> int:
    while at < size:
        block = _at(file, at, _BLOCK)
        here = 0
        while here < len(block):
            if not block[here]:
                return at + here + 1
            here += block[here] + 1
        at += here
    return size


def _end_of_riff(file: BinaryIO, start: int, size: int) -> End:
    at, head = start, _at(file, start, 12)
    while head.startswith(b"RIFF") and (at == start or head[8:] == b"AVIX"):
        length = int.from_bytes(head[4:8], "little")
        at += 8 + length + length % 2
        head = _at(file, at, 12)  # a film of more than a gigabyte goes on so
    return End(min(at, size))


def _end_of_boxes(file: BinaryIO, start: int, size: int) -> End:
    at = start
    for _ in range(_MOST_BOXES):
        length = _length_of_box(file, at, size)
        if not length or (at > start and _begins_with_box(_at(file, at, 8))):
            break
        at += length
    return End(at)


def _length_of_box(file: BinaryIO, at: int, size: int) -> int:
    """Bytes of the box of QuickTime or MPEG-4 there, with its header; 0 where there is none."""
    header = _at(file, at, 16)
    if not _BOX.fullmatch(header[4:8]):
        return 0
    length = int.from_bytes(header[:4])
    if length == 0:
        return size - at
    if length == 1:
        length = int.from_bytes(header[8:16])
    return min(length, size - at) if length >= _BOX_HEADER else 0  # of a film that was cut short, what there is


_BOX_HEADER = 8
_BOX = re.compile(rb"[A-Za-z0-9\xa9 ][A-Za-z0-9 _-]{3}")
_VIDEO_BOX = b"mpvd"
"""In which a HEIF or AVIF picture carries the video of a motion photo."""


def _carried(file: BinaryIO, start: int, end: int) -> Iterator[Member]:
    """The video that a picture carries in a box of its own."""
    if not _begins_with_box(_at(file, start, HEAD)):
        return
    at = start
    for _ in range(_MOST_BOXES):
        length = _length_of_box(file, at, end)
        if not length:
            return
        if _at(file, at + 4, 4) == _VIDEO_BOX:
            yield Member(b"", Piece(file, at + 8, at + length))
        at += length


def _begins_with_box(head: bytes) -> bool:
    return head[4:8] == b"ftyp"


_WALKS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int, int], End]], ...] = (
    (lambda head: head.startswith(b"\xff\xd8\xff"), _end_of_jpeg),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _end_of_png),
    (lambda head: head.startswith((b"GIF87a", b"GIF89a")), _end_of_gif),
    (lambda head: head.startswith(b"RIFF"), _end_of_riff),
    (_begins_with_box, _end_of_boxes),
)


def _next_beginning(file: BinaryIO, at: int, size: int) -> int | None:
    """Where the next picture, video, archive or document begins at or behind that place.

    UncheckedError where too much would have to be looked through.
    """
    if at >= size:
        return None
    behind = _at(file, at, _BLOCK)
    start = at + len(behind) - len(behind.lstrip(b"\0"))
    if start < size and _is_of_a_kind(_at(file, start, HEAD)):
        return start
    end = min(size, at + _LARGEST_SEARCHED)
    while at < end:
        block = _at(file, at, min(_BLOCK + _LONGEST_SIGNATURE, size - at))
        if found := _BEGINNING.search(block):
            return at + found.start()
        at += max(1, min(_BLOCK, len(block)))
    if at < size:
        raise UncheckedError("too much of no known kind hangs behind a picture", reason="too-big")
    return None


def _is_of_a_kind(head: bytes) -> bool:
    return kind_of(head) is not ContentKind.OTHER or bool(other_archive(head)) or is_archive(head)


def _at(file: BinaryIO, at: int, size: int) -> bytes:
    """That many bytes from there; fewer at the end only."""
    file.seek(at)
    parts: list[bytes] = []
    while size > 0 and (block := file.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)
