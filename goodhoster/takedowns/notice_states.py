"""The state of a notice, by its items, its replies and what a person decided (pure)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from goodhoster.errors import RefusedError
from goodhoster.model.notice_status import Decided, DecisionVerb, Notice, NoticeState
from goodhoster.takedowns.deadlines import PAGES


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
        told = tuple(each for each in notice.sent if each not in PAGES)  # a new clock: who was paged is paged anew
        end = max(notice.deadline, now + min(term, timedelta(days=1)))
        notice = replace(notice, stopped_at=None, deadline=end, sent=told)
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
