"""Customers' homes that root moved to another disk, leaving a link at the top of a tree.

Links are never followed on the way to a file. Such a home is a watched tree of its own instead, in which nothing but
its customer's name comes from the link. It is followed where nobody but root can change where it leads, and where it
leads to customers' files and not into the system.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster.linux.path_steps import steps_to

MOST_FOLLOWED = 64
"""Each is looked after like a [[watch]], every second."""
_MOST_TRIED = 4 * MOST_FOLLOWED
_TIMEOUT_SECONDS = 0.5
"""Seconds that the disk of a home may take to say whether it is there."""
_SYSTEM = tuple(
    b"/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /proc /root /run /sbin /sys /usr /var/backups /var/cache"
    b" /var/lib /var/lock /var/log /var/mail /var/run /var/spool".split()
)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class HomeLink:
    """A link of root's at the top of a watched tree that leads out of it."""

    tree: bytes
    path: bytes
    """Of the link, absolute."""
    target: bytes
    """Where it leads by its own text: nothing there was looked at."""


def home_links(tree: bytes) -> list[HomeLink]:
    """Root's links at the top of a tree that lead out of it.

    A customer's own link is none: it gives him nothing that he has not got. May raise OSError.
    """
    found = []
    with os.scandir(tree) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it vanished just now
                if entry.is_symlink() and entry.stat(follow_symlinks=False).st_uid == 0:
                    link = os.path.join(tree, entry.name)
                    target = os.path.normpath(os.path.join(tree, os.readlink(link)))
                    if not lies_at_or_below(target, tree):
                        found.append(HomeLink(tree, link, target))
    return sorted(found, key=lambda link: link.path)


def followed_homes(trees: Sequence[bytes], kept_out: Sequence[bytes] = ()) -> list[tuple[HomeLink, bytes]]:
    """Homes watched because a link at the top of a tree leads to them, with their real paths.

    The trees are those of the configuration; none of the homes lies in one, in another or around one, nor around or in
    what is `kept_out`. A disk that does not answer keeps nobody waiting: its homes are left out.
    """
    calls = FileSystemCalls(timeout=_TIMEOUT_SECONDS)
    found: list[tuple[HomeLink, bytes]] = []
    taken = [*trees, *kept_out]
    for link in islice(_links_of(trees), _MOST_TRIED):
        real = _home_at(link, calls)
        if real is None or any(_overlap(real, other) for other in taken):
            continue
        taken.append(real)
        found.append((link, real))
        if len(found) == MOST_FOLLOWED:
            break
    return found


def through_home_link(path: bytes, tree: bytes) -> bytes:
    """An absolute path in a tree, followed through a link of root's at the tree's top if any."""
    first, _, rest = path[len(tree) :].strip(b"/").partition(b"/")
    link = os.path.join(tree, first)
    try:
        real = resolve_by_root(link) if first and os.path.islink(link) else None
    except OSError:
        return path
    return os.path.join(real, rest).rstrip(b"/") if real else path


def resolve_by_root(path: bytes) -> bytes | None:
    """Where an absolute path leads; None where anybody but root or us could change that.

    Each name on the way counts, those of links' targets too: a link of root's into a customer's directory leads to
    whatever that customer makes of the names there. May raise OSError.
    """
    real = b"/"
    for step in steps_to(path):
        if step.is_link and step.found.st_uid not in _trusted_uids():
            return None
        if step.path != b"/" and not _is_fixed(step.found, os.lstat(os.path.dirname(step.path))):
            return None
        real = step.path
    return real


def _links_of(trees: Sequence[bytes]) -> Iterator[HomeLink]:
    for tree in trees:
        with suppress(OSError):  # a tree that cannot be read is told elsewhere
            yield from home_links(tree)


def _home_at(link: HomeLink, calls: FileSystemCalls) -> bytes | None:
    """The directory that a link leads to; None where that is none, or not to be followed."""
    if _is_systems(link.target):
        return None
    with suppress(OSError):
        return calls.ask(link.target, lambda: _home_of(link), _TIMEOUT_SECONDS)
    return None


def _home_of(link: HomeLink) -> bytes | None:
    """The directory, where only root can change any of the names on the way to it."""
    real = resolve_by_root(link.path)
    return real if real is not None and os.path.isdir(real) and not _is_systems(real) else None


def _is_fixed(entry: os.stat_result, directory: os.stat_result) -> bool:
    """Whether nobody but root or us can put something else at the name of this entry."""
    others_write = directory.st_mode & _OTHERS_WRITE
    keeps_names = directory.st_mode & stat.S_ISVTX and entry.st_uid in _trusted_uids()
    return directory.st_uid in _trusted_uids() and bool(not others_write or keeps_names)


def _trusted_uids() -> frozenset[int]:
    return frozenset({0, os.geteuid()})


def _is_systems(path: bytes) -> bool:
    return path == b"/" or any(lies_at_or_below(path, system) for system in _SYSTEM)


def _overlap(one: bytes, other: bytes) -> bool:
    return lies_at_or_below(one, other) or lies_at_or_below(other, one)
