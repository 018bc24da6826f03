"""The kernel's way to a path, name by name: a caller sees who could turn it elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """A name on the way to a path."""

    path: bytes
    """Absolute, and without links but for the last name."""
    found: os.stat_result
    """What lies at that name, a link itself included."""

    @property
    def is_link(self) -> bool:
        """Whether it is a link, whose target is what follows."""
        return stat.S_ISLNK(self.found.st_mode)


def steps_to(path: bytes) -> Iterator[PathStep]:
    """Every name on the way to an absolute path, in its order; the last one is where it leads.

    Those in the targets of links, too. OSError where it does not end, or leads to nothing.
    """
    rest, real, links = [path], b"/", 0
    while rest:
        first, _, after = rest.pop().lstrip(b"/").partition(b"/")
        rest += [after] if after else []
        step = PathStep(here := os.path.normpath(os.path.join(real, first)), os.lstat(here))
        yield step
        if not step.is_link:
            real = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(here)
        real = b"/" if target.startswith(b"/") else real
        rest.append(target)
