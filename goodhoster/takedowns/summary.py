"""What a notice's items add up to: its state, short texts and figures (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from goodhoster.errors import RefusedError
from goodhoster.model.notice_status import (
    Decided,
    DecisionVerb,
    ItemState,
    Notice,
    NoticeFigures,
    NoticeItem,
    NoticeState,
)
from goodhoster.model.notices import ReadNotice
from goodhoster.notices.spool import Waiting
from goodhoster.takedowns.deadlines import CLOCK_ALERTS

_ADDRESS = re.compile(r"\S*(?::/|www\.|[\w-]\.[\w-]+/)\S*", re.IGNORECASE)
"""What a mail program would make a link of."""
_TOUCHED = frozenset({ItemState.OFFLINE, ItemState.INACCESSIBLE, ItemState.REOPENED})


def state_after(notice: Notice, now: datetime, *, by_person: bool) -> Notice:
    """The state that the items add up to, and whether the deadline is suspended."""
    settled = all(item.state.settled for item in notice.items)
    if notice.read is not None and notice.read.test:
        return replace(notice, state=NoticeState.DONE, stopped_at=notice.stopped_at or now, reason="a trial mail")
    if not notice.items and not by_person and notice.state is not NoticeState.DONE:
        why = "; ".join(notice.read.doubts if notice.read else ()) or "no address was found in it"
        return replace(notice, state=NoticeState.NEEDS_PERSON, reason=why)
    if settled and (why := _unreviewed_parts(notice)):
        return replace(notice, state=NoticeState.NEEDS_PERSON, reason=why)
    if settled:
        return replace(notice, state=NoticeState.DONE, stopped_at=notice.stopped_at or now)
    if notice.stopped_at is not None and notice.deadline is not None:
        term = notice.deadline - notice.receipt.received_at
        sent = tuple(code for code in notice.sent if code not in CLOCK_ALERTS)  # a new clock: all are sent anew
        end = max(notice.deadline, now + min(term, timedelta(days=1)))
        notice = replace(notice, stopped_at=None, deadline=end, sent=sent)
    waits = any(item.state.waits_for_person for item in notice.items)
    return replace(notice, state=NoticeState.NEEDS_PERSON if waits else NoticeState.OPEN)


def _unreviewed_parts(notice: Notice) -> str:
    """Parts of a notice that lead to no item and that no person has seen to.

    With such a part it is not done, whatever its items say.
    """
    if notice.reviewed or notice.read is None:
        return ""
    whole = [f"not read: {part}" for part in notice.read.unread]
    named = [f"it names {', '.join(notice.named[:5])}, which is ours, and no item leads there"] if notice.named else []
    untold = ["whether it names more that is ours cannot be determined now"] if notice.read.mentions else []
    return "; ".join((*named, *whole, *untold))


def after_replies(notice: Notice) -> Notice:
    """Leave a notice to a person where it is done but for an unseen reply.

    Its clock stays as it is.
    """
    if notice.state is not NoticeState.DONE or not any(reply.waits for reply in notice.replies):
        return notice
    return replace(notice, state=NoticeState.NEEDS_PERSON, reason="a reply to our letter waits to be seen")


def with_replies_seen(notice: Notice) -> Notice:
    """A notice whose replies a person has seen."""
    return replace(notice, replies=tuple(replace(reply, seen=True) for reply in notice.replies))


def expect_undecided(notice: Notice, seen: Decided | None, verb: DecisionVerb) -> None:
    """Raise RefusedError where another decision came first, or nothing is left to be decided."""
    decided = notice.decided
    if decided is None:
        return
    again = f"goodhoster notices show {notice.id}"
    if seen is None or (seen.at, seen.actor) != (decided.at, decided.actor):
        hint = f"look at it: {again}; decide otherwise by a new order, if that is still wanted"
        raise RefusedError(f"notice {notice.id} was {decided}", hint=hint)
    dismissible = verb is DecisionVerb.DISMISSED and any(item.dismissible or item.blocked for item in notice.items)
    waits = notice.state is NoticeState.NEEDS_PERSON or any(item.state.waits_for_person for item in notice.items)
    if not (waits or dismissible or any(reply.waits for reply in notice.replies)):
        hint = f"see: {again}; what is offline comes back by: goodhoster cases restore --notice {notice.id}"
        raise RefusedError(f"nothing in notice {notice.id} waits for a person: it was {decided}", hint=hint)


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
        f"{_in_observe(notice, observing=observing)}{_confidential_line(notice)}"
        f"See: goodhoster notices show {notice.id}\n"
    )


def confidential_text(notice: Notice) -> str:
    """What keeps customers from being told, and how a person releases it; else empty."""
    if notice.read is None or not notice.read.is_confidential:
        return ""
    said = _ADDRESS.sub("(address)", notice.read.confidential) or "the order says so"
    return f'customers are told nothing, by "{said}"; to have them told: goodhoster notices tell {notice.id}'


def tightened(notice: Notice, read: ReadNotice, ends: Iterable[datetime]) -> Notice:
    """A notice after a reply or a reminder.

    Its term can only be shorter, and it is confidential if either is.
    """
    if notice.read is not None and read.is_confidential and not notice.read.is_confidential:
        said = read.confidential or "a reply says so"
        notice = replace(notice, read=replace(notice.read, confidential=said))
    if notice.deadline is None or notice.stopped_at is not None:
        return notice
    return replace(notice, deadline=min((notice.deadline, *ends)))


def untouched(notice: Notice) -> bool:
    """Whether every item of a notice is as it was when it came."""
    return not any(item.state in _TOUCHED or item.blocked for item in notice.items)


def _confidential_line(notice: Notice) -> str:
    text = confidential_text(notice)
    return f"Confidential: {text}\n" if text else ""


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
