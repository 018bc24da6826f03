"""Choice of files that are checked although whoever writes to them may not have closed them.

Only what begins as a picture, a video or an archive, or is called one. Logs are written to all day, and what they hold
is found when they are closed or everything is compared.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from goodhoster.errors import NotAnUploadError, UncheckedError
from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from goodhoster.model.content_kinds import HEAD, is_archive, is_picture, kind_of
from goodhoster.model.uploads import Place
from goodhoster.uploads.opening import open_upload
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.events import Hint, Written

_BYTES_A_SECOND = 4 << 20
"""A large film that is being recorded is not read again before so much of it could be."""
_OTHER_FOR = 60.0
"""Seconds for which a file is left alone that began as nothing of interest."""
_MOST_FILES = 20_000


class OpenFiles:
    """Turns files that were written to into hints; for one thread."""

    def __init__(
        self, trees: Sequence[Tree], calls: FileSystemCalls, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trees = tuple(trees)
        self._calls = calls
        self._clock = clock
        self._not_before: dict[bytes, float] = {}
        self._later: dict[bytes, Written] = {}
        """Those that were written to again too soon, by path."""

    def look(self, told: Sequence[Written]) -> list[Hint]:
        """Hints of those files, and of some of before, that are to be checked now."""
        now = self._clock()
        waiting = self._later | {os.path.join(each.directory, each.name): each for each in told}
        self._later = {}
        hints = []
        for path, written in waiting.items():
            if self._not_before.get(path, 0.0) > now:
                if len(self._later) < _MOST_FILES:
                    self._later[path] = written
            elif self._is_new(path, written, now):
                hints.append(Hint(written.directory, written.name))
        self._not_before = {path: until for path, until in self._not_before.items() if until > now}
        return hints

    def _is_new(self, path: bytes, written: Written, now: float) -> bool:
        """Whether it is an upload that changed after it was last closed."""
        for tree in self._trees:
            try:
                with self._calls.asking(tree.root):
                    place = tree.place_of(path)
                    if place is not None:
                        return self._changed(place, written, now)
            except (NotAnsweringError, NotAnUploadError):
                return False
            except UncheckedError:
                return True  # the check says why it cannot be opened
        return False

    def _changed(self, place: Place, written: Written, now: float) -> bool:
        with open_upload(place) as opened:
            if opened.state.ctime_ns / 1e9 <= written.closed_at:
                return False
            beginning = os.pread(opened.fd, HEAD, 0)
            of_interest = is_picture(kind_of(beginning), place.path) or is_archive(beginning)
            wait = opened.state.size / _BYTES_A_SECOND if of_interest else _OTHER_FOR
            if len(self._not_before) < _MOST_FILES:
                self._not_before[place.absolute] = now + wait
            return of_interest
