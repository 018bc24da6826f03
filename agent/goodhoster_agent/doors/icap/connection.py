"""One connection of the ICAP door, in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing, suppress

from goodhoster_agent.doors.icap.answers import IcapService
from goodhoster_agent.doors.icap.client_limits import client_of
from goodhoster_agent.doors.icap.messages import (
    MOST_LINES,
    HttpMessage,
    IcapError,
    IcapRequest,
    parse_request,
    response_header,
)
from goodhoster_agent.doors.icap.transaction import IcapContext, IcapTransaction
from goodhoster_agent.doors.streams import StreamContent

_AT_A_TIME = 64 << 10
_PREVIEW = 4096
"""Bytes that a client is asked to send before it waits.

Small contents are answered without a copy to and fro.
"""
_OPTIONS_FOR = 3600
"""Seconds for which a client may keep the options."""
_SEND_WITHIN = 60.0
_DRAIN = 1 << 20
_DRAIN_WITHIN = 2.0
_MOST_TRAILERS = 20
_HIGHEST_CHUNK_SIZE = 16
"""Hexadecimal digits."""


class IcapConnection:
    """A client: one request after the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str, context: IcapContext
    ) -> None:
        self.peer = peer
        """Who is at the other end."""
        self.context = context
        self.saw_ieof = False
        """Whether the last chunk said that the preview was all."""
        self._reader = reader
        self._writer = writer
        self.idle_since: float | None = None
        """When it began to wait for a request; None within one."""

    async def serve(self) -> None:
        """Answer until the client leaves, or says what is not understood.

        Never raises for what the client does.
        """
        try:
            while await self._serve_one():
                pass
        except IcapError as error:
            await self._end_with(response_header(error.status, error.words, self.context.tag, ("Connection: close",)))
        except TimeoutError:
            await self._end_with(response_header(408, "Request timeout", self.context.tag, ("Connection: close",)))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left: it gets no answer, and what it sent was not looked into
        finally:
            self._writer.close()

    async def refuse_overloaded(self) -> None:
        """Tell the client that there is no room for it now, and end."""
        await self._end_with(response_header(503, "Service overloaded", self.context.tag, ("Connection: close",)))
        self._writer.close()

    def close(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def _serve_one(self) -> bool:
        """Answer one request; whether another may follow."""
        request = await self._read_request()
        if request is None:
            return False
        service = _service(request)
        raw = await asyncio.wait_for(
            self._reader.readexactly(request.encapsulated_header_length), self.context.read_within
        )
        if request.method == "OPTIONS":
            await self._options(request, service)
        else:
            with closing(StreamContent(self.context.budget)) as body:
                message = HttpMessage.of(request, raw)
                client = client_of(request.fields.get("x-client-ip"), self.peer)
                may_answer_204 = request.allows_204
                await IcapTransaction(self, request, service, message, body, may_answer_204, client).run()
        if "close" in request.fields.get("connection").lower():
            return False
        return not self._writer.is_closing()

    async def _read_request(self) -> IcapRequest | None:
        lines: list[bytes] = []
        self.idle_since = asyncio.get_running_loop().time()
        async with asyncio.timeout(self.context.idle_within) as waiting:
            while (line := await self.line()) not in {b"\r\n", b"\n"}:
                if not line and not lines:
                    return None
                if not lines:
                    self.idle_since = None
                    waiting.reschedule(asyncio.get_running_loop().time() + self.context.read_within)
                lines.append(line)
                if not line or len(lines) > MOST_LINES:
                    raise IcapError(400, "Bad request")
        return parse_request(lines)

    async def line(self) -> bytes:
        """The next line with its end; empty at the end of the connection."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise IcapError(400, "Bad request") from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return b""

    async def _options(self, request: IcapRequest, service: IcapService) -> None:
        if request.has_body:
            raise IcapError(400, "Bad request")
        await self.send(
            response_header(
                200,
                "OK",
                self.context.tag,
                (
                    f"Methods: {', '.join(service.methods)}",
                    "Service: goodhoster",
                    "Allow: 204",
                    f"Preview: {_PREVIEW}",
                    "Transfer-Preview: *",
                    f"Max-Connections: {self.context.connections}",
                    f"Options-TTL: {_OPTIONS_FOR}",
                    "X-Include: X-Client-IP",
                    "Encapsulated: null-body=0",
                ),
            )
        )

    async def send(self, data: bytes) -> None:
        """Send; the client must take it in time."""
        self._writer.write(data)
        await asyncio.wait_for(self._writer.drain(), _SEND_WITHIN)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces of a body until its end, or of a preview until its end."""
        while size := await self._chunk_size():
            for start in range(0, size, _AT_A_TIME):
                length = min(_AT_A_TIME, size - start)
                yield await asyncio.wait_for(self._reader.readexactly(length), self.context.read_within)
            if await asyncio.wait_for(self.line(), self.context.read_within) not in {b"\r\n", b"\n"}:
                raise IcapError(400, "Bad request")
        for _ in range(_MOST_TRAILERS):
            if await asyncio.wait_for(self.line(), self.context.read_within) in {b"\r\n", b"\n"}:
                return
        raise IcapError(400, "Bad request")

    async def _chunk_size(self) -> int:
        line = await asyncio.wait_for(self.line(), self.context.read_within)
        digits, _, extension = line.partition(b";")
        digits = digits.strip()
        if not digits or len(digits) > _HIGHEST_CHUNK_SIZE or digits.strip(b"0123456789abcdefABCDEF"):
            raise IcapError(400, "Bad request")
        size = int(digits, 16)
        self.saw_ieof = size == 0 and extension.strip().lower() == b"ieof"
        return size

    async def _end_with(self, response: bytes) -> None:
        """Respond, and close so that the client reads the response before it sees the end."""
        with suppress(OSError, TimeoutError):
            await self.send(response)
            await self.drain()

    async def drain(self) -> None:
        """Read away what the client still sends, for a moment.

        Unread data would reset the connection.
        """
        with suppress(OSError, TimeoutError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_DRAIN_WITHIN):
                drained = 0
                while drained < _DRAIN and (data := await self._reader.read(_AT_A_TIME)):
                    drained += len(data)
        self._writer.close()


def _service(request: IcapRequest) -> IcapService:
    try:
        service = IcapService(request.service.lower())
    except ValueError:
        raise IcapError(404, "ICAP Service not found") from None
    if request.method != "OPTIONS" and request.method not in service.methods:
        raise IcapError(405, "Method not allowed for service")
    return service
