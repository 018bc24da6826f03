"""The record of notices in SQLite."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.linux.sqlite_migrations import Migration, Schema
from goodhoster.model.ids import one_short
from goodhoster.model.notice_status import Notice, NoticeFigures, NoticeItem, NoticeState
from goodhoster.ports import ForgottenCustomer, NoticeQuery

_TABLES = """
CREATE TABLE IF NOT EXISTS notices (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, received_at TEXT NOT NULL, deadline TEXT, stopped_at TEXT, due TEXT,
  notifier TEXT NOT NULL, reference TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notices_due ON notices (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS notices_state ON notices (state);
CREATE INDEX IF NOT EXISTS notices_received ON notices (received_at);
CREATE INDEX IF NOT EXISTS notices_running ON notices (deadline) WHERE stopped_at IS NULL;
CREATE TABLE IF NOT EXISTS notice_items (
  notice TEXT NOT NULL REFERENCES notices (id), number INTEGER NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (notice, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notice_items_url ON notice_items (url);
"""
_INDEXES = """
CREATE INDEX notices_notifier ON notices (notifier, received_at);
CREATE INDEX notices_reference ON notices (reference, received_at) WHERE reference <> '';
"""
NOTICES = Schema("the record of notices", (Migration(1, (_TABLES,)), Migration(2, (_INDEXES,))))


_WITH_ITEM = "id IN (SELECT notice FROM notice_items WHERE {test})"
_COLUMNS = "state, deadline, stopped_at, due, notifier, reference, body"
_MARKS = ", ".join("?" * 9)


class SqliteNoticeStore:
    """See `ports.NoticeStore`."""

    def __init__(self, file: Path) -> None:
        self._record = RecordFile(file, NOTICES)

    def add(self, notice: Notice) -> None:
        """See `ports.NoticeStore`."""
        columns = (*_columns(notice), time_text(notice.receipt.received_at), notice.id)
        try:
            with self._record.changing() as db:
                db.execute(f"INSERT INTO notices ({_COLUMNS}, received_at, id) VALUES ({_MARKS})", columns)  # noqa: S608
                _write_items(db, notice)
        except sqlite3.IntegrityError as error:
            raise RefusedError(f"there is a notice {notice.id} already") from error

    def replace(self, notice: Notice, *, expected: NoticeState) -> None:
        """See `ports.NoticeStore`."""
        with self._record.changing() as db:
            changed = db.execute(
                """UPDATE notices SET state = ?, deadline = ?, stopped_at = ?, due = ?, notifier = ?, reference = ?,
                body = ? WHERE id = ? AND state = ?""",
                (*_columns(notice), notice.id, expected),
            ).rowcount
            if changed:
                _write_items(db, notice)
        if not changed:
            hint = "look again: goodhoster notices show"
            raise RefusedError(f"notice {notice.id} is not {expected} any more", hint=hint)

    def get(self, notice_id: str) -> Notice:
        """See `ports.NoticeStore`."""
        for (body,) in self._record.rows("SELECT body FROM notices WHERE id = ?", (notice_id,)):
            return self._whole(notice_id, body)
        raise RefusedError(f"there is no notice {notice_id}", hint="see: goodhoster notices list")

    def complete(self, part: str) -> str:
        """See `ports.NoticeStore`."""
        names = (notice_id for (notice_id,) in self._record.rows("SELECT id FROM notices"))
        return one_short(part, names, "notice")

    def find(self, query: NoticeQuery) -> Iterator[Notice]:
        """See `ports.NoticeStore`."""
        return map(self.get, self.ids(query))

    def ids(self, query: NoticeQuery) -> Sequence[str]:
        """See `ports.NoticeStore`."""
        parts, values = _conditions(query)
        where = "WHERE " + " AND ".join(parts) if parts else ""
        order, last = ("", ()) if query.newest is None else ("DESC", (query.newest,))
        limit = "LIMIT ?" if last else ""
        ordered = f"SELECT id FROM notices {where} ORDER BY received_at {order}, id {order} {limit}"  # noqa: S608 - our own texts
        found = [notice_id for (notice_id,) in self._record.rows(ordered, (*values, *last))]
        return found[::-1] if last else found

    def recorded(self, notice_ids: Iterable[str]) -> frozenset[str]:
        """See `ports.NoticeStore`."""
        query = "SELECT id FROM notices WHERE id IN (SELECT value FROM json_each(?))"
        return frozenset(row[0] for row in self._record.rows(query, (json.dumps([*notice_ids]),)))

    def figures(self, now: datetime) -> NoticeFigures:
        """See `ports.NoticeStore`."""
        running = "SELECT count(*), count(CASE WHEN deadline < ? THEN 1 END) FROM notices WHERE stopped_at IS NULL"
        ((open_, overdue),) = self._record.rows(running, (time_text(now),))
        ((waiting,),) = self._record.rows(
            "SELECT count(*) FROM notices WHERE state = ?", (NoticeState.NEEDS_PERSON.value,)
        )
        return NoticeFigures(open_, overdue, waiting)

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`.

        Settled URLs get the drawn name, and have no place any more. What was reported, the URL too, stays.
        """
        changed = 0
        with self._record.erasing() as db:
            for name in customer.ids:
                query = "SELECT notice, number, body FROM notice_items WHERE json_extract(body, '$.customer') = ?"
                for notice, number, body in db.execute(query, (name,)).fetchall():
                    item = decode(NoticeItem, body)
                    if item.state.settled:
                        changed += 1
                        unlinked = encode(dataclasses.replace(item, customer=customer.name, place=None, reason=""))
                        update = "UPDATE notice_items SET body = ? WHERE notice = ? AND number = ?"
                        db.execute(update, (unlinked, notice, number))
        return changed

    def close(self) -> None:
        """Close the file."""
        self._record.close()

    def _whole(self, notice_id: str, body: str) -> Notice:
        query = "SELECT body FROM notice_items WHERE notice = ? ORDER BY number"
        items = tuple(decode(NoticeItem, text) for (text,) in self._record.rows(query, (notice_id,)))
        return _with_items(decode(Notice, body), items)


def _columns(notice: Notice) -> tuple[object, ...]:
    times = (time_text(notice.deadline), time_text(notice.stopped_at), time_text(notice.due))
    body = encode(_with_items(notice, ()))
    return (notice.state, *times, notice.notifier, notice.reference, body)


def _write_items(db: sqlite3.Connection, notice: Notice) -> None:
    rows = [(notice.id, number, item.url, encode(item)) for number, item in enumerate(notice.items)]
    db.executemany(
        """INSERT INTO notice_items VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET url = excluded.url, body = excluded.body WHERE body <> excluded.body""",
        rows,
    )


def _with_items(notice: Notice, items: tuple[NoticeItem, ...]) -> Notice:
    return dataclasses.replace(notice, items=items)


def _conditions(query: NoticeQuery) -> tuple[list[str], tuple[object, ...]]:
    found: list[tuple[str, tuple[object, ...]]] = []
    if query.states:
        found.append((f"state IN ({', '.join('?' * len(query.states))})", tuple(query.states)))
    if query.url is not None:
        found.append(("id IN (SELECT notice FROM notice_items WHERE url = ?)", (query.url,)))
    if query.notifier is not None:
        found.append(("notifier = ?", (query.notifier,)))
    if query.reference is not None:
        # The second half says what SQLite cannot see in a question mark: that the index may be used.
        reference = "reference = ? AND reference <> ''" if query.reference else "reference = ?"
        found.append((reference, (query.reference,)))
    if query.due is not None:
        found.append(("due <= ?", (time_text(query.due),)))
    if query.received_since is not None:
        found.append(("received_at >= ?", (time_text(query.received_since),)))
    if query.received_before is not None:
        found.append(("received_at < ?", (time_text(query.received_before),)))
    if query.host is not None:
        found.append((_WITH_ITEM.format(test="url GLOB ? OR url GLOB ? OR url GLOB ?"), _urls_on(query.host)))
    if query.customer is not None:
        found.append((_WITH_ITEM.format(test="json_extract(body, '$.customer') = ?"), (query.customer,)))
    return [part for part, _ in found], tuple(value for _, values in found for value in values)


def _urls_on(host: str) -> tuple[str, str, str]:
    """Patterns of the URLs on a host, which may have a port, a path or neither."""
    literal = "".join(char if char not in "*?[" else f"[{char}]" for char in host.lower())
    return f"http*://{literal}/*", f"http*://{literal}:*", f"http*://{literal}"
