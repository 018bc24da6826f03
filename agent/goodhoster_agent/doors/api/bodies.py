"""Bodies of requests, within limits of size, time and room."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any

from aiohttp import web

from goodhoster.model.json_objects import unique_keys
from goodhoster_agent.doors.api.problems import ApiProblem
from goodhoster_agent.doors.http_server import next_piece

_IN_MEMORY = 256 << 10
"""Bytes of a content that are kept in memory; a larger one is in a file without a name."""
_AT_A_TIME = 64 << 10
_LONGEST_JSON = 16 << 10
_RETRY_SOON = {"Retry-After": "1"}


@dataclass(slots=True)
class BodyLimits:
    """The limits, and how much is in hand."""

    largest: int
    together: int
    within: float
    """Seconds."""
    in_hand: int = 0

    @contextmanager
    def room(self) -> Iterator[Room]:
        """The room that one content takes, for as long as the block lasts."""
        room = Room(self)
        try:
            yield room
        finally:
            self.in_hand -= room.taken


@dataclass(slots=True)
class Room:
    """The room that one content takes."""

    limits: BodyLimits
    taken: int = 0

    def take(self, size: int) -> None:
        """Count more bytes; Problem when they are too many, alone or with all others."""
        if self.taken + size > self.limits.largest:
            raise _too_large(self.limits.largest)
        if self.limits.in_hand + size > self.limits.together:
            raise ApiProblem(HTTPStatus.SERVICE_UNAVAILABLE, "too many contents at once: try again later", _RETRY_SOON)
        self.limits.in_hand += size
        self.taken += size


Body = bytes | IO[bytes]
"""What came: the bytes, or a file without a name."""


@asynccontextmanager
async def received(request: web.BaseRequest, limits: BodyLimits) -> AsyncIterator[Body]:
    """Receive a content whole, and drop it at the end of the block.

    Problem when it is not whole or over a limit.

    A content that was cut off is never handed on: half a picture has other digests than the picture.
    """
    _expect_plain(request)
    if (request.content_length or 0) > limits.largest:
        raise _too_large(limits.largest)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file, limits.room() as room:
        try:
            async with asyncio.timeout(limits.within):
                await go_on(request)
                while chunk := await next_piece(request.content.read(_AT_A_TIME)):
                    room.take(len(chunk))
                    file.write(chunk)
        except TimeoutError:
            raise ApiProblem(
                HTTPStatus.REQUEST_TIMEOUT, f"the content did not come within {limits.within:g} s"
            ) from None
        yield _as_body(file)


async def received_json(request: web.BaseRequest, within: float, longest: int = _LONGEST_JSON) -> dict[str, Any]:
    """Receive a JSON object. Problem when it is none."""
    _expect_plain(request)
    body = b""
    try:
        async with asyncio.timeout(within):
            await go_on(request)
            while len(body) <= longest and (chunk := await next_piece(request.content.read(longest + 1 - len(body)))):
                body += chunk
    except TimeoutError:
        raise ApiProblem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {within:g} s") from None
    if len(body) > longest:
        raise _too_large(longest)
    try:
        found = json.loads(body, object_pairs_hook=unique_keys)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ApiProblem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object with each key once")
    return found


async def go_on(request: web.BaseRequest) -> None:
    """Tell a client that waits for it that its body is wanted (RFC 9110, 10.1.1)."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # otherwise it would count as a part of the answer


def _expect_plain(request: web.BaseRequest) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the content itself, without Content-Encoding")


def _too_large(most: int) -> ApiProblem:
    return ApiProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {most} bytes are taken here")


def _as_body(file: tempfile.SpooledTemporaryFile[bytes]) -> Body:
    """The bytes of a small content, the file of a large one."""
    if file.tell() > _IN_MEMORY:
        file.flush()
        return file
    file.seek(0)
    return file.read()
