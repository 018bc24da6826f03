"""How many notices are open and overdue, without opening what handles them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.audit.log import utc_now
from goodhoster.model.noticelife import NoticeFigures
from goodhoster.notices.steadyclock import SteadyClock


def notice_figures(state_dir: Path) -> NoticeFigures:
    """Counts by the clock of deadlines, which the system's clock cannot set back."""
    now = SteadyClock(state_dir / "clock", utc_now)()
    with closing(SqliteNoticeStore(state_dir / "notices.sqlite")) as store:
        return store.figures(now)
