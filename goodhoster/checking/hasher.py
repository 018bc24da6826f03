"""Reads a content and what is inside it.

That is the fingerprints of a picture and the members of an archive or document.
"""

from __future__ import annotations

import codecs
import importlib.util
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

from goodhoster.checking.digests import read_content, read_small
from goodhoster.checking.licensed import fingerprint_by
from goodhoster.checking.members import BEGINNING, END, Inside, Opener, opener_at_end, opener_of
from goodhoster.checking.positioned import PositionedFile
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import kind_of
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import ContentKind

if TYPE_CHECKING:  # as in `licensed`
    from goodhoster.ports import LicensedFingerprinter

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class DirectHasher:
    """Hasher that does everything in the calling process.

    For made-up and trusted files, and inside the sandbox. A picture that an outsider chose is opened by the agent's
    pool of processes instead.
    """

    limits: ReadingLimits

    def read(self, fd: int) -> Content:
        """See `ports.Hasher`."""
        content = read_content(fd, self.limits.file_bytes)
        return replace(looked_into(fd, content, self.limits), opened_alone=True) if worth_opening(fd) else content

    def read_at_once(self, content: bytes) -> Content | None:
        """See `ports.Hasher`."""
        return read_at_once(content, self.limits)

    def read_alone(self, fd: int, doubted: Content) -> Content:  # noqa: ARG002 - nothing is doubted here
        """See `ports.Hasher`: its files are trusted."""
        return self.read(fd)

    def problems(self) -> list[str]:
        """See `ports.Hasher`: none, because nothing is promised that could be missing."""
        return []

    def close(self) -> None:
        """See `ports.Hasher`: there is nothing to release."""


def read_at_once(content: bytes, limits: ReadingLimits) -> Content | None:
    """See `ports.Hasher`."""
    if len(content) > limits.file_bytes:
        return None
    found = read_small(content)
    if found.kind is ContentKind.IMAGE:
        opener, inside = None, _NEAR
    else:
        opener = opener_of(content[:BEGINNING])
        inside = found.kind is ContentKind.OTHER and opener_at_end(content[-END:]) is not None
    return None if inside or opener is not None else found


def opens_pictures() -> bool:
    """Return whether the extra `near` is installed."""
    return _NEAR


def worth_opening(fd: int) -> bool:
    """Return whether more than digests can be learned of a content.

    Never of a picture where the extra `near` is not installed. Raises UncheckedError(unreadable).
    """
    beginning = _beginning(fd)
    return _NEAR if kind_of(beginning) is ContentKind.IMAGE else _opener(fd, beginning, _size(fd)) is not None


def _size(fd: int) -> int:
    try:
        return os.fstat(fd).st_size
    except OSError as error:
        raise _unreadable(error) from error


def _opener(fd: int, beginning: bytes, size: int) -> Opener | None:
    """The opener for an archive or document, also for a ZIP behind other bytes; a video is none.

    The caller gives the size: in the sandbox there is no stat.
    """
    if (opener := opener_of(beginning)) is not None:
        return opener
    if kind_of(beginning) is not ContentKind.OTHER:
        return None
    try:
        end = os.pread(fd, END, max(0, size - END))
    except OSError as error:
        raise _unreadable(error) from error
    return opener_at_end(end)


def looked_into(
    fd: int, content: Content, limits: ReadingLimits, library: LicensedFingerprinter | None = None
) -> Content:
    """The content with what is inside it.

    What cannot be opened is recorded in `fault`, beside what was found until then.
    """
    file = io.BufferedReader(PositionedFile(fd, content.size), _BLOCK)
    if content.kind is ContentKind.IMAGE:
        pictures, fault = _gathered(_pictures(file, limits, library))
        fingerprints = dict.fromkeys(each for picture in pictures for each in picture.fingerprints)
        pixels = pictures[0].pixels if pictures else None
        return replace(content, fingerprints=tuple(fingerprints), pixels=pixels, fault=fault)
    try:
        opener = _opener(fd, _beginning(fd), content.size)
    except UncheckedError as error:
        return replace(content, fault=Fault(error.reason, str(error)))
    if opener is None:
        return content
    inside = Inside(file, opener, limits)
    members, fault = _gathered(inside)
    return replace(content, members=members, left_out=inside.left_out, fault=fault)


_BLOCK = 1 << 16
_NEAR = all(map(importlib.util.find_spec, ("numpy", "PIL")))


def preload() -> None:
    """Import all modules that are otherwise imported late: in the sandbox none can be."""
    for name in _LATE_CODECS:
        codecs.lookup(name)
    if _NEAR:
        from goodhoster.checking.pictures import preload_decoders  # noqa: PLC0415 - see below

        preload_decoders()


_LATE_CODECS = ("ascii", "cp437", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
"""Names in archives and texts in pictures are written in these."""


class _Picture(NamedTuple):
    """What was learned of one picture."""

    pixels: tuple[int, int]
    fingerprints: tuple[Fingerprint, ...]


def _pictures(file: BinaryIO, limits: ReadingLimits, library: LicensedFingerprinter | None) -> Iterator[_Picture]:
    """What was learned of each picture, by our own fingerprints and the licensed library.

    A library that fails on one picture suppresses neither the results for the others nor our own fingerprints.
    """
    # Not at the top: the extra may be missing, and a process that opens no pictures shall not carry the weight.
    from goodhoster.checking.fingerprints import fingerprints_of  # noqa: PLC0415
    from goodhoster.checking.pictures import frames  # noqa: PLC0415

    broken: UncheckedError | None = None
    for frame in frames(file, limits, colours=library is not None):
        yield _Picture(frame.pixels, fingerprints_of(frame))
        if library and frame.colours:
            try:
                yield _Picture(frame.pixels, (fingerprint_by(library, frame.colours),))
            except UncheckedError as error:
                broken = error
    if broken:
        raise broken


def _beginning(fd: int) -> bytes:
    try:
        return os.pread(fd, BEGINNING, 0)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> UncheckedError:
    return UncheckedError(f"cannot be read: {error.strerror}", reason="unreadable")


def _gathered(found: Iterable[Found]) -> tuple[tuple[Found, ...], Fault | None]:
    """What was found, without duplicates, and why there is not more."""
    gathered: dict[Found, None] = {}
    try:
        for each in found:
            gathered[each] = None
    except UncheckedError as error:
        return tuple(gathered), Fault(error.reason, str(error))
    except MemoryError:
        return tuple(gathered), Fault("too-much-memory", "opening it needs too much memory")
    return tuple(gathered), None
