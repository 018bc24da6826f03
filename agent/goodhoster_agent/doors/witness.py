"""The witness by HTTP (c2sp.org/tlog-witness): hosters cosign one another's audit logs.

    POST /add-checkpoint              old size, consistency proof, checkpoint; answers cosignatures
    GET /<origin hash>/checkpoint     the last checkpoint that was cosigned of that log

There is no account: whoever asks must bring a checkpoint that a log known here has signed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from goodhoster.audit.witness import Witness, WitnessAnswer
from goodhoster.errors import AuditError
from goodhoster_agent.doors.http_server import ListenAddress, listen_until, read_body
from goodhoster_agent.doors.process import until_signalled

_log = logging.getLogger(__name__)

_LARGEST_REQUEST = 256 << 10
"""Bytes of a request: 63 hashes, and a note with fifty of the longest signatures."""
_BODY_WITHIN = 10.0  # seconds


def serve(witness: Witness, address: ListenAddress, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; see `http_server.listen_until`."""
    until_signalled(lambda stop: listen_until(stop, WitnessDoor(witness).answer, address, on_ready))


class WitnessDoor:
    """The request handler of the witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a request; a fault of our own is 503.

        Nothing was cosigned then, and the log may ask again.
        """
        try:
            answer = await self._answer(request)
        except (AuditError, OSError) as error:
            _log.error("nothing is cosigned: %s; %s", error, getattr(error, "hint", ""))
            answer = WitnessAnswer(
                HTTPStatus.SERVICE_UNAVAILABLE, b"the witness cannot remember now: ask again later\n"
            )
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers={"Content-Type": answer.content_type, "Cache-Control": "no-store"},
        )

    async def _answer(self, request: web.BaseRequest) -> WitnessAnswer:
        if request.path == "/add-checkpoint":
            if request.method != "POST":
                return WitnessAnswer(HTTPStatus.METHOD_NOT_ALLOWED, b"use POST\n")
            body = await read_body(request, _LARGEST_REQUEST, _BODY_WITHIN)
            if body is None:
                return WitnessAnswer(HTTPStatus.BAD_REQUEST, b"the request is too long or too slow\n")
            return await asyncio.to_thread(self._witness.add_checkpoint, body)
        origin_hash, slash, rest = request.path.removeprefix("/").partition("/")
        if slash and rest == "checkpoint" and request.method == "GET":
            found = await asyncio.to_thread(self._witness.checkpoint, origin_hash)
            if found is not None:
                return WitnessAnswer(HTTPStatus.OK, found)
        return WitnessAnswer(HTTPStatus.NOT_FOUND, b"there is no such checkpoint here\n")
