"""What a site's answers before and after an order tell of it (pure).

A suspended page with status 200 is still a page. It tells that the site is off only where it stands at every address
and is another one than before: a page at `/` alone leaves everything else served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.customers.suspensions import PageSeen

_SUCCESS = range(200, 300)
_STANDS = range(200, 400)
"""A page, or a redirect to one."""
_ERRORS = range(400, 600)
_PASSING = frozenset({408, 425, 429, 500, 502, 504})
"""What a server says while it is restarted, or of a passing fault: no proof of anything."""


class SiteEffect(StrEnum):
    """Whether a site is served."""

    OFF = "off"
    SERVED = "served"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """The effect, with what it was concluded from."""

    effect: SiteEffect
    detail: str


def judge_suspended(before: Sequence[PageSeen], after: Sequence[PageSeen]) -> Judged:
    """Judge whether a suspended site is off, by the same requests before and after."""
    earlier = {page.path: page for page in before}
    for page in after:
        was = earlier.get(page.path)
        if was and page.status in _STANDS and (page.status, page.digest) == (was.status, was.digest):
            return Judged(SiteEffect.SERVED, f"{page.host} answers {page.status} at {page.path}, the same as before")
    if not after or any(page.status is None or page.status in _PASSING for page in after):
        return Judged(SiteEffect.UNKNOWN, f"not every address of {after[0].host if after else 'the site'} answers")
    if all(page.status in _ERRORS for page in after):
        return Judged(SiteEffect.OFF, f"{after[0].host} answers {_statuses(after)}")
    if len({(page.status, page.digest) for page in after}) == 1 and any(page.status in _STANDS for page in before):
        return Judged(
            SiteEffect.OFF, f"{after[0].host} shows one page at every address ({_statuses(after)}), another than before"
        )
    served = next(page for page in after if page.status not in _ERRORS)
    return Judged(SiteEffect.UNKNOWN, f"{served.host} answers {served.status} at {served.path}: check what is there")


def judge_lifted(before: Sequence[PageSeen], after: Sequence[PageSeen]) -> Judged:
    """Judge whether a site answers again as before; its content may have changed since."""
    earlier = {page.path: page.status for page in before}
    for page in after:
        if page.status is None or page.status in _PASSING:
            return Judged(SiteEffect.UNKNOWN, f"{page.host} does not answer at {page.path}")
        if earlier.get(page.path) in _SUCCESS and page.status not in _SUCCESS:
            return Judged(SiteEffect.OFF, f"{page.host} answers {page.status} at {page.path}, not as before")
    return Judged(SiteEffect.SERVED, "answers as before")


def _statuses(pages: Sequence[PageSeen]) -> str:
    return ", ".join(sorted({str(page.status) for page in pages}))
