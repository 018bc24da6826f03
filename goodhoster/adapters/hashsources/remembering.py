"""A hash source whose answers are remembered for a while, so that the relay does not ask a thing twice.

Failures are never remembered. The file is a cache: it may be deleted at any time, and one that cannot be read
is made anew. It holds digests that a source knows, so only its owner may read it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from goodhoster.errors import ConfigurationError
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Category, Match
from goodhoster.ports import ObservedSource

log = logging.getLogger(__name__)

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    digests BLOB NOT NULL,
    asked REAL NOT NULL,
    matches TEXT NOT NULL,
    UNIQUE (source, digests)
);
"""
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_RECALL = "SELECT asked, matches FROM answers WHERE source = ? AND digests = ?"
_REMEMBER = "INSERT OR REPLACE INTO answers (source, digests, asked, matches) VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long answers count. Times in seconds."""

    yes: float = 900.0
    """Short: an entry that the source withdraws must stop costing customers their files."""
    no: float = 3600.0
    """Lists grow: what is not known now may be in an hour."""
    most: int = 1_000_000
    """Answers on disk, some 150 MB; the oldest go first."""


class AnswerBook:
    """The file with remembered answers, of any number of sources; for one process, and any thread of it."""

    def __init__(self, file: Path, keeping: Keeping | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._keeping = keeping or Keeping()
        self._clock = clock
        self._lock = Lock()
        self._written = 0
        self._database = _open(file)

    def recall(self, source: str, question: Question) -> tuple[Match, ...] | None:
        """What that source answered, or None when it was not asked lately. Never raises."""
        try:
            with self._lock:
                row = self._database.execute(_RECALL, (source, _key(question))).fetchone()
            return self._fresh(*row) if row else None
        except (sqlite3.Error, ValueError, TypeError) as error:
            log.warning("remembered answers cannot be read: %s", error)
            return None

    def _fresh(self, asked: float, text: str) -> tuple[Match, ...] | None:
        """An answer from the future is stale too: the clock was put back."""
        matches = tuple(
            Match(source, algorithm, Category(category), distance)
            for source, algorithm, category, distance in json.loads(text)
        )
        age = self._clock() - asked
        return matches if 0 <= age < (self._keeping.yes if matches else self._keeping.no) else None

    def remember(self, source: str, question: Question, matches: tuple[Match, ...]) -> None:
        """Keep an answer. Never raises: an answer that cannot be kept is asked again."""
        text = json.dumps([(match.source, match.algorithm, match.category, match.distance) for match in matches])
        try:
            with self._lock, self._database:
                self._database.execute(_REMEMBER, (source, _key(question), self._clock(), text))
                self._forget_now_and_then()
        except sqlite3.Error as error:
            log.warning("an answer cannot be remembered: %s", error)

    def _forget_now_and_then(self) -> None:
        self._written += 1
        if self._written % 1024 == 0:
            self._database.execute(_FORGET, (self._keeping.most,))

    def close(self) -> None:
        """May be called twice."""
        with self._lock:
            self._database.close()


class Remembering:
    """HashSource that answers from the book first."""

    def __init__(self, source: ObservedSource, book: AnswerBook) -> None:
        self.name = source.name
        self.local = source.local
        self._source = source
        self._book = book

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """A remembered answer, or the source's."""
        remembered = self._book.recall(self.name, question)
        if remembered is not None:
            return remembered
        matches = self._source.look_up(question)
        self._book.remember(self.name, question, matches)
        return matches

    def probe(self) -> None:
        """As the source, never from the book."""
        self._source.probe()

    def close(self) -> None:
        """As the source; the book belongs to who opened it."""
        self._source.close()

    def health(self) -> SourceHealth:
        """The source's: what was remembered was not asked."""
        return self._source.health()


def _key(question: Question) -> bytes:
    """Every combination of what was taken has a length of its own (16, 20, 32, 36, …): none equals another."""
    digests = question.digests.md5 + question.digests.sha1 + question.digests.sha256
    if question.fingerprints is None:
        return digests
    fingerprints = " ".join(map(str, question.fingerprints)).encode("ascii")
    return digests + b"+" + hashlib.sha256(fingerprints).digest()


def _open(file: Path) -> sqlite3.Connection:
    try:
        try:
            return _connect(file)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            log.warning("%s is made anew: %s", file, error)
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            part.unlink(missing_ok=True)
        return _connect(file)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"remembered answers cannot be kept in {file}: {error}",
            hint="Check the folder's owner and free space.",
        ) from error


def _connect(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(file, check_same_thread=False)
    try:
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
