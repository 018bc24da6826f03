"""Walk of a customer tree by descriptors.

No link is followed, no access time changed, names stay bytes.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from goodhoster.linux import kernel
from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from goodhoster.model.uploads import FileState
from goodhoster.uploads.opening import open_quietly, open_tree

_ENTRIES_PER_PIECE = 2000
_LONGEST_PATH = 1 << 16
"""Bytes. No web server opens a path longer than PATH_MAX (4096); far beyond it, a path is an attack on who walks it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The regular files of a directory, or a piece of them."""

    directory: bytes
    """Relative to the tree."""
    files: dict[bytes, FileState]
    first: bool
    last: bool
    links: tuple[bytes, ...] = ()
    """Names of symbolic links among them, which are not followed."""

    @property
    def whole(self) -> bool:
        """Whether these are all files of the directory."""
        return self.first and self.last


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A directory that could not be read; nothing below it was seen."""

    directory: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Leg:
    """Directories of a tree to walk, in order: parents first, siblings by name."""

    start: bytes = b""
    """This directory and all below it,"""
    after: bytes | None = None
    """beginning after this one,"""
    until: bytes | None = None
    """ending with this one."""
    since: float = 0.0
    """Files are listed only where a name came, went or changed since this moment, seconds since the epoch; what else
    was passed is told as a piece without files.
    """

    def lists(self, directory: bytes) -> bool:
        """Whether this directory's files are part of it."""
        return self.after is None or _order(directory) > _order(self.after)

    def enters(self, directory: bytes) -> bool:
        """Whether this directory is part of it, or anything below."""
        inside = self.lists(directory) or _lies_below(self.after or b"", directory)
        return inside and (self.until is None or _order(directory) <= _order(self.until))


Skip = Callable[[bytes], bool]
_EVERYTHING = Leg()


def _nothing(_: bytes) -> bool:
    return False


def walk(
    tree: bytes, leg: Leg = _EVERYTHING, skip: Skip = _nothing, calls: FileSystemCalls | None = None
) -> Iterator[Listing | Unreadable]:
    """Regular files of every directory of the leg, except those to `skip` (and what is below).

    A file system that does not answer others is left out and reported, and so is all that is below.

    What disappears meanwhile is left out: its owner took it away. Memory grows with the names of the directories
    that lie beside the path to the present one, not with the number of files.
    """
    calls = calls or FileSystemCalls()
    with calls.asking(tree):
        root = open_tree(tree)
    try:
        levels = [(b"", [leg.start])]
        while levels:
            above, names = levels[-1]
            if not names:
                levels.pop()
                continue
            directory = os.path.join(above, names.pop())
            if leg.enters(directory) and not skip(directory):
                below: list[bytes] = []
                found = (
                    _read(root, directory, below, leg.since)
                    if leg.lists(directory)
                    else _only_below(root, directory, below)
                )
                try:
                    yield from calls.each(os.path.join(tree, directory), found)
                except NotAnsweringError as error:
                    yield Unreadable(directory, str(error))
                levels.append((directory, sorted(below, reverse=True)))
    finally:
        os.close(root)


def is_directory(root: int, path: bytes) -> bool:
    """Whether there is still a directory at this path, reached without a link.

    True when that cannot be told.
    """
    try:
        os.close(kernel.open_beneath(root, path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def vanished(root: int, directory: bytes, names: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the names that are no file in the directory (any more).

    None of them where that cannot be told.
    """
    try:
        fd = kernel.open_beneath(root, directory or b".", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return frozenset(names)
    except OSError:
        return frozenset()  # the walk told of it
    try:
        return frozenset(name for name in names if not _is_file(fd, name))
    finally:
        os.close(fd)


def _is_file(directory: int, name: bytes) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _order(path: bytes) -> list[bytes]:
    return path.split(b"/") if path else []


def _lies_below(path: bytes, directory: bytes) -> bool:
    return not directory or path.startswith(directory + b"/")


def _only_below(root: int, directory: bytes, below: list[bytes]) -> Iterator[Unreadable]:
    """Read a directory only for what lies below it: its files were seen on another leg."""
    return (found for found in _read(root, directory, below) if isinstance(found, Unreadable))


def _read(root: int, directory: bytes, below: list[bytes], since: float = 0.0) -> Iterator[Listing | Unreadable]:
    """List the files, and add the names of the directories to `below`."""
    if len(directory) > _LONGEST_PATH:
        yield Unreadable(directory[:200] + b"...", f"its path is longer than {_LONGEST_PATH} bytes")
        return
    try:
        fd = open_quietly(root, directory or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield Unreadable(directory, error.strerror or str(error))
        return
    try:
        with os.scandir(fd) as entries:
            if _changed(fd, since):
                yield from _pieces(directory, entries, below)
            else:
                below += (os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))
                yield Listing(directory, {}, first=False, last=False)
    finally:
        os.close(fd)


def _changed(directory: int, since: float) -> bool:
    """Whether a directory changed since a moment, by the later of its two times.

    Whoever sets the one back cannot set the other.
    """
    found = os.fstat(directory)
    return max(found.st_mtime, found.st_ctime) >= since


def _pieces(directory: bytes, entries: Iterator[os.DirEntry[str]], below: list[bytes]) -> Iterator[Listing]:
    found = _files_and_links(entries, below)
    first, piece = True, list(itertools.islice(found, _ENTRIES_PER_PIECE))
    while len(piece) == _ENTRIES_PER_PIECE:
        following = list(itertools.islice(found, _ENTRIES_PER_PIECE))
        yield _listing(directory, piece, first=first, last=not following)
        first, piece = False, following
    if first or piece:
        yield _listing(directory, piece, first=first, last=True)


def _listing(directory: bytes, piece: list[_Entry], *, first: bool, last: bool) -> Listing:
    files = {name: state for name, state in piece if state is not None}
    return Listing(directory, files, first, last, tuple(name for name, state in piece if state is None))


_Entry = tuple[bytes, FileState | None]
"""Name and state of a file; None: it is a link."""


def _files_and_links(entries: Iterator[os.DirEntry[str]], below: list[bytes]) -> Iterator[_Entry]:
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                below.append(os.fsencode(entry.name))
            elif entry.is_symlink():
                yield os.fsencode(entry.name), None
            elif entry.is_file(follow_symlinks=False):
                yield os.fsencode(entry.name), FileState.of(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue  # its owner took it away between the two calls
