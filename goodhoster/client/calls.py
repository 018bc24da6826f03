"""The calls of the HTTP door as values: what is sent, and how its answer is read.

Shared by the clients with and without asyncio. An answer that is not exactly as expected counts as none (*unchecked*).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from goodhoster.client.answers import DECISIONS, VERDICTS, Answer, Health, OutcomeReport, Permission

T = TypeVar("T")
LONGEST_ANSWER = 64 << 10
"""Bytes of an answer's body; ours have a few hundred."""
_LONGEST_WORD = 255
_KNOWN = frozenset({"known", "near"})
_ACCEPTED_ALL_THE_SAME = frozenset({"held", "observe"})
_OK, _UNAVAILABLE = 200, 503  # http.HTTPStatus would make the import longer
_REASONS = {
    400: "bad-request",
    401: "not-allowed",
    403: "not-allowed",
    404: "not-found",
    408: "timeout",
    409: "refused",
    413: "too-big",
    429: "busy",
    _UNAVAILABLE: "busy",
}


class Upload(NamedTuple):
    """What the application knows of what it wants to store. Everything may be empty."""

    customer: str = ""
    """Whose site it is, by the hoster's name for the customer."""
    name: str = ""
    """As the user named the file."""
    application: str = ""
    """Such as `wagtail`."""


class AnswerError(Exception):
    """An answer that is none; becomes *unchecked* with that reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Call(NamedTuple, Generic[T]):
    """One request and the reading of its answer."""

    method: str
    target: str
    read: Callable[[int, dict[str, Any]], T]
    """From status and JSON object to the answer; AnswerError where it is none."""
    unchecked: Callable[[str, str], T]
    """From reason and detail to the answer that there is none."""
    body: bytes | None = None
    content_type: str = "application/octet-stream"

    def answer(self, status: int, body: bytes) -> T:
        """Read an answer. Never raises."""
        try:
            return self.read(status, _json_object(status, body))
        except AnswerError as error:
            return self.unchecked(error.reason, error.detail)


def check_bytes(content: bytes | None, upload: Upload) -> Call[Answer]:
    """Ask about a content; without one the transport sends it from a file."""
    return Call("POST", "/v1/check" + _query(upload), _read_answer, Answer.unchecked, content)


def check_path(path: str | None, upload: Upload) -> Call[Answer]:
    """Ask about a file at a path; without one a descriptor goes with the request."""
    body = json.dumps({} if path is None else {"path": path}).encode()
    return Call("POST", "/v1/check/path" + _query(upload), _read_answer, Answer.unchecked, body, "application/json")


def check_digest(algorithm: str, digest: str, upload: Upload) -> Call[Answer]:
    """Ask about a content by its digest alone."""
    body = json.dumps({"algorithm": algorithm, "digest": digest}).encode()
    return Call("POST", "/v1/check/digest" + _query(upload), _read_answer, Answer.unchecked, body, "application/json")


def report_outcome(reference: str | None, outcome: str) -> Call[OutcomeReport]:
    """Report what the application did about a case."""
    body = json.dumps({"reference": reference, "outcome": outcome}).encode()
    return Call("POST", "/v1/outcomes", _read_report, OutcomeReport.unchecked, body, "application/json")


def may(customer: str, action: str) -> Call[Permission]:
    """Ask whether a customer may do something."""
    target = f"/v1/customers/{quote(customer, safe='', errors='replace')}/may/{quote(action, safe='')}"
    return Call("GET", target, _read_permission, Permission.unchecked)


def health() -> Call[Health]:
    """Ask whether the service can check now."""
    return Call("GET", "/readyz", _read_health, Health.unchecked)


def headers(call: Call[Any], token: str, length: int | None) -> dict[str, str]:
    """The request's headers, but for those of the connection."""
    sent = {"Accept": "application/json"}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if length is not None:
        sent |= {"Content-Type": call.content_type, "Content-Length": str(length)}
    return sent


def _query(upload: Upload) -> str:
    # Longer ones are cut here, so that an odd file name alone never makes a request too long.
    given = [(name, value[:_LONGEST_WORD]) for name, value in upload._asdict().items() if value]
    return "?" + urlencode(given, errors="replace") if given else ""


def _json_object(status: int, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode(), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise AnswerError(_reason(status), f"HTTP {status} without a JSON body") from error
    if not isinstance(found, dict):
        raise AnswerError("odd-answer", f"HTTP {status} with a body that is not a JSON object")
    return found


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # As goodhoster.model.json_objects, which other people's applications do not have.
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _expect(status: int, found: dict[str, Any], *expected: int) -> None:
    if status not in expected:
        detail = _text(found, "detail") or _text(found, "title") or "no reason given"
        raise AnswerError(_reason(status), f"HTTP {status}: {detail}")


def _reason(status: int) -> str:
    return _REASONS.get(status, "odd-answer")


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value[:1000] if isinstance(value, str) else ""


def _read_answer(status: int, found: dict[str, Any]) -> Answer:
    _expect(status, found, _OK)
    verdict, decision, reference = _text(found, "verdict"), _text(found, "decision"), _text(found, "reference")
    reason = _text(found, "reason")
    if verdict not in VERDICTS or decision not in DECISIONS or _contradicts(verdict, decision, reason):
        raise AnswerError("odd-answer", f"verdict {verdict[:40]!r} with decision {decision[:40]!r}")
    return Answer(verdict, decision, reference or None, reason, _text(found, "detail"))


def _contradicts(verdict: str, decision: str, reason: str) -> bool:
    """Whether an answer accepts what was not checked, or refuses what no source knows.

    What is known is accepted for one of two reasons only.
    """
    if decision == "accept":
        return verdict == "unchecked" or (verdict in _KNOWN and reason not in _ACCEPTED_ALL_THE_SAME)
    return decision == "refuse" and verdict not in _KNOWN


def _read_permission(status: int, found: dict[str, Any]) -> Permission:
    _expect(status, found, _OK)
    allowed = found.get("allowed")
    if allowed is not None and not isinstance(allowed, bool):
        raise AnswerError("odd-answer", "`allowed` is neither true, false nor null")
    return Permission(allowed, _text(found, "reason"), _text(found, "mode"))


def _read_health(status: int, found: dict[str, Any]) -> Health:
    _expect(status, found, _OK, _UNAVAILABLE)
    ready = found.get("ready")
    if not isinstance(ready, bool) or ready != (status == _OK):
        raise AnswerError("odd-answer", "`ready` does not agree with the status")
    return Health(ready, _text(found, "reason"))


def _read_report(status: int, found: dict[str, Any]) -> OutcomeReport:
    _expect(status, found, _OK)
    if found.get("recorded") is not True:
        raise AnswerError("odd-answer", "the answer does not say that it was recorded")
    return OutcomeReport(recorded=True)
