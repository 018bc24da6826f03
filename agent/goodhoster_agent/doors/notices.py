"""Notices by HTTP. A TLS proxy stands in front.

    POST /api/v1/reports    the hotline's own client, unchanged (SCART, addon IPvolumeNTDapi): form-encoded ip and urls
    POST /api/v1/xarf       one XARF report as JSON
    POST /api/v1/notices    DSA Art. 16 as JSON: urls, reason, good_faith, name, email, language
    GET, POST /notice       the same as a web form
    GET /notice/ID/KEY      how it stands, for whoever sent it
    GET /api/v1/notices/ID/KEY   the same for programs: a code for each URL
    GET, POST /contact/TOKEN     the page behind the link in a letter to a customer's contact
    GET, POST /appeal/LETTER/CODE    the form for objections behind the link in a statement of reasons
    POST /identity/PROVIDER      messages of an [[identity_provider]]

A request with an `Idempotency-Key` is kept once, however often it comes, and answered alike; a correlation id
(`X-Correlation-ID`, `X-Request-ID`) comes back with the answer. What is marked as a test is answered and never acted
on.

The hotline's client does not look at the status code: a success has `data.id` and no `message`, an error has `message`
and `errors`. Nobody is refused for how much he sends or for what nobody can read: the answer is 202 then, the notice
waits for its turn or for a person. Only where the disk is nearly full, strangers are told to come back; whoever shows a
registered notifier's token is not even then.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.notice_status import Notice
from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadNotice
from goodhoster.notices.sender.trust import Trust
from goodhoster.notices.spool import Arrived, Origin
from goodhoster.ports import NoticeReader, NoticeStore
from goodhoster_agent.doors import notice_pages
from goodhoster_agent.doors.http_server import next_piece
from goodhoster_agent.doors.notice_pages import Language
from goodhoster_agent.doors.plain_pages import HEADERS
from goodhoster_agent.doors.rate_limit import RateLimit
from goodhoster_agent.intake.storing import NoticeStorage

_log = logging.getLogger(__name__)
_LARGEST_REQUEST = {True: 32 << 20, False: 1 << 20}
"""Bytes of one request, for registered notifiers and for everybody else."""
_READ_ON = 4
_PIECE_WITHIN = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class NoticeCounter:
    """The parts that the notice endpoints work with."""

    keeping: NoticeStorage
    reader: NoticeReader
    trust: Trust
    store: NoticeStore
    room: Callable[[], bool]
    """Is there room on the disk for what strangers send?"""


class Routes(Protocol):
    """What else is asked for at the same address, such as the page of a customer's contact."""

    def add_to(self, app: web.Application) -> None:
        """Add its routes."""


class NoticeDoor:
    """The request handler of notices."""

    def __init__(
        self,
        counter: NoticeCounter,
        rate_limit: RateLimit,
        address_of: Callable[[web.Request], str],
        others: Sequence[Routes] = (),
    ) -> None:
        self._counter = counter
        self._address_of = address_of
        self._others = others
        self._rate_limit = rate_limit

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=max(_LARGEST_REQUEST.values()), middlewares=[_as_json])
        app.router.add_post("/api/v1/reports", self._reports)
        app.router.add_post("/api/v1/xarf", self._xarf)
        app.router.add_post("/api/v1/notices", self._dsa)
        app.router.add_get("/api/v1/notices/{id}/{key}", self._codes)
        app.router.add_get("/notice", self._form)
        app.router.add_post("/notice", self._posted)
        app.router.add_get("/notice/{id}/{key}", self._status)
        for other in self._others:
            other.add_to(app)
        return app

    async def _reports(self, request: web.Request) -> web.Response:
        """Reports, only with a token: an error here is seen by the hotline's analyst."""
        if not self._notifier(request):
            raise _refusal(401, "The token is missing or not known here.", "authorization")
        taken = await self._take(request, Carrier.SCART_API)
        return web.json_response({"data": {"id": taken.id}}, status=201, headers=taken.headers)

    async def _xarf(self, request: web.Request) -> web.Response:
        return (await self._take(request, Carrier.XARF_JSON)).as_json()

    async def _dsa(self, request: web.Request) -> web.Response:
        return (await self._take(request, Carrier.DSA_JSON)).as_json()

    async def _form(self, request: web.Request) -> web.Response:
        return _page(notice_pages.form_page(_language(request)))

    async def _posted(self, request: web.Request) -> web.Response:
        try:
            taken = await self._take(request, Carrier.DSA_FORM)
        except _Refused as refusal:
            return _page(notice_pages.refusal_page(_language(request), refusal.words), refusal.status)
        language = _language(request, taken.language)
        return _page(notice_pages.receipt_page(language, taken.id, taken.path, taken.unread), taken.status)

    async def _status(self, request: web.Request) -> web.Response:
        notice = await self._asked_for(request)
        read = notice.read.language if notice.read else None
        return _page(notice_pages.status_page(_language(request, read), notice.id, notice))

    async def _codes(self, request: web.Request) -> web.Response:
        notice = await self._asked_for(request)
        return web.json_response({"data": _codes_of(notice)}, headers={"Cache-Control": "no-store"})

    async def _asked_for(self, request: web.Request) -> Notice:
        """The notice asked for; a wrong key and a wrong number look the same."""
        notice = await asyncio.to_thread(self._known, request.match_info["id"])
        key = notice.receipt.status_key if notice else ""
        if (
            notice is None
            or not key
            or not hmac.compare_digest(key.encode(), request.match_info["key"].encode("utf-8", "replace"))
        ):
            raise web.HTTPNotFound
        return notice

    def _known(self, notice_id: str) -> Notice | None:
        try:
            return self._counter.store.get(notice_id)
        except RefusedError:
            return None

    async def _take(self, request: web.Request, carrier: Carrier) -> _Taken:
        """Store a notice; the answer may be sent only after this."""
        notifier, sender = self._notifier(request), self._address_of(request)
        raw = RawNotice(carrier, await _body(request, _LARGEST_REQUEST[bool(notifier)]))
        unread, read = await self._first_reading(raw, proven=bool(notifier))
        key = secrets.token_urlsafe(18)
        arrived = Arrived(sender, notifier, key, _origin(request, raw, notifier))
        try:
            self._look_for_room(notifier)
            receipt = await asyncio.to_thread(self._counter.keeping.notice, raw, arrived)
        except PassingError as error:
            _log.error("%s; %s", error, error.hint)
            raise _refusal(503, "It cannot be kept at present: try again.", "disk", 60) from error
        if receipt.sha256 != hashlib.sha256(raw.content).digest():
            raise _refusal(422, "This Idempotency-Key came with another body before.", "idempotency-key")
        waits = bool(unread) or not (notifier or self._rate_limit.admit(sender))
        path = f"/notice/{receipt.id}/{receipt.status_key}"
        status, language = 202 if waits else 201, None if unread else read.language
        return _Taken(receipt.id, path, unread, status, _correlation(request), trial=read.trial, language=language)

    def _look_for_room(self, notifier: str) -> None:
        if not (notifier or self._counter.room()):
            raise PassingError(
                "a stranger's notice was not kept: the disk is nearly full", hint="see [notices] reserve"
            )

    async def _first_reading(self, raw: RawNotice, *, proven: bool) -> tuple[str, ReadNotice]:
        """The text for the sender on what is unreadable in a notice, and what could be read.

        Refused only where there is nothing to keep, or where the hotline's client shows its analyst the error.
        """
        if not raw.content.strip():
            raise _refusal(422, "There is nothing in it.", "body")
        read = await asyncio.to_thread(self._counter.reader.read, raw)
        if read.format is not NoticeFormat.UNREADABLE or (proven and raw.carrier is Carrier.XARF_JSON):
            return "", read
        field, _, words = (doubts := "; ".join(read.doubts)).partition(": ")
        if raw.carrier is Carrier.SCART_API:
            raise _refusal(422, doubts, field if words else "body")
        return doubts, read

    def _notifier(self, request: web.Request) -> str:
        """The notifier with that token; empty when there is none."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self._counter.trust.of_token(token.strip()).notifier if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A notice that was kept."""

    id: str
    path: str
    """Of its status page."""
    unread: str
    """What nobody could read in it, in words; empty when it was read."""
    status: int
    headers: dict[str, str]
    """Sent back as they came."""
    trial: bool
    """It is marked as a test: nothing is done about it."""
    language: Language | None
    """In which it is answered; None where it could not be read."""

    def as_json(self) -> web.Response:
        data: dict[str, object] = {"id": self.id, "status": self.path}
        data |= {"unreadable": self.unread} if self.unread else {}
        data |= {"test": True} if self.trial else {}
        return web.json_response({"data": data}, status=self.status, headers=self.headers)


def _origin(request: web.Request, raw: RawNotice, notifier: str) -> Origin | None:
    """The key by which a request that is sent again is told from a new one.

    A stranger's key counts for the same body only: it must not show him the answer to another's.
    """
    key = request.headers.get("Idempotency-Key", "").strip()[:200]
    if not key:
        return None
    whose = notifier or hashlib.sha256(raw.content).hexdigest()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Origin(f"{raw.carrier} {whose} {key}".encode("utf-8", "replace"), today, days_before=1)


def _correlation(request: web.Request) -> dict[str, str]:
    names = ("X-Correlation-ID", "X-Request-ID")
    given = {name: request.headers.get(name, "") for name in names}
    return {name: value for name, value in given.items() if re.fullmatch(r"[\w.:+/=@-]{1,128}", value)}


def _codes_of(notice: Notice) -> dict[str, object]:
    trial = notice.read is not None and notice.read.test
    return {
        "id": notice.id,
        "state": notice.state,
        **({"test": True} if trial else {}),
        **({"code": "need-more"} if notice.needs_more else {}),
        "items": [{"url": item.url, "code": item.state.answer_code} for item in notice.items],
    }


class _Refused(web.HTTPException):
    """An error in the form that the hotline's client understands."""

    def __init__(self, status: int, words: str, field: str) -> None:
        self.status_code = status
        self.words = words
        body = json.dumps({"message": words, "errors": {field: [words]}})
        super().__init__(text=body, content_type="application/json")


def _refusal(status: int, words: str, field: str, wait: int = 0) -> _Refused:
    refusal = _Refused(status, words, field)
    if wait:
        refusal.headers["Retry-After"] = str(wait)
    return refusal


@web.middleware
async def _as_json(request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401 - aiohttp's own type
    """Give every error below /api a `message`.

    Without one the hotline's client takes it for success.
    """
    try:
        response: web.StreamResponse = await handler(request)
    except (_Refused, ConnectionResetError):  # who hung up hears no message
        raise
    except web.HTTPException as error:
        if not request.path.startswith("/api/"):
            raise
        raise _refusal(error.status, error.reason or "refused", "request") from error
    except Exception as error:
        if not request.path.startswith("/api/"):
            raise
        _log.exception("a request to %s failed", request.path)
        raise _refusal(500, "Internal error: try again.", "request", 60) from error
    return response


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", headers=HEADERS)


async def _body(request: web.Request, largest: int) -> bytes:
    """The request's body as it came.

    What is too large is read on, within bounds, and discarded: a client that is cut off while it sends would not
    see the answer.
    """
    body, size = bytearray(), 0
    try:
        while size <= _READ_ON * largest and (more := await _next_piece(request)):
            size += len(more)
            body += more[: largest - len(body)]
    except web.RequestPayloadError as error:
        raise _refusal(400, "The body is not what its headers say.", "body") from error
    except TimeoutError as error:
        raise _refusal(408, f"Nothing of the body came for {_PIECE_WITHIN:g} seconds.", "body") from error
    if size > largest:
        raise _refusal(413, f"More than {largest} bytes.", "body")
    return bytes(body)


async def _next_piece(request: web.Request) -> bytes:
    async with asyncio.timeout(_PIECE_WITHIN):
        return await next_piece(request.content.readany())


def _language(request: web.Request, of_notice: Language | None = None) -> Language:
    """Language that was asked for, else that of the notice, else the browser's."""
    wanted = request.query.get("lang") or of_notice or request.headers.get("Accept-Language", "")[:2]
    return "nl" if wanted.lower() == "nl" else "en"
