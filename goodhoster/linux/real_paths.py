"""Where a path leads, also while somebody renames what is on the way."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

_TRIES = 3
"""Who renames without a pause is not followed for longer."""


def real_path(path: bytes) -> bytes | None:
    """Resolve all links of a path; None where that cannot be told, as they change meanwhile.

    Reading a link may fail that has vanished since it was looked at: until Python 3.12 `os.path.realpath` raises that,
    later ones leave the name as if it were none. Links of a loop are left in both.
    """
    for _ in range(_TRIES):
        with suppress(OSError):
            found = os.path.realpath(path)
            if not _has_link(found) or _is_loop(found):
                return found
    return None


def _has_link(path: bytes) -> bool:
    """Whether the path itself or a directory on its way is a link."""
    parts = path.split(b"/")
    return any(os.path.islink(b"/".join(parts[:end])) for end in range(2, len(parts) + 1))


def _is_loop(path: bytes) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
