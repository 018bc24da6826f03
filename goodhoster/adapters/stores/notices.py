"""The record of notices in SQLite."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.linux.sqlite_migrations import Migration, Schema, rename_json_keys
from goodhoster.model.ids import complete_name
from goodhoster.model.notice_status import DATED_AHEAD, Notice, NoticeFigures, NoticeItem, NoticeState
from goodhoster.model.notices import ReadItem
from goodhoster.model.pseudonyms import is_forgotten
from goodhoster.ports import ForgottenCustomer, NoticeQuery
from goodhoster.ports.customers import SettledUrls

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
_RENAME_KEYS = (
    rename_json_keys("notices", {"told": "sent"}),
    rename_json_keys(
        "notice_items",
        {
            "look_at": "next_check_at",
            "looks": "consecutive_checks",
            "looks_gone": "gone_checks",
            "left": "unresolved",
        },
    ),
)
NOTICES = Schema(
    "the record of notices",
    (Migration(1, (_TABLES,)), Migration(2, (_INDEXES,)), Migration(3, _RENAME_KEYS)),
    irreplaceable=True,
)


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
        return complete_name(part, names, "notice")

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
        late = "deadline < ? OR received_at > ?"
        running = f"SELECT count(*), count(CASE WHEN {late} THEN 1 END) FROM notices WHERE stopped_at IS NULL"  # noqa: S608 - our own texts
        ((open_, overdue),) = self._record.rows(running, (time_text(now), time_text(now + DATED_AHEAD)))
        ((waiting,),) = self._record.rows(
            "SELECT count(*) FROM notices WHERE state = ?", (NoticeState.NEEDS_PERSON.value,)
        )
        return NoticeFigures(open_, overdue, waiting)

    def settled_urls(self, ids: Sequence[str], kept: Collection[str]) -> SettledUrls:
        """See `ports.ReportedUrls`."""
        urls: dict[tuple[str, str], None] = {}
        needed: dict[str, None] = {}
        for name in ids:
            query = """SELECT notice, notice_items.body, state FROM notice_items JOIN notices ON id = notice
                WHERE json_extract(notice_items.body, '$.customer') = ? ORDER BY received_at, notice, number"""
            for notice, body, state in self._record.rows(query, (name,)):
                item = decode(NoticeItem, body)
                if state != NoticeState.DONE or _is_needed(item, kept):
                    needed[notice] = None
                else:
                    urls[notice, item.url] = None
        found = {notice: self.get(notice) for notice, _ in urls}
        whole = (
            notice.id
            for notice in found.values()
            if all((notice.id, item.url) in urls or is_forgotten(item.url) for item in notice.items)
        )
        elsewhere = frozenset(url for _, url in urls if self._is_elsewhere(url, urls))
        return SettledUrls(tuple(urls), elsewhere, tuple(whole), tuple(needed))

    def _is_elsewhere(self, url: str, urls: Container[tuple[str, str]]) -> bool:
        rows = self._record.rows("SELECT notice FROM notice_items WHERE url = ?", (url,))
        return any((notice, url) not in urls for (notice,) in rows)

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`.

        URLs that nobody needs any more get their drawn name, and have neither customer nor place. That there was a
        notice, from whom and what became of it stays.
        """
        drawn = {(one.notice, one.url): one.drawn for one in customer.urls}
        with self._record.erasing() as db:
            for (notice, url), name in drawn.items():
                query = "SELECT number, body FROM notice_items WHERE notice = ? AND url = ?"
                for number, body in db.execute(query, (notice, url)).fetchall():
                    unlinked = _unlinked(decode(NoticeItem, body), customer.name, name)
                    update = "UPDATE notice_items SET url = ?, body = ? WHERE notice = ? AND number = ?"
                    db.execute(update, (unlinked.url, encode(unlinked), notice, number))
            for notice in customer.notices:
                for (body,) in db.execute("SELECT body FROM notices WHERE id = ?", (notice,)).fetchall():
                    values = (encode(_without_words(decode(Notice, body))), notice)
                    db.execute("UPDATE notices SET body = ? WHERE id = ?", values)
        return len(drawn)

    def close(self) -> None:
        """Close the file."""
        self._record.close()

    def _whole(self, notice_id: str, body: str) -> Notice:
        query = "SELECT body FROM notice_items WHERE notice = ? ORDER BY number"
        items = tuple(decode(NoticeItem, text) for (text,) in self._record.rows(query, (notice_id,)))
        return _with_items(decode(Notice, body), items)


def _is_needed(item: NoticeItem, kept: Collection[str]) -> bool:
    """Whether it is needed: to act, look again, lift a block or put its file back."""
    waits = not item.state.settled or item.next_check_at is not None or item.blocked
    return waits or any(case in kept for case in (*item.cases, *item.copies_held))


def _unlinked(item: NoticeItem, customer: str, url: str) -> NoticeItem:
    read = ReadItem((url,), first_seen=item.read.first_seen, last_seen=item.read.last_seen, digests=item.read.digests)
    bare = dataclasses.replace(item, read=read, url=url, customer=customer, place=None, reason="", unresolved="")
    return dataclasses.replace(bare, front="", server="", forwarded="", found_at=())


def _without_words(notice: Notice) -> Notice:
    """A notice without the words that may name what it was about."""
    read = notice.read and dataclasses.replace(notice.read, subject="", mentions=(), doubts=(), cues=(), unread=())
    decided = notice.decided and dataclasses.replace(notice.decided, reason="")
    return dataclasses.replace(notice, read=read, named=(), reason="", index_gap="", decided=decided)


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
