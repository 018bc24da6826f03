"""Short texts and figures about notices, for the log, alerts, and `status`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from goodhoster.model.notice_status import ItemState, Notice, NoticeFigures, NoticeItem
from goodhoster.notices.spool import Waiting


def counts_of(items: Iterable[NoticeItem]) -> list[tuple[str, int]]:
    """Number of items by state; only states that some are in."""
    states = [item.state for item in items]
    return [(state, states.count(state)) for state in ItemState if state in states]


def page_text(notice: Notice) -> str:
    """Text of an alert."""
    counts = ", ".join(f"{n} {state}" for state, n in counts_of(notice.items)) or notice.reason
    return (
        f"Notice {notice.id} {notice.reference} from {notice.notifier or 'an unproven sender'} ({notice.level}).\n"
        f"Deadline: {notice.deadline:%Y-%m-%d %H:%M} UTC. Items: {counts}.\n"
        f"{_untouched(notice)}Look: goodhoster notices show {notice.id}\n"
    )


def _untouched(notice: Notice) -> str:
    observed = any(item.state is ItemState.OBSERVED for item in notice.items)
    return "Mode observe: nothing was touched and nobody answered.\n" if observed else ""


def with_waiting(figures: NoticeFigures, waiting: Waiting, since: datetime) -> NoticeFigures:
    """Add to the figures of the record what was received and is not processed yet.

    That is open, too. What was received before `since` is overdue.
    """
    overdue = sum(receipt.received_at < since for receipt in waiting.receipts)
    more = len(waiting.receipts) + len(waiting.damaged)
    return replace(figures, open=figures.open + more, overdue=figures.overdue + overdue)
