"""Interpretation of the HashCheckService's replies.

Pure, so that every odd reply can be tested without a socket.

Only status 200 with the body `true` or `false`, byte for byte, is an answer. White space is not trimmed and case is not
ignored: a body that differs by one byte was not written by the service we know but by something in between (an error
page, a proxy, a new version), and then nothing tells which way it would have answered. The clients in the field compare
the same way (SCART `scartHASHcheck.php`, Shimmie2 `eokm`), so the service itself cannot be adding anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import GoodhosterError, SourceRefusedError, SourceUnavailableError

MAX_BYTES = len(b"false") + 1
"""Bytes of a body that tell whether it is an answer: one more than the longest."""

_SHOWN = 60  # bytes of an odd body
_ANSWERS = {b"true": True, b"false": False}
_ACCOUNT = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_MAY_SAY_WHEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HashServiceReply:
    """The part of a reply that decides what it means."""

    status: int
    body: bytes = b""
    """At most as many bytes as decide."""
    retry_after: str = ""
    """The header of that name."""


def read_answer(reply: HashServiceReply, *, source: str, now: datetime) -> bool:
    """True for known, False for not known.

    Any other reply raises SourceUnavailableError or SourceRefusedError.
    """
    answer = _ANSWERS.get(reply.body)
    if reply.status != HTTPStatus.OK or answer is None:
        raise failure(reply, source=source, now=now)
    return answer


def failure(reply: HashServiceReply, *, source: str, now: datetime) -> GoodhosterError:
    """The error for a reply that is no answer, by its status; that of 200 is an odd answer."""
    if reply.status in _ACCOUNT:
        return SourceRefusedError(
            f"{source} refuses our account (status {reply.status})",
            reason=Reason.REFUSED,
            hint="Check this source's user name and password file, and if it admits this host's address.",
        )
    wait = parse_retry_after(reply.retry_after, now=now) if reply.status in _MAY_SAY_WHEN else None
    reason = _reason(reply.status)
    return SourceUnavailableError(
        f"{source} gave no usable answer: status {reply.status}, body begins {reply.body[:_SHOWN]!r}",
        reason=reason,
        retry_after=wait,
        hint=_HINTS.get(reason, ""),
    )


def _reason(status: int) -> Reason:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Reason.RATE_LIMITED
    return _BY_HUNDRED.get(status // 100, Reason.ODD_ANSWER)


_BY_HUNDRED = {3: Reason.REDIRECTED, 4: Reason.CLIENT_ERROR, 5: Reason.SERVER_ERROR}

_HINTS = {
    Reason.ODD_ANSWER: "Only the bare words true and false are answers: an error page, a proxy, a wrong URL?",
    Reason.REDIRECTED: "Redirects are never followed: set the URL the service itself gives.",
    Reason.CLIENT_ERROR: "Check the URL and the algorithms of this source.",
    Reason.RATE_LIMITED: "Asking too fast: lower `parallel`, or agree on a higher rate with the service.",
}


def parse_retry_after(text: str, *, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header; None if it is not valid.

    RFC 9110 §10.2.3: seconds or a date.
    """
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
