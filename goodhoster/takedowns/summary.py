"""A notice in a few words, for the log and for whoever is paged."""

from __future__ import annotations

from collections.abc import Iterable

from goodhoster.model.notice_status import ItemState, Notice, NoticeItem


def counts_of(items: Iterable[NoticeItem]) -> list[tuple[str, int]]:
    """How many items stand where; only states that some are in."""
    states = [item.state for item in items]
    return [(state, states.count(state)) for state in ItemState if state in states]


def page_text(notice: Notice) -> str:
    """What whoever is paged reads."""
    counts = ", ".join(f"{n} {state}" for state, n in counts_of(notice.items)) or notice.reason
    return (
        f"Notice {notice.id} {notice.reference} from {notice.notifier or 'an unproven sender'} ({notice.level}).\n"
        f"Deadline: {notice.deadline:%Y-%m-%d %H:%M} UTC. Items: {counts}.\n"
        f"{_untouched(notice)}Look: goodhoster notices show {notice.id}\n"
    )


def _untouched(notice: Notice) -> str:
    observed = any(item.state is ItemState.OBSERVED for item in notice.items)
    return "Mode observe: nothing was touched and nobody answered.\n" if observed else ""
