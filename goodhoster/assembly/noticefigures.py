"""How many notices are open and overdue, without opening what handles them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.audit.log import utc_now
from goodhoster.model.noticelife import NoticeFigures
from goodhoster.notices.spool import Spool
from goodhoster.notices.steadyclock import SteadyClock
from goodhoster.settings import Settings


def notice_figures(settings: Settings) -> NoticeFigures:
    """Counts by the clock of deadlines, which the system's clock cannot set back. What was received and waits for its
    turn is open, too.
    """
    clock = SteadyClock(settings.state_dir / "clock", utc_now)
    with closing(SqliteNoticeStore(settings.state_dir / "notices.sqlite")) as store:
        figures = store.figures(clock())
    since = clock() - timedelta(seconds=settings.notices.deadline)
    waiting = [receipt.received_at < since for receipt in Spool(settings.state_dir / "notices", clock).waiting()]
    return replace(figures, open=figures.open + len(waiting), overdue=figures.overdue + sum(waiting))
