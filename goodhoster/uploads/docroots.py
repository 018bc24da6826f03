"""Directories that a web server serves (promise G12).

What lies there is not private, whatever it is called.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable

from goodhoster.errors import GoodhosterError
from goodhoster.linux.real_paths import real_path

_log = logging.getLogger(__name__)

_USUAL = frozenset(
    b"public_html www htdocs httpdocs httpsdocs html web webroot wwwroot docroot public httpdocs-secure".split()
)
"""What panels and web servers call the directory that they serve."""
_SLASH = ord("/")
_FRESH = 300.0  # seconds


class Docroots:
    """Directories that the directory sources name.

    The usual names where there is no source, or while none answers.
    """

    def __init__(self, named: Callable[[], Iterable[bytes]] | None = None) -> None:
        """Store the source of the docroots, which is asked once in a while.

        `named` returns absolute paths, and raises GoodhosterError while it cannot.
        """
        self._named = named
        self._known: frozenset[bytes] | None = None
        self._look_at = float("-inf")

    def serves(self, absolute: bytes) -> bool:
        """Whether this path lies below a docroot."""
        known = self._current()
        if known is None:
            return not _USUAL.isdisjoint(absolute.split(b"/"))
        path = os.path.join(absolute, b"")
        ends = (end for end, byte in enumerate(path, 1) if byte == _SLASH)
        return any(path[:end] in known for end in ends)

    def _current(self) -> frozenset[bytes] | None:
        """Current docroots; None where no source answers.

        The last answer counts while there is no newer one.
        """
        if self._named and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _FRESH
            try:
                found = {os.path.join(real_path(path) or path, b"") for path in self._named()}
                self._known = frozenset(found - {b"/"}) or None  # whoever serves the whole machine serves no mail
            except GoodhosterError as error:
                _log.warning("document roots are recognised by their usual names: %s", error)
        return self._known


BY_NAME = Docroots()
"""Where no directory source is configured."""
