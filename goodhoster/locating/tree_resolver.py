"""Resolution of a web server's directory and path to a place in a watched tree.

The place is strictly beneath the tree and is reached through no link.

The administrator may have put links on the way to a tree, and at its top to homes elsewhere; a customer's links are
never followed, and neither is one inside a home: a customer who makes `public_html` a link to a neighbour's must not
have the neighbour's files taken.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from goodhoster.errors import NoPlaceError
from goodhoster.linux import kernel
from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster.linux.path_steps import steps_to
from goodhoster.linux.real_paths import real_path
from goodhoster.model.site_rules import ServedFrom
from goodhoster.model.uploads import FileState, Place, Upload, display
from goodhoster.uploads.linked_homes import through_home_link

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_LINKS = frozenset({errno.ELOOP, errno.EXDEV})


class WatchedTree(Protocol):
    """A tree with customers' files, as the uploads know it."""

    @property
    def root(self) -> bytes:
        """Absolute, real path."""

    def customer_of(self, path: bytes) -> str:
        """Customer that a path below the root belongs to."""

    def is_ours(self, path: bytes) -> bool:
        """Whether it is our own quarantine."""


@dataclass(frozen=True, slots=True)
class TreeResolver:
    """The watched trees."""

    trees: Sequence[WatchedTree]

    def place_of(self, served: ServedFrom) -> Place:
        """The place that a web server would open. NoPlaceError: `not-covered`, `link`."""
        place = self._below(self._through_home_link(os.path.normpath(served.directory)), served.path)
        place = place or self._below(_real(served.directory), served.path)
        if place is None:
            raise NoPlaceError(f"{os.fsdecode(served.directory)} is in no watched tree", reason="not-covered")
        return place

    def _through_home_link(self, directory: bytes) -> bytes:
        """The directory, or where it lies if root moved a customer's home and left a link."""
        for tree in self.trees:
            if lies_at_or_below(directory, tree.root):
                return through_home_link(directory, tree.root)
        return directory

    def _below(self, directory: bytes, path: bytes) -> Place | None:
        for tree in self.trees:
            if directory == tree.root or directory.startswith(tree.root.rstrip(b"/") + b"/"):
                below = directory[len(tree.root) :].strip(b"/")
                whole = b"/".join(filter(None, (below, path)))
                return None if tree.is_ours(whole) else Place(tree.root, whole)
        return None

    def upload_at(self, place: Place) -> Upload:
        """The regular file at that place, with its owner.

        NoPlaceError: `missing`, `directory`, `link`, `no-file`, `unreadable`, `not-covered`.
        """
        with self.opened(place, os.O_PATH) as fd:
            found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            raise NoPlaceError(f"{place} is a directory", reason="directory")
        if not stat.S_ISREG(found.st_mode):
            link = stat.S_ISLNK(found.st_mode)
            raise NoPlaceError(
                f"{place} is {'a link' if link else 'no regular file'}", reason="link" if link else "no-file"
            )
        return Upload(place, self.customer_of(place), FileState.of(found))

    def customer_of(self, place: Place) -> str:
        """Customer that a place belongs to. NoPlaceError: `not-covered`."""
        for tree in self.trees:
            if tree.root == place.tree:
                return tree.customer_of(place.path)
        raise NoPlaceError(f"{place} is in no watched tree", reason="not-covered")

    @contextmanager
    def opened(self, place: Place, flags: int) -> Iterator[int]:
        """Open what is at that place and return a descriptor.

        NoPlaceError: `missing`, `link`, `unreadable`; the last also where the tree is not there: its files may
        come back with their disk.
        """
        try:
            tree = os.open(place.tree, os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            message = f"the watched tree {display(place.tree)} cannot be opened: {error.strerror}"
            raise NoPlaceError(message, reason="unreadable") from error
        try:
            try:
                fd = kernel.open_beneath(tree, place.path or b".", flags | os.O_NOFOLLOW)
            finally:
                os.close(tree)
        except OSError as error:
            reason = "missing" if error.errno in _MISSING else "link" if error.errno in _LINKS else "unreadable"
            raise NoPlaceError(f"{place}: {error.strerror}", reason=reason) from error
        try:
            yield fd
        finally:
            os.close(fd)


def _real(directory: bytes) -> bytes:
    """Path that the administrator's own links lead to.

    NoPlaceError where one of them is not root's or ours.
    """
    with suppress(OSError):  # nothing is there, or not yet
        for step in steps_to(directory):
            if step.is_link and step.found.st_uid not in {0, os.geteuid()}:
                raise NoPlaceError(f"{display(step.path)} is a link of a customer's", reason="link")
    real = real_path(directory)
    if real is None:
        raise NoPlaceError(f"links on the way to {display(directory)} change all the time", reason="link")
    return real
