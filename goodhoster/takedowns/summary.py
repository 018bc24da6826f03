"""Short texts and figures about notices, for the log, alerts, and `status`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from goodhoster.model.notice_status import ItemState, Notice, NoticeFigures, NoticeItem
from goodhoster.notices.spool import Waiting

_TOUCHED = frozenset({ItemState.OFFLINE, ItemState.INACCESSIBLE, ItemState.REOPENED})


def counts_of(items: Iterable[NoticeItem]) -> list[tuple[str, int]]:
    """Number of items by state; only states that some are in."""
    states = [item.state for item in items]
    return [(state, states.count(state)) for state in ItemState if state in states]


def page_text(notice: Notice, *, observing: bool = False) -> str:
    """Text of an alert; `observing` says that the mode is observe."""
    counts = ", ".join(f"{n} {state}" for state, n in counts_of(notice.items)) or notice.reason
    return (
        f"Notice {notice.id} {notice.reference} from {notice.notifier or 'an unproven sender'} ({notice.level}).\n"
        f"Deadline: {notice.deadline:%Y-%m-%d %H:%M} UTC. Items: {counts}.\n"
        f"{_in_observe(notice, observing=observing)}See: goodhoster notices show {notice.id}\n"
    )


def untouched(notice: Notice) -> bool:
    """Whether every item of a notice is as it was when it came."""
    return not any(item.state in _TOUCHED or item.blocked for item in notice.items)


def _in_observe(notice: Notice, *, observing: bool) -> str:
    if not (observing or any(item.state is ItemState.OBSERVED for item in notice.items)):
        return ""
    done = "nothing was touched" if untouched(notice) else "what is observed was not touched"
    return f"Mode observe: {done} and nobody is answered.\n"


def with_waiting(figures: NoticeFigures, waiting: Waiting, since: datetime) -> NoticeFigures:
    """Add to the figures of the record what was received and is not processed yet.

    That is open, too. What was received before `since` is overdue.
    """
    overdue = sum(receipt.received_at < since for receipt in waiting.receipts)
    more = len(waiting.receipts) + len(waiting.damaged)
    return replace(figures, open=figures.open + more, overdue=figures.overdue + overdue)
