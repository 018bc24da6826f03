"""Counts over all indexed uploads for the brake: customers per content, and checks done."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.uploads.database import Database
from goodhoster.uploads.rows import RowWait, joined

_SLOT = 3600  # seconds
_KEPT = 60 * 24  # slots
_LYING = 60.0
"""Seconds since its check that make a file one that lies there. Of files that come at this very moment the cases tell,
in their order: so the first measures before a storm do not depend on which thread was faster.
"""
_FILES = 2000
"""Files of one content that are looked at: a customer with more copies than this must not slow every match down."""


class IndexCensus:
    """See `ports.Census`. Threads may share it."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def customers_having(self, sha256: bytes, most: int) -> frozenset[str]:
        """See `ports.Census`."""
        files = "SELECT directory FROM uploads WHERE sha256 = ? AND checked_at < ? LIMIT ?"
        query = f"SELECT DISTINCT customer FROM ({files}) JOIN directories ON id = directory LIMIT ?"  # noqa: S608 - our own text
        rows = self._database.run(
            lambda db: db.execute(query, (sha256, self._clock() - _LYING, _FILES, most)).fetchall()
        )
        return frozenset(customer for (customer,) in rows)

    def checks_between(self, since: datetime, until: datetime) -> int:
        """See `ports.Census`."""
        query = "SELECT coalesce(sum(count), 0) FROM checks WHERE slot BETWEEN ? AND ?"
        slots = (_slot(since.timestamp()), _slot(until.timestamp()))
        return self._database.run(lambda db: int(db.execute(query, slots).fetchone()[0]))

    def counted_since(self) -> datetime | None:
        """The first hour whose checks are counted here; None where nothing is.

        The index may be made anew, and forgets what is older than two months.
        """
        (slot,) = self._database.run(lambda db: db.execute("SELECT min(slot) FROM checks").fetchone())
        return None if slot is None else datetime.fromtimestamp(slot * _SLOT, UTC)

    def left_out_between(self, since: datetime, until: datetime) -> int:
        """Checks of files about which services were not asked, as they are no picture or video."""
        query = "SELECT coalesce(sum(count), 0) FROM left_out WHERE slot BETWEEN ? AND ?"
        slots = (_slot(since.timestamp()), _slot(until.timestamp()))
        return self._database.run(lambda db: int(db.execute(query, slots).fetchone()[0]))

    def known_files(self) -> Iterator[tuple[str, Place, bytes]]:
        """Files that a source knows, exactly or nearly, and that wait for nothing.

        Customer, place and SHA-256 of each.
        """
        query = f"""SELECT customer, tree, path, name, sha256 FROM uploads JOIN directories ON id = directory
            WHERE verdict IN ('known', 'near') AND waiting = {RowWait.NOTHING:d} AND sha256 IS NOT NULL"""  # noqa: S608 - our own texts
        for customer, tree, path, name, sha256 in self._database.run(lambda db: db.execute(query).fetchall()):
            yield customer, Place(tree, joined(path, name)), sha256


def count_check(db: sqlite3.Connection, verdict: Verdict, now: float, *, left_out: bool = False) -> None:
    """Count a check of a content; what got no answer is no check.

    `left_out`: services were not asked about it.
    """
    if verdict.kind is VerdictKind.UNCHECKED:
        return
    for table in ("checks", "left_out") if left_out else ("checks",):
        counted = f"INSERT INTO {table} VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count"  # noqa: S608 - our own names
        ((count,),) = db.execute(counted, (_slot(now),)).fetchall()
        if count == 1:
            db.execute(f"DELETE FROM {table} WHERE slot < ?", (_slot(now) - _KEPT,))  # noqa: S608 - the same


def _slot(moment: float) -> int:
    return int(moment // _SLOT)
