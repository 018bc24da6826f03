"""A cache file of hash sources' answers, shared by threads and processes without waiting.

It is a cache and nothing else. A key has one slot, with a checksum; where two keys meet in one, the newer answer stays.
So nothing is ever locked, grows or is rebuilt: what is damaged, cut off or half written is a slot without an answer,
and the source is asked (docs/decisions/031, with what a database cost).
"""

from __future__ import annotations

import json
import logging
import os
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.model.verdicts import Category, Match

log = logging.getLogger(__name__)

_KEY = 32
"""Bytes of a key: a SHA-256, so that keys are spread evenly."""
_SLOT = struct.Struct(f"<{_KEY}sdH")
"""Key, when it was asked, length of the matches in JSON. These and a CRC-32 of all follow."""
_SIZE = 256
_LONGEST_ANSWER = _SIZE - _SLOT.size - 4
_SLOTS = 1 << 19
"""Half a million answers, 128 MiB of disk at the most."""
_FORMAT = 1
"""The checksum begins with it: what another version wrote is no answer."""
_OVERTAKEN = 60.0
"""Seconds that one question may take longer than another; what seems newer by more was written by a wrong clock."""
_POLL_SECONDS = 1.0  # seconds between looks whether the file is still there


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A source's answer about a content."""

    asked: float
    """When it was asked, seconds since the epoch."""
    matches: tuple[Match, ...]


class AnswerCache:
    """The cache file, readable by its owner only.

    Nothing here raises but the constructor: ConfigurationError when no file can be made there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._complaint = ""
        self._looked = time.monotonic()
        try:
            self._open: _Open | None = _Open(file)
        except OSError as error:
            hint = "check the folder's owner and free space"
            raise ConfigurationError(f"remembered answers cannot be kept in {file}: {error}", hint=hint) from error

    def get(self, key: bytes) -> CachedAnswer | None:
        """The newest answer under that key, of this process or another.

        None when there is none any more.
        """
        try:
            opened = self._opened()
            slot = os.pread(opened.fd, _SIZE, _offset(key)) if opened else b""
        except OSError as error:
            self._log_once(error)
            return None
        return _answer_of(slot) if slot.startswith(key) else None

    def put(self, key: bytes, answer: CachedAnswer) -> None:
        """Store an answer, replacing the stored one unless that was asked later and overtook it.

        An answer that is too long for a slot only removes the stored one.
        """
        there = self.get(key)
        if there and 0 < there.asked - answer.asked < _OVERTAKEN:
            return
        try:
            if opened := self._opened():
                os.pwrite(opened.fd, _slot_of(key, answer), _offset(key))
        except OSError as error:
            self._log_once(error)

    def close(self) -> None:
        """Stop caching answers. May be called twice."""
        self._open = None

    def _opened(self) -> _Open | None:
        """The current file: opened again when it was deleted or replaced."""
        now = time.monotonic()
        if self._open and now - self._looked >= _POLL_SECONDS:
            self._looked = now
            if not self._open.is_at(self._file):
                self._open = _Open(self._file)
        return self._open

    def _log_once(self, error: Exception) -> None:
        """Log an error once: the same one may occur with every file."""
        if str(error) != self._complaint:
            log.warning("remembered answers cannot be used now, the sources are asked instead: %s", error)
        self._complaint = str(error)


class _Open:
    """A descriptor that is closed when the last thread has released it.

    Closed while a thread uses it, its number could be another file's when that thread writes.
    """

    def __init__(self, file: Path) -> None:
        self.fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)

    def is_at(self, file: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self.fd), file.stat())
        except FileNotFoundError:
            return False


def _offset(key: bytes) -> int:
    return int.from_bytes(key[-4:]) % _SLOTS * _SIZE


def _slot_of(key: bytes, answer: CachedAnswer) -> bytes:
    matches = [(match.source, match.algorithm, match.category, match.distance) for match in answer.matches]
    text = json.dumps(matches, separators=(",", ":")).encode() if matches else b""
    if len(text) > _LONGEST_ANSWER:
        return bytes(_SIZE)
    content = _SLOT.pack(key, answer.asked, len(text)) + text
    return content + _checksum(content)


def _answer_of(slot: bytes) -> CachedAnswer | None:
    """Decode a slot; None when it is damaged."""
    if len(slot) < _SLOT.size:
        return None
    _, asked, length = _SLOT.unpack_from(slot)
    end = _SLOT.size + length
    if slot[end : end + 4] != _checksum(slot[:end]):
        return None
    rows = json.loads(slot[_SLOT.size : end]) if length else ()
    return CachedAnswer(
        asked, tuple(Match(source, algorithm, Category(name), bits) for source, algorithm, name, bits in rows)
    )


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content, _FORMAT).to_bytes(4)
