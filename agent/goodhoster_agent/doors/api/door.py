"""The HTTP door: which requests there are, what each needs, and how it is answered.

    POST /v1/check                        the bytes of a content
    POST /v1/check/path                   a file by its descriptor (Unix socket) or its path
    POST /v1/check/digest                 a content by its digest
    POST /v1/outcomes                     what the application did about it
    GET  /v1/customers/{id}/may/{action}  a gate question
    GET  /v1/status, /v1/cases, /v1/cases/{id}
    POST /v1/pict-rs                      external validation of pict-rs: 204, 406, or 503
    POST /v1/buckets/{name}/events        notifications of an object store
    GET  /v1/openapi.json, /livez, /readyz

How they are used is in docs/how-to-http-api.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, ParamSpec, TypeVar

from aiohttp import web
from aiohttp.http import HttpProcessingError

from goodhoster.customers.importing.rows import RowError
from goodhoster.customers.importing.values import customer_id
from goodhoster.errors import ConfigurationError, GoodhosterError, RefusedError
from goodhoster.model.attempts import Attempt, AttemptOutcome
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.settings.api import ApiSettings
from goodhoster.upload_attempts import AttemptAnswer, AttemptDecision, UploadAttempts
from goodhoster_agent.doors.api.bodies import Body, BodyLimits, received, received_json
from goodhoster_agent.doors.api.listening import ApiConnection, HttpListener
from goodhoster_agent.doors.api.openapi import DOCUMENT
from goodhoster_agent.doors.api.problems import ApiProblem
from goodhoster_agent.doors.api.tokens import Scope, Token, Tokens
from goodhoster_agent.doors.http_server import silence_peer_errors
from goodhoster_agent.doors.peer_files import SocketPeer, open_for

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)
_JSON_WITHIN = 10.0  # seconds
_LONGEST_NAME = 255
"""Characters of a customer's id, an application's name, a file's name."""
_MOST_CASES = 1000
_SMALL_BYTES = 64 << 10
"""Bytes of a content whose digests the event loop takes itself: handing it to a thread costs more."""
_LONGEST_NOTIFICATION = 2 << 20
_DECISIONS = {AttemptDecision.REFUSED: "refuse", AttemptDecision.UNCHECKED: "unchecked"}
_THEIRS = (HttpProcessingError, web.RequestPayloadError, ConnectionError, EOFError)


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the door works with.

    All but the first two are for scope `read`, `may` and readiness; threads call them.
    """

    attempts: UploadAttempts
    tokens: Tokens
    not_ready: Callable[[], str]
    """Why nothing can be checked now; empty when it can."""
    may: Callable[[str, str], dict[str, Any]]
    """Answers a gate question about customer and action."""
    status: Callable[[], dict[str, Any]]
    cases: Callable[[str | None, str | None, int], list[dict[str, Any]]]
    """The newest cases by state, customer, and how many at most.

    RefusedError for a state that is none.
    """
    objects: Callable[[str, dict[str, Any]], int]
    """Notes what a notification of that bucket says is new; RefusedError where it is none.

    Returns how many objects.
    """
    case: Callable[[str], dict[str, Any]]
    """RefusedError where there is none."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that may be answered."""

    request: web.BaseRequest
    token: Token | None
    """None where none is needed."""
    matched: Mapping[str, str]
    """The variable parts of its path."""

    @property
    def connection(self) -> ApiConnection:
        """Its connection."""
        protocol = self.request.protocol
        assert isinstance(protocol, ApiConnection)  # noqa: S101 - the listener makes no other
        return protocol

    def attempt(self) -> Attempt:
        """Who asks, and for whom. Problem where the token speaks for another customer."""
        query, token = self.request.query, self.token
        name = token.name if token else ""
        customer = self.expect_customer(query.get("customer", "")) or name
        application = query.get("application", "")[:_LONGEST_NAME] or name
        peer = self.connection.peer or self.request.remote or ""
        return Attempt(
            customer[:_LONGEST_NAME], application, query.get("name", "")[:_LONGEST_NAME], "api", f"{name}, {peer}"
        )

    def expect_customer(self, customer: str) -> str:
        """The customer that is meant. Problem where the token speaks for another one only."""
        own = self.token.customer if self.token else ""
        if own and customer not in {"", own}:
            raise ApiProblem(HTTPStatus.FORBIDDEN, "this token is valid for one customer only, and that is another")
        return own or _valid_customer(customer)


def _valid_customer(customer: str) -> str:
    """An id as the register takes it, or none.

    Problem for any other, which would count as a customer.
    """
    try:
        return customer and customer_id("customer", customer)
    except RowError as error:
        raise ApiProblem(HTTPStatus.BAD_REQUEST, f"{error.why}: {error.hint}") from None


RequestHandler = Callable[["ApiDoor", ApiRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request."""

    method: str
    path: str
    """As in the OpenAPI document."""
    scope: Scope | None
    """None: no token is needed."""
    answer: RequestHandler

    def match(self, path: str) -> Mapping[str, str] | None:
        """The variable parts of a path, decoded; None when it is another."""
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,255})", self.path), path)
        return found.groupdict() if found else None


class ApiDoor:
    """The HTTP door of applications."""

    def __init__(self, settings: ApiSettings, parts: ApiParts) -> None:
        self._settings = settings
        self._parts = parts
        self._limits = BodyLimits(settings.largest_body, settings.bodies, settings.body_within)
        self._listener = HttpListener(self.answer, settings.connections)
        self._threads: ThreadPoolExecutor | None = None

    async def listen(self) -> Sequence[str]:
        """Listen, and return the addresses for people."""
        silence_peer_errors()
        found = []
        if self._settings.socket is not None:
            found.append(self._listener.bind_unix(self._settings.socket))
        if self._settings.listen is not None:
            host, port = self._settings.listen
            expect_loopback(host, beyond=self._settings.beyond_loopback)
            found.append(self._listener.bind_tcp(host, port))
        return found

    def open(self) -> None:
        """Accept and answer from now on."""
        self._threads = ThreadPoolExecutor(self._settings.workers, "api")
        self._listener.open()

    async def close(self) -> None:
        """Accept nothing more, and end after what is in hand."""
        await self._listener.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request.

        Whatever fails is a problem, and never looks like an answer to what was asked.
        """
        try:
            return await self._answer(request)
        except ApiProblem as problem:
            return problem.response()
        except _THEIRS:
            return ApiProblem(HTTPStatus.BAD_REQUEST, "the request was cut off or is not HTTP").response()
        except GoodhosterError as error:
            _log.error("a request could not be answered: %s; %s", error, error.hint)
            return ApiProblem(
                HTTPStatus.SERVICE_UNAVAILABLE, "it cannot be answered now; the journal says why"
            ).response()
        except Exception:  # noqa: BLE001 - one request never ends the door; it is logged, and answered as a failure
            _log.exception("a request could not be answered")
            return ApiProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; the journal says why").response()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        found = [(route, matched) for route in ROUTES if (matched := route.match(request.path)) is not None]
        for route, matched in found:
            if request.method == route.method:
                return await route.answer(self, ApiRequest(request, self._token_for(route, request), matched))
        if found:
            allowed = ", ".join(route.method for route, _ in found)
            raise ApiProblem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", {"Allow": allowed})
        raise ApiProblem(HTTPStatus.NOT_FOUND, "there is no such resource; see /v1/openapi.json")

    def _token_for(self, route: Route, request: web.BaseRequest) -> Token | None:
        if route.scope is None:
            return None
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        in_url = request.query.get("token", "") if route.path in _TOKEN_IN_URL else ""
        token = self._parts.tokens.of(secret or in_url)
        if token is None:
            raise ApiProblem(
                HTTPStatus.UNAUTHORIZED, "a token is needed: goodhoster doors token add", {"WWW-Authenticate": "Bearer"}
            )
        if route.scope not in token.scopes:
            raise ApiProblem(HTTPStatus.FORBIDDEN, f"this token lacks the scope {route.scope}")
        return token

    async def check(self, asked: ApiRequest) -> web.Response:
        """Answer about the bytes of a content."""
        async with received(asked.request, self._limits) as body:
            return _json(_answer_object(await self._check(body, asked.attempt())))

    async def check_path(self, asked: ApiRequest) -> web.Response:
        """Answer about a file.

        That of the passed descriptor, else one that the peer itself may read.
        """
        given = await received_json(asked.request, _JSON_WITHIN)
        attempt = asked.attempt()
        with _file_of(asked.connection, given.get("path")) as file:
            return _json(_answer_object(await self._in_thread(self._parts.attempts.check, file, attempt)))

    async def check_digest(self, asked: ApiRequest) -> web.Response:
        """Answer about a content by its digest."""
        digest = _read_digest(await received_json(asked.request, _JSON_WITHIN))
        return _json(_answer_object(await self._in_thread(self._parts.attempts.check_digest, digest, asked.attempt())))

    async def report(self, asked: ApiRequest) -> web.Response:
        """Record what the application did."""
        given = await received_json(asked.request, _JSON_WITHIN)
        reference, outcome = given.get("reference"), given.get("outcome")
        if outcome not in set(AttemptOutcome) or not isinstance(reference, str):
            raise ApiProblem(HTTPStatus.BAD_REQUEST, f"`outcome` must be one of {', '.join(AttemptOutcome)}")
        token = asked.token
        reporter, customer = (f"token {token.name}", token.customer) if token else ("", "")
        with _refusals(HTTPStatus.NOT_FOUND):
            await self._in_thread(
                self._parts.attempts.report, reference[:_LONGEST_NAME], AttemptOutcome(outcome), reporter, customer
            )
        return _json({"recorded": True})

    async def may(self, asked: ApiRequest) -> web.Response:
        """Answer a gate question."""
        customer = asked.expect_customer(asked.matched["id"])
        with _refusals(HTTPStatus.NOT_FOUND):
            return _json(await self._in_thread(self._parts.may, customer, asked.matched["action"]))

    async def status(self, asked: ApiRequest) -> web.Response:
        """Answer as `goodhoster status --json` prints."""
        if asked.token and asked.token.customer:
            raise ApiProblem(HTTPStatus.FORBIDDEN, "this token is valid for one customer only, and status is about all")
        return _json(await self._in_thread(self._parts.status))

    async def cases(self, asked: ApiRequest) -> web.Response:
        """Answer the newest cases."""
        query = asked.request.query
        customer = asked.expect_customer(query.get("customer", ""))
        limit = query.get("limit", "100")
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:5]) <= _MOST_CASES):
            raise ApiProblem(HTTPStatus.BAD_REQUEST, f"`limit` must be a number from 1 to {_MOST_CASES}")
        with _refusals(HTTPStatus.BAD_REQUEST):
            found = await self._in_thread(self._parts.cases, query.get("state"), customer or None, int(limit))
        return _json({"cases": found})

    async def case(self, asked: ApiRequest) -> web.Response:
        """Answer one case; one of another customer looks as one that is not there."""
        with _refusals(HTTPStatus.NOT_FOUND):
            found = await self._in_thread(self._parts.case, asked.matched["id"])
            if asked.token and asked.token.customer not in {"", found["customer"]}:
                raise RefusedError(f"there is no case {asked.matched['id']}")
        return _json(found)

    async def validate_for_pict_rs(self, asked: ApiRequest) -> web.Response:
        """Answer pict-rs: 204 accepts, 406 refuses.

        503 where it could not be checked and the door is closed then.
        """
        async with received(asked.request, self._limits) as body:
            answer = await self._check(body, asked.attempt())
        if answer.decision is AttemptDecision.REFUSED:
            raise ApiProblem(HTTPStatus.NOT_ACCEPTABLE, f"it is refused here: {answer.reference}")
        if answer.decision is AttemptDecision.UNCHECKED and self._settings.on_unchecked == "closed":
            raise ApiProblem(HTTPStatus.SERVICE_UNAVAILABLE, f"it could not be checked: {answer.reason}")
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def note_objects(self, asked: ApiRequest) -> web.Response:
        """Take a notification: nothing is believed but that there is something to look at."""
        given = await received_json(asked.request, _JSON_WITHIN, _LONGEST_NOTIFICATION)
        with _refusals(HTTPStatus.BAD_REQUEST):
            count = await self._in_thread(self._parts.objects, asked.matched["name"], given)
        return _json({"noted": count})

    async def live(self, _: ApiRequest) -> web.Response:
        """Answer that the process answers."""
        return _json({"live": True})

    async def ready(self, _: ApiRequest) -> web.Response:
        """Answer whether contents can be checked."""
        reason = await self._in_thread(self._parts.not_ready)
        status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
        return _json({"ready": not reason, "reason": reason}, status)

    async def openapi(self, _: ApiRequest) -> web.Response:
        """Answer the description of this API."""
        return _json(DOCUMENT)

    async def _check(self, body: Body, attempt: Attempt) -> AttemptAnswer:
        if isinstance(body, bytes) and len(body) <= _SMALL_BYTES:
            answer = self._parts.attempts.clear_at_once(body, attempt)
            if answer is not None:
                return answer
        content = body if isinstance(body, bytes) else body.fileno()
        return await self._in_thread(self._parts.attempts.check, content, attempt)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that waits for disks and services."""
        assert self._threads is not None  # noqa: S101 - nothing is answered before `open`
        working = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))
        # Who hangs up ends the waiting, not the work: its content must stay open until that is over.
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise


PICT_RS = "/v1/pict-rs"
EVENTS = "/v1/buckets/{name}/events"
_TOKEN_IN_URL = frozenset({PICT_RS, EVENTS})
"""Those of programs that can be given a URL and no header."""
ROUTES = (
    Route("POST", "/v1/check", Scope.CHECK, ApiDoor.check),
    Route("POST", "/v1/check/path", Scope.CHECK, ApiDoor.check_path),
    Route("POST", "/v1/check/digest", Scope.CHECK, ApiDoor.check_digest),
    Route("POST", "/v1/outcomes", Scope.OUTCOME, ApiDoor.report),
    Route("GET", "/v1/customers/{id}/may/{action}", Scope.MAY, ApiDoor.may),
    Route("GET", "/v1/status", Scope.READ, ApiDoor.status),
    Route("GET", "/v1/cases", Scope.READ, ApiDoor.cases),
    Route("GET", "/v1/cases/{id}", Scope.READ, ApiDoor.case),
    Route("POST", PICT_RS, Scope.CHECK, ApiDoor.validate_for_pict_rs),
    Route("POST", EVENTS, Scope.EVENTS, ApiDoor.note_objects),
    Route("GET", "/v1/openapi.json", None, ApiDoor.openapi),
    Route("GET", "/livez", None, ApiDoor.live),
    Route("GET", "/readyz", None, ApiDoor.ready),
)


@contextmanager
def _file_of(connection: ApiConnection, path: object) -> Iterator[int]:
    """The file that is meant, open for as long as the block lasts."""
    file = connection.take_passed()
    if file < 0:
        file = _open_path(connection.peer, path)
    try:
        yield file
    finally:
        os.close(file)


def _open_path(peer: SocketPeer | None, path: object) -> int:
    if not isinstance(path, str):
        raise ApiProblem(HTTPStatus.BAD_REQUEST, "pass a descriptor with the first byte, or name a `path`")
    if peer is None:
        raise ApiProblem(HTTPStatus.FORBIDDEN, "paths are taken over the Unix socket only: send the content")
    with _refusals(HTTPStatus.FORBIDDEN):
        return open_for(peer, path.encode("utf-8", "surrogateescape"))


def _read_digest(given: dict[str, Any]) -> Digest:
    algorithm, text = given.get("algorithm"), given.get("digest")
    try:
        digest = Digest.parse(text if isinstance(text, str) else "")
    except ValueError as error:
        raise ApiProblem(HTTPStatus.BAD_REQUEST, f"`digest`: {error}") from error
    if digest.algorithm != algorithm:
        raise ApiProblem(HTTPStatus.BAD_REQUEST, f"`algorithm` must be one of {', '.join(Algorithm)}, and fit `digest`")
    return digest


def _answer_object(answer: AttemptAnswer) -> dict[str, Any]:
    """The answer as the application gets it: nothing that tells how a source knows it."""
    return {
        "verdict": answer.verdict.kind.value,
        "decision": _DECISIONS.get(answer.decision, "accept"),
        "reference": answer.reference or None,
        "reason": _reason(answer),
    }


def _reason(answer: AttemptAnswer) -> str:
    if answer.decision is AttemptDecision.HELD:
        return "held"
    if answer.decision is AttemptDecision.CLEAR and answer.reference:
        return "observe"
    return answer.reason


@contextmanager
def _refusals(status: HTTPStatus) -> Iterator[None]:
    """Tell an application of what is refused to it."""
    try:
        yield
    except RefusedError as error:
        raise ApiProblem(status, str(error)) from error


def _json(answer: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(answer, status=status, headers={"Cache-Control": "no-store"})


def expect_loopback(host: str, *, beyond: bool) -> None:
    """Refuse an address that other machines reach, unless that is wanted; ConfigurationError."""
    try:
        address = ip_address(host)
    except ValueError:
        raise ConfigurationError(
            f"[api] listen {host} is not an IP address", hint='give one, such as "127.0.0.1:8462"'
        ) from None
    if not (address.is_loopback or beyond):
        raise ConfigurationError(
            f"[api] listen {host} is reached from other machines, and this door speaks no TLS",
            hint="put a TLS proxy in front of 127.0.0.1, or set beyond_loopback = true",
        )
