"""Where a path leads, also while somebody renames what is on the way."""

from __future__ import annotations

import os
from contextlib import suppress

_TRIES = 3
"""Who renames without a pause is not followed for longer."""


def real_path(path: bytes) -> bytes | None:
    """Resolve all links of a path; None where that cannot be told, as they change meanwhile.

    `os.path.realpath` raises what reading a link raises that has vanished since it was looked at.
    """
    for _ in range(_TRIES):
        with suppress(OSError):
            return os.path.realpath(path)
    return None
