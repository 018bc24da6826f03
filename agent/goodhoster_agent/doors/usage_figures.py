"""Usage of the hash service by client and ISO week (UTC).

The figure that the sector reports is weekly.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock

from goodhoster.errors import ConfigurationError
from goodhoster.linux.sqlite_files import connect, explained
from goodhoster.linux.sqlite_migrations import ExpiringTable, Migration, Schema, upgrade
from goodhoster.ports import Clock

log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS figures (
    week TEXT NOT NULL,
    client TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (week, client, outcome)
) WITHOUT ROWID;
"""
_LAST_DAYS = """
CREATE TABLE last_days (client TEXT PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
"""
FIGURES = Schema("the file of usage figures", (Migration(1, (_TABLE,)), Migration(2, (_LAST_DAYS,))))
EXPIRING = (
    ExpiringTable(
        "figures",
        ("week", "client", "outcome"),
        "week < :before",
        lambda moment: "{}-W{:02}".format(*moment.isocalendar()),
    ),
)
"""The last day of each client stays: there are as many as accounts."""
_USED = """
INSERT INTO last_days (client, day) VALUES (?, ?)
ON CONFLICT DO UPDATE SET day = max(day, excluded.day)
"""
_ADD = """
INSERT INTO figures (week, client, outcome, count) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""
_SUMS = """
SELECT week, client,
    sum(count) FILTER (WHERE outcome IN ('no', 'match')),
    sum(count) FILTER (WHERE outcome = 'match'),
    sum(count) FILTER (WHERE outcome = 'unchecked')
FROM figures GROUP BY week, client ORDER BY week, client
"""


def figures_file(state_dir: Path) -> Path:
    """The file of the weekly figures."""
    return state_dir / "hashservice" / "figures.sqlite"


class RequestOutcome(StrEnum):
    """The outcome of one request."""

    NO = "no"
    MATCH = "match"
    UNCHECKED = "unchecked"
    """No source could answer; the client was told to ask again."""


@dataclass(frozen=True, slots=True)
class ClientWeek:
    """A client's week."""

    week: str
    """Such as 2026-W07 (ISO 8601)."""
    client: str
    checks: int
    """Questions that were answered."""
    matches: int
    unchecked: int


class Figures:
    """Counts in memory, added to the file by a flush.

    What is not flushed is lost with the process.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        """Open the figures; ConfigurationError when the file cannot be used."""
        self._clock = clock
        self._lock = Lock()
        self._writing = Lock()
        self._pending: Counter[tuple[str, str, str]] = Counter()
        self._used: dict[str, str] = {}
        try:
            with ExitStack() as opening:
                self._database = opening.enter_context(closing(connect(file, threads=True)))
                self._database.execute("PRAGMA journal_mode = WAL")
                upgrade(self._database, file, FIGURES)
                opening.pop_all()
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"figures cannot be kept in {file}: {explained(error, file)}",
                hint="Check the folder's owner and free space.",
            ) from error

    def count(self, client: str, outcome: RequestOutcome) -> None:
        """Count one more request of that client."""
        now = self._clock()
        year, week, _ = now.isocalendar()
        with self._lock:
            self._pending[f"{year}-W{week:02}", client, outcome] += 1
            if outcome is not RequestOutcome.UNCHECKED:
                self._used[client] = f"{now:%Y-%m-%d}"

    def flush(self) -> None:
        """Make what was counted durable; what cannot be written now is kept for the next time."""
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, Counter()
                used, self._used = self._used, {}
            try:
                self._add(pending, used)
            except sqlite3.Error as error:
                log.warning("figures cannot be written now: %s", error)
                with self._lock:
                    self._pending.update(pending)
                    self._used = used | self._used

    def _add(self, pending: Counter[tuple[str, str, str]], used: Mapping[str, str]) -> None:
        if pending:
            with self._database:
                self._database.executemany(_ADD, [(*key, count) for key, count in pending.items()])
                self._database.executemany(_USED, list(used.items()))

    def close(self) -> None:
        """Flush for the last time."""
        self.flush()
        self._database.close()


def read_figures(file: Path) -> tuple[ClientWeek, ...]:
    """All weeks of all clients, oldest week first; nothing when nothing was ever counted.

    May be read while serving.
    """
    if not file.exists():
        return ()
    with closing(connect(file)) as database:
        return tuple(
            ClientWeek(week, client, checks or 0, matches or 0, unchecked or 0)
            for week, client, checks, matches, unchecked in database.execute(_SUMS)
        )
