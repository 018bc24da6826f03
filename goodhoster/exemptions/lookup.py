"""Which contents are exempt, always by the current sets.

A running daemon uses a new set without being notified.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from goodhoster.errors import ConfigurationError, UncheckedError
from goodhoster.exemptions.sets import open_set, set_files
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.exemptions import Exemption, ExemptionSet

Exempt = Callable[[Digests], Exemption | None]
"""Returns the exemption of a content. Raises UncheckedError while that cannot be determined."""

_POLL_SECONDS = 1.0  # seconds
_Seen = tuple[int, int, int]
_Strongest = Mapping[Algorithm, Mapping[bytes, str]]
"""Which set has a digest: of each content only the strongest that was taken."""


def nothing_exempt(_: Digests) -> None:
    """The lookup of a server without exemptions."""


class Exemptions:
    """Keeps the sets of a directory in memory. Any number of threads may use it at once.

    Of each content only its set's strongest digest is kept, so that nobody can hide a content by giving it the MD5
    of a harmless one whose SHA-256 we know.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._sets: dict[Path, tuple[_Seen, _Strongest]] = {}
        self._by: _Strongest = {}
        self._trouble: ConfigurationError | None = None
        self._changed_ns = -1
        self._look_at = 0.0

    def __call__(self, content: Digests) -> Exemption | None:
        """Look a content up in the current sets, by its strongest digest first.

        UncheckedError (`exemptions-damaged`) while a set cannot be read: acting without it would be a guess.
        """
        if trouble := self.trouble():
            raise UncheckedError(str(trouble), reason="exemptions-damaged", hint=trouble.hint)
        for algorithm in reversed(Algorithm):
            name = self._by.get(algorithm, {}).get(getattr(content, algorithm.value))
            if name is not None:
                return Exemption(name, algorithm, content)
        return None

    def trouble(self) -> ConfigurationError | None:
        """Why exemptions cannot be looked up; None when all sets are undamaged."""
        if self._is_outdated():
            with self._lock:
                if self._is_outdated():
                    self._reload_if_changed()
        return self._trouble

    def _is_outdated(self) -> bool:
        """Return whether the sets must be read again.

        A set that was added or removed counts at once; damage to a file is noticed within a second.
        """
        return time.monotonic() >= self._look_at or self._changed() != self._changed_ns

    def _changed(self) -> int:
        try:
            return os.stat(self._directory).st_mtime_ns
        except OSError:
            return 0

    def _reload_if_changed(self) -> None:
        changed = self._changed()
        try:
            found = dict(self._found())
        except ConfigurationError as error:
            self._trouble = error
        else:
            if found != self._sets:
                self._by = _merged(strongest for _, strongest in found.values())
                self._sets = found
            self._trouble = None
        self._changed_ns = changed
        self._look_at = time.monotonic() + _POLL_SECONDS

    def _found(self) -> Iterator[tuple[Path, tuple[_Seen, _Strongest]]]:
        for path in set_files(self._directory):
            with suppress(FileNotFoundError):  # removed since the directory was read
                yield path, self._known_or_read(path)

    def _known_or_read(self, path: Path) -> tuple[_Seen, _Strongest]:
        status = path.stat()
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._sets.get(path)
        return known if known and known[0] == seen else (seen, _strongest(open_set(path)))


def _strongest(made: ExemptionSet) -> _Strongest:
    by: dict[Algorithm, dict[bytes, str]] = {}
    for content in made.contents:
        strongest = content.strongest
        by.setdefault(strongest.algorithm, {})[strongest.value] = made.name
    return by


def _merged(sets: Iterable[_Strongest]) -> _Strongest:
    """All sets as one; of several that have a digest, the first by name counts."""
    by: dict[Algorithm, dict[bytes, str]] = {}
    for strongest in sets:
        for algorithm, names in strongest.items():
            by[algorithm] = {**names, **by.get(algorithm, {})}
    return by
