"""The record in memory, for tests and for trying out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from goodhoster.errors import RefusedError
from goodhoster.model.noticelife import Notice, NoticeFigures, NoticeState
from goodhoster.ports import NoticeQuery


class MemoryNoticeStore:
    """See `ports.NoticeStore`; one process, and gone with it."""

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}

    def add(self, notice: Notice) -> None:
        """See `ports.NoticeStore`."""
        if notice.id in self._notices:
            raise RefusedError(f"there is a notice {notice.id} already")
        self._notices[notice.id] = notice

    def replace(self, notice: Notice, *, expected: NoticeState) -> None:
        """See `ports.NoticeStore`."""
        if self.get(notice.id).state is not expected:
            raise RefusedError(f"notice {notice.id} is not {expected} any more")
        self._notices[notice.id] = notice

    def get(self, notice_id: str) -> Notice:
        """See `ports.NoticeStore`."""
        if notice_id not in self._notices:
            raise RefusedError(f"there is no notice {notice_id}")
        return self._notices[notice_id]

    def find(self, query: NoticeQuery) -> Iterator[Notice]:
        """See `ports.NoticeStore`."""
        found = [notice for notice in self._notices.values() if _described(notice, query)]
        ids = [notice.id for notice in sorted(found, key=lambda notice: (notice.receipt.received_at, notice.id))]
        return (self.get(notice_id) for notice_id in ids)

    def figures(self, now: datetime) -> NoticeFigures:
        """See `ports.NoticeStore`."""
        running = [notice for notice in self._notices.values() if notice.stopped_at is None]
        waiting = [n for n in self._notices.values() if n.state is NoticeState.NEEDS_PERSON]
        return NoticeFigures(len(running), sum(n.overdue(now) for n in running), len(waiting))


def _described(notice: Notice, query: NoticeQuery) -> bool:
    since = query.received_since
    return (
        (not query.states or notice.state in query.states)
        and (query.url is None or any(item.url == query.url for item in notice.items))
        and query.notifier in {None, notice.notifier}
        and query.reference in {None, notice.reference}
        and (query.due is None or (notice.due is not None and notice.due <= query.due))
        and (since is None or notice.receipt.received_at >= since)
    )
