"""Messages of identity providers by HTTP, each verified by its own signature.

    POST /identity/PROVIDER    the webhook of the [[identity_provider]] of that name; 200 where it was the provider's

A message that came before, by its body, is answered and not looked at again. A true one about a session that nobody
opened here, or that says nothing that is known, is answered with 200 as well: a provider would send it again for days.
What is wrong is refused alike whatever it is, and told once a minute with how many there were.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from goodhoster.errors import GoodhosterError, RefusedError, UnreadableError
from goodhoster_agent.doors.http_server import read_body

if TYPE_CHECKING:
    from goodhoster.customers.vetting.desk import VettingDesk

_log = logging.getLogger(__name__)
_LARGEST_MESSAGE = 1 << 18
_BODY_TIMEOUT_SECONDS = 15.0
_MESSAGES_UNDER_WAY = 2
"""Messages that are worked on: a provider that is asked back and hangs holds up no other door."""
_MESSAGES_WAITING = 64
_REMEMBERED_FOR = 3600.0
_MOST_REMEMBERED = 10_000
_TELL_EVERY = 60.0


class IdentityMessages:
    """The request handler of identity providers' messages."""

    def __init__(self, vetting: Callable[[], VettingDesk | None], now: Callable[[], float] = time.monotonic) -> None:
        self._vetting = vetting
        self._now = now
        self._seen: dict[bytes, float] = {}
        self._workers = ThreadPoolExecutor(_MESSAGES_UNDER_WAY, "identity")
        self._waiting = 0
        self._lock = threading.Lock()
        self._wrong = 0
        self._told_at = -_TELL_EVERY

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_post("/identity/{provider}", self._receive)
        app.on_cleanup.append(self._close)

    async def _close(self, _: web.Application) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await read_body(request, _LARGEST_MESSAGE, _BODY_TIMEOUT_SECONDS)
        if body is None:
            why = f"it is longer than {_LARGEST_MESSAGE} bytes, or did not come in time"
            return self._refused(why, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self._waiting >= _MESSAGES_WAITING:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            provider, headers = request.match_info["provider"][:64], dict(request.headers)
            return await loop.run_in_executor(self._workers, self._taken, provider, headers, body)
        finally:
            self._waiting -= 1

    def _taken(self, provider: str, headers: Mapping[str, str], body: bytes) -> web.Response:
        desk = self._vetting()
        if desk is None:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            event = desk.read(provider, headers, body)
        except RefusedError as error:
            return self._refused(str(error), HTTPStatus.UNAUTHORIZED)
        except UnreadableError as error:
            _log.info("a message of %s names no session: %s", provider, error)
            return _answer(HTTPStatus.OK)
        digest = hashlib.sha256(f"{provider}\0".encode() + body).digest()
        if self._came_before(digest):
            return _answer(HTTPStatus.OK)
        try:
            desk.take(event)
        except (RefusedError, UnreadableError) as error:
            _log.info("a message of %s changes nothing: %s", provider, error)
        except GoodhosterError as error:
            _log.error("a message of %s cannot be kept now: %s; %s", provider, error, error.hint)
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        self._remember(digest)
        return _answer(HTTPStatus.OK)

    def _came_before(self, digest: bytes) -> bool:
        with self._lock:
            return self._seen.get(digest, -_REMEMBERED_FOR) > self._now() - _REMEMBERED_FOR

    def _remember(self, digest: bytes) -> None:
        """Remember a message; of too many those that came first are forgotten."""
        with self._lock:
            self._seen[digest] = self._now()
            while len(self._seen) > _MOST_REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def _refused(self, why: str, status: HTTPStatus) -> web.Response:
        """Refuse a message, and tell it once a minute."""
        with self._lock:
            self._wrong += 1
            now, wrong = self._now(), self._wrong
            if now - self._told_at >= _TELL_EVERY:
                self._told_at, self._wrong = now, 0
                _log.warning("%d messages to /identity were refused, the last one: %s", wrong, why)
        return _answer(status)


def _answer(status: HTTPStatus) -> web.Response:
    """An answer that tells nothing about a customer."""
    headers = {"Retry-After": "60"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return web.json_response({"message": status.phrase}, status=status, headers=headers)
