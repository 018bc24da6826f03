"""Walk a tree of customers by descriptors: no link is followed, no access time changed, names stay bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from goodhoster.model.uploads import FileState
from goodhoster.uploads.opening import open_quietly, open_tree


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file."""

    path: bytes
    """Relative to the tree."""
    state: FileState


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A directory that could not be read; nothing below it was seen."""

    path: bytes
    reason: str


def walk(tree: bytes, start: bytes = b"") -> Iterator[Found | Unreadable]:
    """Every regular file at or below a directory of the tree, each directory read to its end before the next.

    What disappears meanwhile is left out: its owner took it away. Memory grows with the width of the tree, not with
    its size.
    """
    root = open_tree(tree)
    try:
        waiting = [start]
        while waiting:
            directory = waiting.pop()
            entries = _read(root, directory)
            if isinstance(entries, Unreadable):
                yield entries
                continue
            for kind, path, stat in entries:
                if kind == "directory":
                    waiting.append(path)
                else:
                    yield Found(path, FileState.of(stat))
    finally:
        os.close(root)


Entry = tuple[Literal["directory", "file"], bytes, os.stat_result]


def _read(root: int, directory: bytes) -> list[Entry] | Unreadable:
    try:
        fd = open_quietly(root, directory or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return Unreadable(directory, error.strerror or str(error))
    try:
        with os.scandir(fd) as entries:
            return [found for entry in entries if (found := _look(directory, entry))]
    finally:
        os.close(fd)


def _look(directory: bytes, entry: os.DirEntry[str]) -> Entry | None:
    try:
        path = os.path.join(directory, os.fsencode(entry.name))
        if entry.is_dir(follow_symlinks=False):
            return "directory", path, entry.stat(follow_symlinks=False)
        if entry.is_file(follow_symlinks=False):
            return "file", path, entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        pass  # its owner took it away between the two calls
    return None
