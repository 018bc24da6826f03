"""Mapping of places to customers, and what is never an upload."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster.linux.real_paths import real_path
from goodhoster.model.quarantine import OWN_DIRECTORIES
from goodhoster.model.uploads import Place, display
from goodhoster.uploads.docroot_links import DocrootLinks
from goodhoster.uploads.docroots import BY_NAME, Docroots
from goodhoster.uploads.mount_points import is_top
from goodhoster.uploads.private_communication import begins_as_hidden, home_of_store, is_private_file, is_spool

_NOT_NORMAL = re.compile(rb"/\.{0,2}(?:/|\Z)")

UNASSIGNED = "unassigned"
"""The customer of a file that lies directly in a tree with one directory per customer."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A watched tree."""

    root: bytes
    """Absolute, real path."""
    customer: str | None
    """Whose all of it is, or None for one directory per customer."""
    private_reason: str = ""
    """Why private communication is checked too, in the administrator's words; "": it is left alone."""
    docroots: Docroots = field(default=BY_NAME, compare=False)
    """What web servers serve of it: that is not private, whatever it is called."""
    owner_of: Callable[[bytes], str] | None = field(default=None, compare=False)
    """Finds whose an absolute path is, "" where that is not known; None: only the names of directories tell."""
    path: bytes = field(default=b"", compare=False)
    """As the configuration names it, where a link may lead to the root; empty where that does not matter."""
    is_linked_home: bool = False
    """The path is a link of root's at the top of another tree, and all of it is one customer's."""
    links: DocrootLinks = field(default_factory=DocrootLinks, compare=False)
    """Where links below its docroots lead to: that is served, too."""

    def customer_of(self, path: bytes) -> str:
        """The customer of a path relative to the root."""
        if self.owner_of is not None and (owner := self.owner_of(os.path.join(self.root, path))):
            return owner
        first, slash, _ = path.partition(b"/")
        return self.customer or (display(first) if slash else UNASSIGNED)

    def place_of(self, absolute: bytes) -> Place | None:
        """Place of a file by its absolute path.

        None when it is not below the tree, is ours, or private communication.
        """
        path = self._relative(absolute)
        if path in {b".", b".."} or path.startswith(b"../"):
            return None
        place = Place(self.root, path)
        return place if self.covers(place) else None

    def _relative(self, absolute: bytes) -> bytes:
        """Path relative to the tree, with a fast path for normal paths.

        Paths in events are normal already, and splitting paths of thousands of levels costs a lot for each.
        """
        top = os.path.join(self.root, b"")
        if absolute.startswith(top) and not _NOT_NORMAL.search(absolute):
            return absolute[len(top) :]
        return os.path.relpath(absolute, self.root)

    def covers(self, place: Place) -> bool:
        """Whether this place of the tree is an upload: neither ours nor private communication."""
        directory = os.path.dirname(place.path)
        return not (self.is_ours(place.path) or self.leaves_alone(directory) or self.leaves_file_alone(place))

    def leaves_alone(self, directory: bytes) -> bool:
        """Whether nothing at or below this directory, relative to the root, is an upload."""
        if self.is_ours(directory):
            return True
        if self.private_reason:
            return False
        absolute = os.path.join(self.root, directory)
        home = home_of_store(absolute)
        if is_spool(absolute):
            return True
        return home is not None and not (self.docroots.serves(home) or self.links.reaches(absolute))

    def leaves_file_alone(self, place: Place) -> bool:
        """Whether this file is no upload, in a directory that is not left alone.

        May read its first bytes where its name is one of mail or chat.
        """
        if self.private_reason:
            return False
        directory = os.path.dirname(place.absolute)
        home = home_of_store(directory)
        if home is None and not is_private_file(place):
            return False
        served = self.docroots.serves(directory if home is None else home) or self.links.serves(directory)
        return not (served and begins_as_hidden(place))

    def find_link(self, link: bytes) -> bytes | None:
        """Look where a link at this absolute path leads to.

        Returns the directory that is served because of it and was not before, None for any other. A link counts below a
        docroot, and for what its own customer has: nobody opens another one's mail to us.
        """
        if self.private_reason or not (self.docroots.serves(link) or self.links.serves(os.path.dirname(link))):
            return None
        target = real_path(link)
        if target is None:
            return None  # it is being renamed: what it becomes is hinted at as well
        directory = os.path.dirname(target) if os.path.isfile(target) else target
        own = self._own_of(link)
        if lies_at_or_below(own, directory):
            directory = own
        if not lies_at_or_below(directory, own) or self.docroots.serves(directory) or not os.path.islink(link):
            return None
        return self.links.add(link, directory, own)

    def _own_of(self, absolute: bytes) -> bytes:
        """The directory with all that the customer of a path has, by its place in the tree."""
        first, slash, _ = self._relative(absolute).partition(b"/")
        return os.path.join(self.root, first) if slash and not self.customer else self.root

    def has_in_quarantine(self, absolute: bytes) -> bool:
        """Whether this absolute path lies in a quarantine of ours in this tree."""
        return absolute.startswith(self.root) and self.is_ours(os.path.relpath(absolute, self.root))

    def is_ours(self, path: bytes) -> bool:
        """Whether this path lies in our quarantine at the top of the tree or of a disk below it.

        The disk is one mounted below the tree. Only while that directory is ours: a customer's own of that name
        hides nothing.
        """
        if OWN_DIRECTORIES[0] not in path:  # what all of them begin with
            return False
        parts = path.split(b"/")
        named = ((b"/".join(parts[:n]), part) for n, part in enumerate(parts) if part in OWN_DIRECTORIES)
        return any(self._is_private(os.path.join(home, name)) and self._is_top(home) for home, name in named)

    def _is_top(self, directory: bytes) -> bool:
        """Whether a directory is the top of the tree, or of what is mounted below it.

        The mover makes a quarantine nowhere else in a tree. Elsewhere root may have made a directory of that
        name, which is given to a customer once his backup is unpacked.
        """
        return not directory or is_top(os.path.join(self.root, directory), tree=self.root)

    def _is_private(self, directory: bytes) -> bool:
        try:
            found = os.lstat(os.path.join(self.root, directory))
        except OSError:
            return False  # nothing there: whatever is made there later is a customer's until it is ours
        # The mover may be root while this process is not.
        return stat.S_ISDIR(found.st_mode) and found.st_uid in {0, os.geteuid()} and not found.st_mode & 0o077


def may_be_there(place: Place) -> bool:
    """Whether something is at a place, or cannot be seen: its tree may not be mounted."""
    try:
        os.lstat(place.absolute)
    except (FileNotFoundError, NotADirectoryError):
        return not os.path.isdir(place.tree)
    except OSError:
        return True
    return True
