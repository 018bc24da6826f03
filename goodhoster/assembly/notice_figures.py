"""How many notices are open and overdue, without opening what handles them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.audit.log import utc_now
from goodhoster.model.notice_status import NoticeFigures
from goodhoster.notices.monotonic_clock import MonotonicClock
from goodhoster.notices.spool import WAITING, waiting_in
from goodhoster.settings import Settings


def notice_figures(settings: Settings) -> NoticeFigures:
    """Counts by the clock of deadlines, which the system's clock cannot set back. What was received and waits for its
    turn is open, too. Only looks: makes no directory.
    """
    clock = MonotonicClock(settings.state_dir / "clock", utc_now)
    with closing(SqliteNoticeStore(settings.state_dir / "notices.sqlite")) as store:
        figures = store.figures(clock())
    since = clock() - timedelta(seconds=settings.notices.deadline)
    waiting = waiting_in(settings.state_dir / "notices" / WAITING)
    overdue = sum(receipt.received_at < since for receipt in waiting.receipts)
    more = len(waiting.receipts) + len(waiting.damaged)
    return replace(figures, open=figures.open + more, overdue=figures.overdue + overdue)
