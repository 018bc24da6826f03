"""One connection of the ICAP door, in the event loop."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from goodhoster.upload_attempts import AttemptDecision
from goodhoster_agent.doors.icap.answers import IcapAnswer, IcapService
from goodhoster_agent.doors.icap.messages import (
    MOST_LINES,
    HttpMessage,
    IcapHead,
    IcapProblem,
    Page,
    chunk,
    icap_head,
    reply_head,
)
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

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
_IPV6_LINE = 64
"""Length of the prefix that one customer of an access provider has at least."""
CUT_OFF = "cut-off"
"""Reason of a body that did not go on."""
_HIGHEST_CHUNK_SIZE = 16
"""Hexadecimal digits."""


class NotTakenError(Exception):
    """A body is over a limit, alone or with all others; what has arrived of it is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ClientShares:
    """What each client of a proxy has under way: nobody may take all connections, or all room."""

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most = most_messages
        self._most_bytes = most_bytes
        self._under_way: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def one_more(self, client: str) -> Iterator[bool]:
        """Count one message while the block lasts; whether it is not too many."""
        self._under_way[client] += 1
        try:
            yield self._under_way[client] <= self._most
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]

    def take(self, client: str, size: int) -> bool:
        """Count more bytes of that client; False, and none counted, where it has its share."""
        if self._bytes[client] + size > self._most_bytes:
            return False
        self._bytes[client] += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Bytes of that client are no longer kept."""
        self._bytes[client] -= size
        if self._bytes[client] <= 0:
            del self._bytes[client]


def client_of(stated: str, peer: str) -> str:
    """Address that counts as one client: of IPv6 the network of one line; else the peer's."""
    try:
        address = ipaddress.ip_address(stated.strip())
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_LINE), strict=False))


@dataclass(frozen=True, slots=True)
class IcapTerms:
    """What the door's connections share."""

    tag: str
    """Names what the services answer from; other answers may not be kept under the same."""
    connections: int
    longest_content: int
    """Bytes."""
    fail_open: bool
    idle_within: float
    read_within: float
    answer_within: float
    budget: StreamBudget
    clients: ClientShares
    check: Callable[[HttpMessage, StreamContent, str, str], asyncio.Future[IcapAnswer]]
    """Checks a message: itself, its body, who is at the other end, and for whom they ask.

    The body is read until the future is done.
    """
    not_checked: Callable[[str, str], IcapAnswer]
    """Counts a message that is not looked into, and why: a short stable code, and who asked."""


class IcapConnection:
    """A client: one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str, terms: IcapTerms) -> None:
        self.peer = peer
        """Who is at the other end."""
        self.terms = terms
        self.ended_early = False
        """Whether the last chunk said that the preview was all."""
        self._reader = reader
        self._writer = writer
        self.idle_since: float | None = None
        """When it began to wait for a request; None within one."""
        self.cut_off = False
        """Whether it ended within a request."""

    async def serve(self) -> None:
        """Answer until the client leaves, or says what is not understood.

        Never raises for what the client does.
        """
        try:
            while await self._serve_one():
                pass
        except IcapProblem as problem:
            await self._end_with(reply_head(problem.status, problem.words, self.terms.tag, ("Connection: close",)))
        except TimeoutError:
            self.cut_off = True
            await self._end_with(reply_head(408, "Request timeout", self.terms.tag, ("Connection: close",)))
        except (OSError, asyncio.IncompleteReadError):
            self.cut_off = True
        finally:
            self._writer.close()

    async def turn_away(self) -> None:
        """Tell the client that there is no room for it now, and end."""
        await self._end_with(reply_head(503, "Service overloaded", self.terms.tag, ("Connection: close",)))
        self._writer.close()

    def close(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def _serve_one(self) -> bool:
        """Answer one request; whether another may follow."""
        head = await self._head()
        if head is None:
            return False
        service = _service(head)
        raw = await asyncio.wait_for(self._reader.readexactly(head.length_of_headers), self.terms.read_within)
        if head.method == "OPTIONS":
            await self._options(head, service)
        else:
            with closing(StreamContent(self.terms.budget)) as body:
                message = HttpMessage.of(head, raw)
                await _Exchange(self, head, service, message, body, may_say_nothing=head.takes_no_content).run()
        if "close" in head.fields.get("connection").lower():
            return False
        return not self._writer.is_closing()

    async def _head(self) -> IcapHead | None:
        lines: list[bytes] = []
        self.idle_since = asyncio.get_running_loop().time()
        async with asyncio.timeout(self.terms.idle_within) as waiting:
            while (line := await self.line()) not in {b"\r\n", b"\n"}:
                if not line and not lines:
                    return None
                if not lines:
                    self.idle_since = None
                    waiting.reschedule(asyncio.get_running_loop().time() + self.terms.read_within)
                lines.append(line)
                if not line or len(lines) > MOST_LINES:
                    raise IcapProblem(400, "Bad request")
        return icap_head(lines)

    async def line(self) -> bytes:
        """The next line with its end; empty at the end of the connection."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise IcapProblem(400, "Bad request") from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return b""

    async def _options(self, head: IcapHead, service: IcapService) -> None:
        if head.has_body:
            raise IcapProblem(400, "Bad request")
        await self.send(
            reply_head(
                200,
                "OK",
                self.terms.tag,
                (
                    f"Methods: {', '.join(service.methods)}",
                    "Service: goodhoster",
                    "Allow: 204",
                    f"Preview: {_PREVIEW}",
                    "Transfer-Preview: *",
                    f"Max-Connections: {self.terms.connections}",
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
                yield await asyncio.wait_for(self._reader.readexactly(length), self.terms.read_within)
            if await asyncio.wait_for(self.line(), self.terms.read_within) not in {b"\r\n", b"\n"}:
                raise IcapProblem(400, "Bad request")
        for _ in range(_MOST_TRAILERS):
            if await asyncio.wait_for(self.line(), self.terms.read_within) in {b"\r\n", b"\n"}:
                return
        raise IcapProblem(400, "Bad request")

    async def _chunk_size(self) -> int:
        line = await asyncio.wait_for(self.line(), self.terms.read_within)
        digits, _, extension = line.partition(b";")
        digits = digits.strip()
        if not digits or len(digits) > _HIGHEST_CHUNK_SIZE or digits.strip(b"0123456789abcdefABCDEF"):
            raise IcapProblem(400, "Bad request")
        size = int(digits, 16)
        self.ended_early = size == 0 and extension.strip().lower() == b"ieof"
        return size

    async def _end_with(self, reply: bytes) -> None:
        """Reply, and close so that the client reads the reply before it sees the end."""
        with suppress(OSError, TimeoutError):
            await self.send(reply)
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


@dataclass(slots=True)
class _Exchange:
    """A message that was sent to be checked, and the reply to it."""

    connection: IcapConnection
    head: IcapHead
    service: IcapService
    message: HttpMessage
    body: StreamContent
    may_say_nothing: bool
    """Whether 204 is understood: "as it is"."""
    rest: AsyncIterator[bytes] | None = None
    """What of the body was not read yet."""
    over: bytes = b""
    """The last piece; where the body is not taken, the one that was too much."""
    taken: int = 0
    """Bytes that count for its client."""
    previewed: bool = False
    """Whether it was decided behind the preview."""
    continued: bool = False
    """Whether the client was told to go on behind its preview."""

    async def run(self) -> None:
        """Take the body, have it checked, reply."""
        if not (self.head.has_body or self.message.has_values):
            await self._leave()
            return
        clients = self.connection.terms.clients
        with clients.one_more(self.client) as admitted:
            try:
                await self._receive(admitted=admitted)
                await self._have_checked()
            except NotTakenError as error:
                await self._not_taken(error.reason)
            finally:
                clients.give_back(self.client, self.taken)

    async def _have_checked(self) -> None:
        terms = self.connection.terms
        checking = terms.check(self.message, self.body, self.connection.peer, self.client)
        try:
            answer = await asyncio.wait_for(asyncio.shield(checking), terms.answer_within)
        except TimeoutError:
            answer = await self._not_checked("late")
        try:
            await self._reply(answer)
        finally:
            await asyncio.shield(checking)  # the body is closed after this

    async def _receive(self, *, admitted: bool) -> None:
        """Receive the body, behind its preview where there is one.

        NotTakenError where it is over a limit.
        """
        if not admitted:
            raise NotTakenError("too-many")
        if not self.head.has_body:
            return
        try:
            await self._receive_body()
        except TimeoutError:
            # Not an ICAP error, for the reason at `_refuse`: a visitor who stalls could bring ten about.
            raise NotTakenError(CUT_OFF) from None

    async def _receive_body(self) -> None:
        if self.head.preview is not None:
            await self._take()
            if self.connection.ended_early:
                self.may_say_nothing = True  # the answer to a preview may always be 204 (RFC 3507, 4.6)
                return
            if self.message.stated_length > self.connection.terms.longest_content:
                self.previewed, self.may_say_nothing = True, True
                raise NotTakenError("too-big")
            self.continued = True
            await self.connection.send(b"ICAP/1.0 100 Continue\r\n\r\n")
        await self._take()

    async def _reply_and_end(self, answer: IcapAnswer) -> None:
        """Refuse a message of which not all has arrived."""
        await self._refuse(answer)
        await self.connection.drain()

    @property
    def client(self) -> str:
        """Who asks, behind a proxy that says so."""
        return client_of(self.head.fields.get("x-client-ip"), self.connection.peer)

    async def _take(self) -> None:
        self.rest = self.connection.chunks()
        async for piece in self.rest:
            longest = self.connection.terms.longest_content
            self.over = piece
            if self.body.size + len(piece) > longest:
                raise NotTakenError("too-big")
            if not self.connection.terms.clients.take(self.client, len(piece)):
                raise NotTakenError("too-many")
            self.taken += len(piece)
            if not self.body.add(piece):
                raise NotTakenError("too-many")
        self.rest = None

    async def _not_taken(self, reason: str) -> None:
        """Answer what nobody looked into, before all of it has arrived."""
        answer = await self._not_checked(reason)
        if reason == CUT_OFF or not self.connection.terms.fail_open:
            await self._reply_and_end(answer)
            return
        if not self.head.has_body or (self.may_say_nothing and self.previewed):
            await self._leave()
            return
        rest = self.rest or self.connection.chunks()
        if self.head.preview is not None and not self.continued:
            async for _ in rest:
                pass
            self.may_say_nothing = True
            await self._leave()
            return
        await self._begin_as_it_is()
        if self.over:
            await self.connection.send(chunk(self.over))
        async for piece in rest:
            await self.connection.send(chunk(piece))
        await self.connection.send(chunk(b""))

    async def _not_checked(self, reason: str) -> IcapAnswer:
        return await asyncio.to_thread(self.connection.terms.not_checked, reason, self.connection.peer)

    async def _reply(self, answer: IcapAnswer) -> None:
        if answer.decision is AttemptDecision.REFUSED:
            await self._replace(answer.page(), answer.infection_fields)
        elif answer.decision is not AttemptDecision.UNCHECKED or self.connection.terms.fail_open:
            await self._leave()
        else:
            await self._refuse(answer)

    async def _refuse(self, answer: IcapAnswer) -> None:
        """Refuse what could not be checked."""
        if self.service is IcapService.FILES:
            # Not a page: Nextcloud takes every 200 without 403 for clean.
            await self.connection.send(
                reply_head(
                    503,
                    "Service unavailable",
                    self.connection.terms.tag,
                    (f"X-Unchecked: {answer.reason}", "Encapsulated: null-body=0"),
                )
            )
        else:
            # Not an ICAP error: after ten of them squid asks nobody any more, and one customer could bring that about.
            await self._replace(answer.page(), ())

    async def _replace(self, page: Page, fields: tuple[str, ...]) -> None:
        """Have a page take the place of the message."""
        header = page.header
        head = reply_head(
            200, "OK", self.connection.terms.tag, (*fields, f"Encapsulated: res-hdr=0, res-body={len(header)}")
        )
        await self.connection.send(head + header + chunk(page.body) + chunk(b""))

    async def _leave(self) -> None:
        """Let the message pass as it is."""
        if self.may_say_nothing:
            await self.connection.send(
                reply_head(204, "No modifications needed", self.connection.terms.tag, ("Encapsulated: null-body=0",))
            )
            return
        await self._begin_as_it_is()
        if self.head.has_body:
            await self.connection.send(chunk(b""))

    async def _begin_as_it_is(self) -> None:
        """Send the message back, with what has arrived of its body and without the end."""
        header, sections = self._own_header()
        kind = "null-body" if not self.head.has_body else f"{sections}-body"
        where = f"Encapsulated: {sections}-hdr=0, {kind}={len(header)}" if header else f"Encapsulated: {kind}=0"
        await self.connection.send(reply_head(200, "OK", self.connection.terms.tag, (where,)) + header)
        for piece in self.body.pieces():
            await self.connection.send(chunk(piece))

    def _own_header(self) -> tuple[bytes, str]:
        """The header that goes back, with its name: of the request in REQMOD, else of the response."""
        if self.head.method == "REQMOD":
            return self.message.request, "req"
        return self.message.response, "res"


def _service(head: IcapHead) -> IcapService:
    try:
        service = IcapService(head.service.lower())
    except ValueError:
        raise IcapProblem(404, "ICAP Service not found") from None
    if head.method != "OPTIONS" and head.method not in service.methods:
        raise IcapProblem(405, "Method not allowed for service")
    return service
