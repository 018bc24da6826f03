"""A small file that other processes change: read again when it was changed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from goodhoster.errors import ConfigurationError

Entry = TypeVar("Entry")
_log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0  # seconds


class RereadFile(Generic[Entry]):
    """The entries of a file by their keys, as the file is now.

    `name` is what they are in messages, such as "tokens". ConfigurationError when the file cannot be read at first;
    later one that cannot be read changes nothing: the old entries stay in force, and the journal says so.
    """

    def __init__(self, file: Path, read: Callable[[Path], Mapping[str, Entry]], name: str) -> None:
        self._file = file
        self._read = read
        self._name = name
        self._seen = _state(file)
        self._entries = read(file)
        self._look_at = 0.0

    def entries(self) -> Mapping[str, Entry]:
        """The entries that are in force now."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _POLL_SECONDS
            self._reload_if_changed()
        return self._entries

    def _reload_if_changed(self) -> None:
        seen = _state(self._file)
        if seen == self._seen:
            return
        try:
            self._entries = self._read(self._file)
            self._seen = seen
        except ConfigurationError as error:
            _log.error("%s; the %s from before stay in force. %s", error, self._name, error.hint)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
