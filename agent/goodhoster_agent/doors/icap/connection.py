"""One connection of the ICAP door, in the event loop."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress

from goodhoster_agent.doors.icap.answers import IcapService
from goodhoster_agent.doors.icap.client_limits import IcapPeer, client_of
from goodhoster_agent.doors.icap.messages import (
    LONGEST_HTTP_HEADERS,
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
_SEND_WITHIN = 1200.0
"""A proxy takes what it is sent back as slowly as a visitor reads it.

Longer than the time-outs of squid (15 minutes): what a visitor holds up is ended by the proxy, for an end by us is an
error that it counts.
"""
_DISCARD_WITHIN = 3600.0
"""For the next piece of what is read away behind an answer; longer than a proxy waits for its visitor."""
_DRAIN = 1 << 20
_DRAIN_WITHIN = 2.0
_MOST_TRAILERS = 20
_HIGHEST_CHUNK_SIZE = 16
"""Hexadecimal digits."""


class IcapConnection:
    """A client: one request after the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: IcapPeer, context: IcapContext
    ) -> None:
        self.peer = peer.address
        """Who is at the other end."""
        self.account = peer.account
        self.context = context
        self._reader = reader
        self._writer = writer
        self.idle_since: float | None = None
        """When it began to wait for the whole head of a request; None behind it."""
        self._begun = 0.0
        self._body: Chunks | None = None

    def rate(self, now: float) -> float:
        """Bytes a second of the body that is being received."""
        return (self._body.received if self._body else 0) / max(now - self._begun, 1.0)

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
        raw = await self._http_headers(request, service)
        self.idle_since, self._begun, self._body = None, asyncio.get_running_loop().time(), None
        if request.method == "OPTIONS":
            await self._options(request, service)
        else:
            with closing(StreamContent(self.context.budget)) as body:
                message = HttpMessage.of(request, raw or b"")
                client = f"{self.account} {client_of(request.fields.get('x-client-ip'), self.peer)}"
                may_answer_204 = request.allows_204
                transaction = IcapTransaction(self, request, service, message, body, may_answer_204, client)
                await (transaction.run() if raw is not None else transaction.refuse_headers())
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
                    waiting.reschedule(asyncio.get_running_loop().time() + self.context.read_within)
                lines.append(line)
                if not line or len(lines) > MOST_LINES:
                    raise IcapError(400, "Bad request")
        return parse_request(lines)

    async def _http_headers(self, request: IcapRequest, service: IcapService) -> bytes | None:
        """The HTTP headers; None, and they are read away, where they are too long.

        A visitor and a site can make them so, hence no error of ICAP for a proxy.
        """
        length = request.encapsulated_header_length
        async with asyncio.timeout(self.context.read_within):
            if length <= LONGEST_HTTP_HEADERS:
                return await self._reader.readexactly(length)
            if service is IcapService.FILES:
                raise IcapError(413, "Request entity too large")
            while length:
                length -= len(await self._reader.readexactly(min(_AT_A_TIME, length)))
        return None

    async def line(self) -> bytes:
        """The next line with its end; empty at the end of the connection."""
        return await _line(self._reader)

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
                    f"Max-Connections: {self.context.connections_of_account}",
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

    def chunks(self) -> Chunks:
        """The pieces of a body until its end, or of a preview until its end."""
        self._body = Chunks(self._reader, self.context.read_within)
        return self._body

    async def discard(self, rest: Chunks) -> None:
        """Read away the rest of a body that was answered already, however slowly it comes.

        A visitor of a proxy decides that, and to close instead is an error that squid counts.
        """
        rest.within = _DISCARD_WITHIN
        async for _ in rest:
            pass

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


class Chunks:
    """The pieces of a body in chunks. After a time-out they go on where they were."""

    def __init__(self, reader: asyncio.StreamReader, within: float) -> None:
        self.within = within
        """For the next piece to arrive, in seconds."""
        self.saw_ieof = False
        """Whether the last chunk said that the preview was all."""
        self._reader = reader
        self.received = 0
        """Bytes."""
        self._left = 0
        self._behind_chunk = False
        self._trailers: int | None = None
        self._ended = False

    def __aiter__(self) -> Chunks:
        """Itself."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece. TimeoutError where it does not come, IcapError where it is none."""
        while not self._left:
            if self._ended:
                raise StopAsyncIteration
            await self._next_line()
        piece = await asyncio.wait_for(self._reader.readexactly(min(_AT_A_TIME, self._left)), self.within)
        self._left -= len(piece)
        self.received += len(piece)
        self._behind_chunk = not self._left
        return piece

    async def _next_line(self) -> None:
        line = await asyncio.wait_for(_line(self._reader), self.within)
        blank = line in {b"\r\n", b"\n"}
        if self._trailers is not None:
            self._ended = blank
            self._trailers += 1
            if not blank and self._trailers == _MOST_TRAILERS:
                raise IcapError(400, "Bad request")
        elif self._behind_chunk:
            if not blank:
                raise IcapError(400, "Bad request")
            self._behind_chunk = False
        else:
            self._begin_chunk(line)

    def _begin_chunk(self, line: bytes) -> None:
        digits, _, extension = line.partition(b";")
        digits = digits.strip()
        if not digits or len(digits) > _HIGHEST_CHUNK_SIZE or digits.strip(b"0123456789abcdefABCDEF"):
            raise IcapError(400, "Bad request")
        self._left = int(digits, 16)
        if not self._left:
            self._trailers = 0
            self.saw_ieof = extension.strip().lower() == b"ieof"


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line with its end; empty at the end of the connection."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise IcapError(400, "Bad request") from None
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""


def _service(request: IcapRequest) -> IcapService:
    try:
        service = IcapService(request.service.lower())
    except ValueError:
        raise IcapError(404, "ICAP Service not found") from None
    if request.method != "OPTIONS" and request.method not in service.methods:
        raise IcapError(405, "Method not allowed for service")
    return service
