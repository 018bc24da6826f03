"""Reported URLs and the times in which they were online, from notices and the log. Pure.

Two clocks: ours runs from our receipt until it was first seen to be gone. The hotline's runs from when the notice left
its mail system until the third of its checks, 15 minutes apart, finds nothing; what a person of ours left online is
online for the hotline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from goodhoster.model.audit import AuditEntry
from goodhoster.model.notice_status import DecisionVerb, ItemState, Notice, NoticeItem
from goodhoster.model.notices import TrustLevel

_THREE_CHECKS = timedelta(minutes=30)
"""From the first of the hotline's three failed checks until the third; they are at least 15 minutes apart."""
_LONGEST_WAY = timedelta(days=7)
"""A notice is under way no longer: an earlier date in it is not believed, nor is one after our receipt."""
_GONE = frozenset({ItemState.INACCESSIBLE, ItemState.GONE})
_LOOKS = {"item.inaccessible": True, "item.gone": True, "item.reopened": False}
"""Entries about a look from outside, and whether it found the URL gone."""

ORDER, TRUSTED, OTHERS = "order", "trusted", "other"
"""Kinds of senders."""

Key = tuple[str, str]
"""A notice and a URL of it: what entries of the log are about."""


class FigureClock(StrEnum):
    """Which clock a figure is by."""

    RECEIPT = "receipt"
    HOTLINE = "hotline"


@dataclass(frozen=True, slots=True)
class OutsideCheckEntry:
    """An entry of the log about what was seen from outside."""

    at: datetime
    gone: bool
    """Else it was back."""
    entry: int


@dataclass(frozen=True, slots=True)
class ReportedUrl:
    """One URL of one notice, with what was seen of it."""

    notice: str
    url: str
    notifier: str
    sender: str
    """Its kind: see `kind_of_sender`."""
    customer: str
    network: str
    received_at: datetime
    sent_at: datetime
    """When the notice left its sender, where that can be believed; else our receipt."""
    state: ItemState
    reopened: bool
    gone: tuple[tuple[datetime, datetime | None], ...]
    """From when until when it was seen to be gone; None: it is."""

    @property
    def measured(self) -> bool:
        """Whether it can be told how long it was online: it is, or was seen to be gone."""
        return self.state not in _GONE or (bool(self.gone) and self.gone[-1][1] is None)

    def counts(self, clock: FigureClock) -> bool:
        """Whether it says anything about how fast we are."""
        if self.state is ItemState.DISPUTED:
            return clock is FigureClock.HOTLINE
        return self.state is not ItemState.NOT_OURS and self.measured

    def online(self, clock: FigureClock) -> Iterator[tuple[datetime, datetime | None]]:
        """From when until when it was online by that clock; None: it still is."""
        since: datetime | None = self.sent_at if clock is FigureClock.HOTLINE else self.received_at
        until_told = _THREE_CHECKS if clock is FigureClock.HOTLINE else timedelta(0)
        for gone, back in self.gone:
            if back is not None and back - gone < until_told:
                continue  # one of the hotline's three checks would have found it
            if since is not None:
                yield since, max(since, gone + until_told)
            since = back
        if since is not None:
            yield since, None


def note_look(looks: dict[Key, list[OutsideCheckEntry]], entry: AuditEntry, about: Collection[Key]) -> None:
    """Note what an entry of the log says about the times at which one of these was gone or back."""
    if entry.event.kind not in _LOOKS:
        return
    key = str(entry.event.data.get("notice", "")), str(entry.event.data.get("url", ""))
    if key in about:
        looks.setdefault(key, []).append(OutsideCheckEntry(entry.at, _LOOKS[entry.event.kind], entry.number))


def needs_log(item: NoticeItem) -> bool:
    """Whether the record alone does not tell when it was gone.

    It came back, or nobody noted when it went.
    """
    return item.reopened > 0 or (item.state is ItemState.GONE and item.gone_checks > 0)


def _was_looked_at(item: NoticeItem) -> bool:
    """Whether what is gone was seen to be so from outside.

    Where nobody may look (without `notices.own_networks`), our own record is all there is: the first look is noted as
    done, and no other follows it.
    """
    if item.state is ItemState.GONE:
        return item.gone_checks > 0
    return item.consecutive_checks > 1 or (item.consecutive_checks == 1 and item.next_check_at is not None)


def reported(notice: Notice, looks: Mapping[Key, Sequence[OutsideCheckEntry]]) -> Iterator[ReportedUrl]:
    """The URLs of a notice."""
    for item in notice.items:
        yield ReportedUrl(
            notice=notice.id,
            url=item.url,
            notifier=notice.notifier,
            sender=kind_of_sender(notice),
            customer=item.customer,
            network=item.network,
            received_at=notice.receipt.received_at,
            sent_at=_sent_at(notice),
            state=item.state,
            reopened=item.reopened > 0,
            gone=_gone(item, notice, looks.get((notice.id, item.url), ())),
        )


def kind_of_sender(notice: Notice) -> str:
    """As the DSA tells them apart: an authority, a hotline or trusted flagger, anybody else.

    By what is proven of the sender: a mail that only looks like an order is none until a person has executed it.
    """
    if notice.level is TrustLevel.AUTHORITY or _is_executed_order(notice):
        return ORDER
    return TRUSTED if notice.level is TrustLevel.PINNED else OTHERS


def _is_executed_order(notice: Notice) -> bool:
    """Whether it reads as an order, and a person confirmed it."""
    if notice.read is None or notice.read.order is None or notice.decided is None:
        return False
    return notice.decided.verb is DecisionVerb.CONFIRMED and notice.decided.done


def stretches(reports: Iterable[ReportedUrl], clock: FigureClock) -> list[tuple[datetime, datetime | None]]:
    """When one URL was online after it was reported, however often and by whomever it was."""
    merged: list[tuple[datetime, datetime | None]] = []
    each = (stretch for report in reports if report.counts(clock) for stretch in report.online(clock))
    for begin, end in sorted(each, key=lambda stretch: stretch[0]):
        last = merged[-1] if merged else None
        if last is None or (last[1] is not None and last[1] < begin):
            merged.append((begin, end))
        else:
            until = None if end is None or last[1] is None else max(end, last[1])
            merged[-1] = (last[0], until)
    return merged


def _sent_at(notice: Notice) -> datetime:
    received = notice.receipt.received_at
    sent = notice.read.sent_at if notice.read else None
    if sent is None:
        return received
    sent = sent.astimezone(UTC)
    return sent if received - _LONGEST_WAY <= sent <= received else received


def _gone(
    item: NoticeItem, notice: Notice, looks: Sequence[OutsideCheckEntry]
) -> tuple[tuple[datetime, datetime | None], ...]:
    """When it was gone.

    The log tells of earlier times; of the last one the record does, where it has it, and somebody looked.
    """
    found: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for look in looks:
        if look.gone:
            since = since or look.at
        elif since is not None:
            found.append((since, look.at))
            since = None
    if item.state in _GONE and _was_looked_at(item):
        last = item.gone_at or since or (notice.stopped_at if item.state is ItemState.GONE else None)
        if last is not None:
            found.append((last, None))
    elif since is not None:
        found.append((since, since))  # a person put it back since, at a time that nobody looked
    received = notice.receipt.received_at
    return tuple((max(gone, received), back) for gone, back in found)
