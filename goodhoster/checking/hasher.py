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

from goodhoster.checking.appended import appended_members, has_appended
from goodhoster.checking.digests import fault_of_archive, read_content, read_small
from goodhoster.checking.licensed import fingerprint_by
from goodhoster.checking.members import BEGINNING, END, Inside, Opener, opener_at_end, opener_of
from goodhoster.checking.positioned import PositionedFile
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import kind_of, other_archive, other_archive_behind
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
    if (found.kind is ContentKind.IMAGE and _NEAR) or found.fault:
        return None
    end = content[-END:]
    inside = opener_of(content[:BEGINNING]) or opener_at_end(end) or other_archive_behind(end)
    return None if inside or has_appended(io.BytesIO(content), len(content)) else found


def opens_pictures() -> bool:
    """Return whether the extra `near` is installed."""
    return _NEAR


def worth_opening(fd: int) -> bool:
    """Return whether more than digests can be learned of a content.

    Never of a picture where the extra `near` is not installed. Raises UncheckedError(unreadable).
    """
    beginning = _beginning(fd)
    if _NEAR and kind_of(beginning) is ContentKind.IMAGE:
        return True
    if other_archive(beginning):
        return False  # that is all that is told of it: see `read_content`
    size = _size(fd)
    archive = _archive_beginning_with(beginning, fd, size)
    return archive.opener is not None or archive.fault is not None or has_appended(_file(fd, size), size)


def _size(fd: int) -> int:
    try:
        return os.fstat(fd).st_size
    except OSError as error:
        raise _unreadable(error) from error


class _Archive(NamedTuple):
    """What a content is beside what its first bytes say, or is alone."""

    opener: Opener | None = None
    fault: Fault | None = None
    """It is an archive that nothing here opens."""


def _archive_in(fd: int, size: int) -> _Archive:
    """The archive or document that a content is, also one behind other bytes, such as a picture.

    The caller gives the size: in the sandbox there is no stat.
    """
    return _archive_beginning_with(_beginning(fd), fd, size)


def _archive_beginning_with(beginning: bytes, fd: int, size: int) -> _Archive:
    if (opener := opener_of(beginning)) is not None:
        return _Archive(opener)
    if kind := other_archive(beginning):
        return _Archive(None, fault_of_archive(kind))
    try:
        end = os.pread(fd, END, max(0, size - END))
    except OSError as error:
        raise _unreadable(error) from error
    return _Archive(opener_at_end(end), fault_of_archive(other_archive_behind(end)))


def looked_into(
    fd: int, content: Content, limits: ReadingLimits, library: LicensedFingerprinter | None = None
) -> Content:
    """The content with what is inside it.

    What cannot be opened is recorded in `fault`, beside what was found until then.
    """
    if content.kind is ContentKind.IMAGE and _NEAR:
        file = _file(fd, content.size)
        pictures, fault = _gathered(_pictures(file, limits, library))
        fingerprints = dict.fromkeys(each for picture in pictures for each in picture.fingerprints)
        pixels = pictures[0].pixels if pictures else None
        content = replace(content, fingerprints=tuple(fingerprints), pixels=pixels, fault=fault)
    try:
        archive = _archive_in(fd, content.size)  # a picture may be one, too
    except UncheckedError as error:
        return replace(content, fault=Fault(error.reason, str(error)))
    openers = [archive.opener] if archive.opener else []
    if content.kind is not ContentKind.OTHER:
        openers.append(appended_members)
    content = replace(content, fault=archive.fault or content.fault)
    for opener in openers:
        inside = Inside(_file(fd, content.size), opener, limits)
        members, fault = _gathered(inside)
        found = tuple(dict.fromkeys((*content.members, *members)))
        left_out = content.left_out + inside.left_out
        content = replace(content, members=found, left_out=left_out, fault=fault or content.fault)
    return content


def _file(fd: int, size: int) -> io.BufferedReader:
    return io.BufferedReader(PositionedFile(fd, size), _BLOCK)


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
