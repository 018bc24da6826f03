"""Evaluation of checks from outside: gone, still there, back again, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from goodhoster.model.crawling import FoundAgain
from goodhoster.model.notice_status import ItemState, NoticeItem, Seen, Sight
from goodhoster.takedowns.deadlines import LOOK_AGAIN, next_look

_LOOKS_BEFORE_PERSON = 3
"""Looks that may still find it, or find nothing out, before a person is asked."""
_LOOKS_BEFORE_GONE = 3
"""So often in a row it must not be there where we did nothing (the hotline itself looks three times): what hides from
one look may be there at the next.
"""
_UNSEEN = frozenset({ItemState.OFFLINE, ItemState.MISSING})


def first_look(item: NoticeItem, now: datetime, *, may_look: bool) -> NoticeItem:
    """State of an item whose measure has just been done.

    It is to be looked at right away; where we may not look, our own reading back must do.
    """
    if item.state not in _UNSEEN or item.next_check_at is not None:
        return item
    if may_look:
        return replace(item, consecutive_checks=0, next_check_at=now)
    return _gone(item, now)


def after_look(item: NoticeItem, seen: Seen, now: datetime) -> NoticeItem:
    """State of an item after a check from outside.

    One that was gone and is there again is *reopened*; the caller acts on it anew.
    """
    if item.state is ItemState.INACCESSIBLE:
        return _after_recheck(item, seen, now)
    if seen.sight is Sight.GONE:
        return _not_there(replace(item, reason=seen.detail), now)
    if seen.sight is Sight.THERE and not _acted(item) and item.state in _UNSEEN:
        back = replace(item, state=ItemState.REOPENED, reason=f"no file, yet {seen.detail}")
        return replace(back, consecutive_checks=0, gone_checks=0, next_check_at=None)
    again = replace(item, consecutive_checks=item.consecutive_checks + 1, gone_checks=0, next_check_at=now + LOOK_AGAIN)
    if again.consecutive_checks < _LOOKS_BEFORE_PERSON:
        return replace(again, reason=seen.detail)
    why = "it can still be seen" if seen.sight is Sight.THERE else "it cannot be checked"
    here = "offline here" if _acted(item) else "no file is here"
    return replace(again, state=ItemState.HELD, reason=f"{here}, but from outside {why}: {seen.detail}")


def found_again(item: NoticeItem, found: FoundAgain, now: datetime) -> NoticeItem:
    """State of an item that was gone, and is to be seen again at an address of ours.

    At its own it is acted on anew; about another address nobody was told before, so a person decides.
    """
    itself = found.url == item.url
    reason = f"back: {found.how}" if itself else f"found again at another address of ours: {found.how}"
    if not itself and found.url not in item.found_at:
        item = replace(item, found_at=(*item.found_at, found.url))
    if item.state not in {ItemState.INACCESSIBLE, ItemState.GONE}:
        return item
    back = replace(item, state=ItemState.REOPENED, reopened=item.reopened + 1, reason=reason, gone_at=None)
    return replace(back, consecutive_checks=0 if itself else 1, gone_checks=0, next_check_at=now + LOOK_AGAIN)


def worst_of(seen: Sequence[Seen]) -> Seen:
    """The sight of several addresses together: gone is what is gone at all of them."""
    return next(one for sight in (Sight.THERE, Sight.UNKNOWN, Sight.GONE) for one in seen if one.sight is sight)


def _not_there(item: NoticeItem, now: datetime) -> NoticeItem:
    """State of an item that was not found.

    What we took offline is seen to be; what was away before must be away again and again.
    """
    if _acted(item):
        return replace(_gone(item, now), next_check_at=next_look(now, 1))
    item = replace(item, gone_checks=item.gone_checks + 1, next_check_at=now + LOOK_AGAIN)
    return replace(_gone(item, now), next_check_at=None) if item.gone_checks >= _LOOKS_BEFORE_GONE else item


def _gone(item: NoticeItem, now: datetime) -> NoticeItem:
    """Inaccessible item by our measure; or gone, where there was nothing to do."""
    if not _acted(item):
        return replace(item, state=ItemState.GONE)
    return replace(item, state=ItemState.INACCESSIBLE, gone_at=now, consecutive_checks=1)


def _acted(item: NoticeItem) -> bool:
    return bool(item.cases) or item.blocked


def _after_recheck(item: NoticeItem, seen: Seen, now: datetime) -> NoticeItem:
    if seen.sight is Sight.THERE:
        back = replace(item, state=ItemState.REOPENED, reopened=item.reopened + 1, reason=f"back: {seen.detail}")
        return replace(back, gone_at=None, consecutive_checks=0, next_check_at=now + LOOK_AGAIN)
    if seen.sight is Sight.UNKNOWN:
        return replace(item, next_check_at=now + LOOK_AGAIN)
    return replace(
        item,
        consecutive_checks=item.consecutive_checks + 1,
        next_check_at=next_look(item.gone_at or now, item.consecutive_checks + 1),
    )
