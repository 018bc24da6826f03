"""Deadlines of a notice: which one, what must be reported by now, when to look again. Pure.

Time counts from our receipt until the last item is inaccessible, not until a mail was sent; what waits for a person
does not stop it. Every moment is UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from goodhoster.model.alerts import AlertKind
from goodhoster.model.notice_status import ItemState, Notice, NoticeState, Receipt
from goodhoster.model.notices import Notifier, NotifierKind, ReadNotice, StatedTerm, TrustLevel

LONGEST_ORDER = timedelta(hours=12)
"""A removal order's term where it does not tell its own (ATKM: at most 12 h)."""

SHORTEST = timedelta(hours=1)
"""The term of what wants something gone at once (Reg. (EU) 2021/784, Art. 3(3)).

It is the shortest that somebody unproven can set, too: nobody pages people at will.
"""

_EARLIEST_ZONE = timezone(timedelta(hours=2))
"""Of a day or a time of the day without a time zone: the earliest that can be meant in the Netherlands."""
_JUST_PASSED, _PASSED_TODAY = timedelta(days=1), timedelta(hours=3)
"""A moment that passed so shortly before our receipt was meant; the mail was late."""

LOOKS = (
    timedelta(0),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=24),
    timedelta(hours=72),
    timedelta(days=7),
)
"""After it went offline: at once and twice more 15 min apart, as the hotline looks; then 1, 24, 72 h and 7 days."""

LOOK_AGAIN = timedelta(minutes=15)
"""While it can still be seen, and between looks at what is not there although nobody did anything."""

SYNC_EVERY = timedelta(minutes=5)
"""How often a notice that waits for something else is looked after: a person, a name server, a pager."""

CLOCK_ALERTS = frozenset({"page-person", "page-reopened", "page-warning", "page-overdue"})
"""Codes of the alerts about a running clock."""


@dataclass(frozen=True, slots=True)
class DeadlineTerms:
    """Settings of the hoster in [notices]."""

    default: timedelta = timedelta(hours=24)
    """For whoever has no profile (sector code: hotline notices within 24 h)."""
    warn_before: timedelta = timedelta(hours=4)


def deadline_of(receipt: Receipt, read: ReadNotice, notifier: Notifier | None, terms: DeadlineTerms) -> datetime:
    """Moment by which a notice's items must be inaccessible.

    The shortest of what the notifier's profile, the order and the notice itself say. Nobody makes it longer.
    """
    received = receipt.received_at.astimezone(UTC)
    ends = [received + (timedelta(seconds=notifier.deadline) if notifier else terms.default)]
    if notifier and notifier.kind is NotifierKind.AUTHORITY:
        ends.append(received + LONGEST_ORDER)
    ends += stated_ends(receipt, read, notifier)
    return min(ends)


def stated_ends(receipt: Receipt, read: ReadNotice, notifier: Notifier | None) -> list[datetime]:
    """The moments that a notice states; of a sender who is not proven none in less than an hour."""
    received = receipt.received_at.astimezone(UTC)
    ends = []
    if read.order and read.order.deadline and read.order.deadline > received:
        ends.append(read.order.deadline.astimezone(UTC))
    if read.order and read.order.term:
        ends.append(received + timedelta(seconds=read.order.term))
    at_once = read.order is not None or (notifier is not None and notifier.kind is NotifierKind.AUTHORITY)
    for term in read.terms:
        end = received + SHORTEST if term.at_once and at_once else _end_of(term, received)
        if end is not None:
            ends.append(end.astimezone(UTC))
    return ends if notifier else [max(end, received + SHORTEST) for end in ends]


def _end_of(term: StatedTerm, received: datetime) -> datetime | None:
    """The earliest moment that a term can mean."""
    if term.seconds is not None:
        return received + timedelta(seconds=term.seconds)
    if term.moment is not None:
        if term.moment > received:
            return term.moment
        return received + SHORTEST if received - term.moment < _JUST_PASSED else None
    if term.days is None and term.weekday is None and term.minutes is None:
        return None
    here = received.astimezone(_EARLIEST_ZONE)
    days = term.days or 0 if term.weekday is None else (term.weekday - here.weekday()) % 7
    end = here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days, minutes=term.minutes or 0)
    only_time = term.days is None and term.weekday is None
    if only_time and received - end > _PASSED_TODAY:
        end += timedelta(days=1)
    return max(end, received + SHORTEST)


def due_alerts(notice: Notice, now: datetime, terms: DeadlineTerms) -> Iterator[tuple[str, str]]:
    """Unsent alerts that are due by now: a short stable code, and the text."""
    sent = set(notice.sent)
    reply = f"page-reply-{sum(reply.seen for reply in notice.replies)}"
    proven = notice.level in {TrustLevel.AUTHORITY, TrustLevel.PINNED}
    if proven and any(reply.waits for reply in notice.replies) and reply not in sent:
        yield reply, "there is a reply to our letter"
    if notice.stopped_at is not None or notice.deadline is None:
        return
    waits = [*_waiting(notice), notice.reason]
    if "page-person" not in sent and notice.state is NoticeState.NEEDS_PERSON and _is_urgent(notice):
        yield "page-person", f"a person must decide: {waits[0]}"
    if "page-reopened" not in sent and any(item.state is ItemState.REOPENED for item in notice.items):
        yield "page-reopened", "it was gone and is back online"
    if now >= notice.deadline or notice.dated_ahead(now):
        if "page-overdue" not in sent:
            ahead = "it was received while the clock was ahead, and its deadline is wrong"
            yield "page-overdue", ahead if notice.dated_ahead(now) else "the deadline has passed"
    elif "page-warning" not in sent and now >= notice.deadline - _warn_before(notice, terms):
        yield "page-warning", "the deadline is near"


def alert_kind_of(code: str) -> AlertKind:
    """The kind of the alert with that code of `due_alerts`."""
    kinds = {"page-warning": AlertKind.DEADLINE, "page-overdue": AlertKind.OVERDUE}
    return kinds.get(code, AlertKind.NOTICE)


def next_due(notice: Notice, now: datetime, terms: DeadlineTerms) -> datetime | None:
    """When to look at this notice again; None when nothing more happens by itself."""
    moments = [item.next_check_at for item in notice.items if item.next_check_at]
    if notice.stopped_at is None:
        if notice.deadline is not None:
            turns = (notice.deadline - _warn_before(notice, terms), notice.deadline)
            moments += [moment for moment in turns if moment > now]
        if notice.state is not NoticeState.OPEN or _waits(notice) or any(due_alerts(notice, now, terms)):
            moments.append(now + SYNC_EVERY)
    return min(moments, default=None)


def next_look(gone_at: datetime, looks: int) -> datetime | None:
    """When to look again at something that was seen to be gone so many times.

    None when that was the last time.
    """
    return gone_at + LOOKS[looks] if looks < len(LOOKS) else None


def _waits(notice: Notice) -> bool:
    """Whether an item is not processed yet.

    Its location, or the sender, cannot be told yet, a measure is under way, or a customer acts.
    """
    return any(item.state.continues for item in notice.items)


def _waiting(notice: Notice) -> Iterator[str]:
    """Reason why something waits for a person, what a source knows first."""
    items = [item for item in notice.items if item.state.waits_for_person]
    yield from (f"{item.reason} (known to {', '.join(item.known_to)})" for item in items if item.known_to)
    yield from (item.reason for item in items)


def _is_urgent(notice: Notice) -> bool:
    """Whether a notice pages a person at once.

    An authority's order does; so does a proven notice that could not be acted on, and whatever a source knows.
    """
    return notice.level in {TrustLevel.AUTHORITY, TrustLevel.PINNED} or notice.urgent


def _warn_before(notice: Notice, terms: DeadlineTerms) -> timedelta:
    """Warning time before the deadline; of a short term, the last quarter."""
    term = (notice.deadline or notice.receipt.received_at) - notice.receipt.received_at
    return min(terms.warn_before, term / 4)
