"""One ICAP transaction: the body is received, checked, and responded to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goodhoster.upload_attempts import AttemptDecision
from goodhoster_agent.doors.icap.answers import IcapAnswer, IcapService
from goodhoster_agent.doors.icap.client_limits import AccountSlots, ClientLimits
from goodhoster_agent.doors.icap.messages import BlockPage, HttpMessage, IcapRequest, chunk, response_header
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

if TYPE_CHECKING:
    from goodhoster_agent.doors.icap.connection import Chunks, IcapConnection

_CUT_OFF = "cut-off"
"""Reason of a body that did not go on."""
_DISK = "no-disk"
"""Reason of a body that the disk did not take: what of it has arrived is lost."""


@dataclass(frozen=True, slots=True)
class IcapContext:
    """What the door's connections share."""

    tag: str
    """Names what the services answer from; other answers may not be kept under the same."""
    connections_of_account: int
    """Open at once for one account, those included that are read away behind an answer."""
    under_way: AccountSlots
    """The messages under way of each account."""
    room_of_account: ClientLimits
    longest_content: int
    """Bytes."""
    fail_open: bool
    idle_within: float
    read_within: float
    answer_within: float
    budget: StreamBudget
    clients: ClientLimits
    check: Callable[[HttpMessage, StreamContent, str, str], asyncio.Future[IcapAnswer]]
    """Checks a message: itself, its body, who is at the other end, and for whom they ask.

    The body is read until the future is done.
    """
    not_checked: Callable[[str, str], IcapAnswer]
    """Counts a message that is not looked into, and why: a short stable code, and who asked."""


class BodyLimitError(Exception):
    """A body is over a limit, alone or with all others; what has arrived of it is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class IcapTransaction:
    """A request to check a message, and the response to it."""

    connection: IcapConnection
    request: IcapRequest
    service: IcapService
    message: HttpMessage
    body: StreamContent
    may_answer_204: bool
    """Whether the client understands 204, "No modifications needed"."""
    client: str
    """Who asks, behind a proxy that says so."""
    remaining: Chunks | None = None
    """What of the body was not received yet."""
    last_chunk: bytes = b""
    """The last chunk; where the body is over a limit, the one that was too much."""
    counted: int = 0
    """Bytes that count for its client."""
    previewed: bool = False
    """Whether it was decided behind the preview."""
    continued: bool = False
    """Whether the client was told to go on behind its preview."""

    async def run(self) -> None:
        """Receive the body, have it checked, respond."""
        if not (self.request.has_body or self.message.has_values):
            await self._pass_unmodified()
            return
        reason = ""
        try:
            with self.connection.context.clients.admit(self.client) as admitted:
                try:
                    await self._begin(admitted=admitted)
                    try:
                        await self._receive()
                        await self._check_body()
                    finally:
                        self.connection.context.under_way.release(self.connection.account)
                except BodyLimitError as error:
                    reason = error.reason
            if reason:
                await self._answer_unreceived(reason)
        finally:
            self._release_room()

    async def refuse_headers(self) -> None:
        """Refuse a message whose headers were too long, and are lost."""
        await self._refuse_and_discard(await self._not_checked("too-big"))

    async def _begin(self, *, admitted: bool) -> None:
        """Wait until the account may have another message under way.

        BodyLimitError where its client may not.
        """
        if not admitted:
            raise BodyLimitError("client-limit")
        context = self.connection.context
        try:
            await asyncio.wait_for(context.under_way.acquire(self.connection.account), context.read_within)
        except TimeoutError:
            raise BodyLimitError("no-room") from None

    def _release_room(self) -> None:
        """Give back what the body takes up. May be called twice."""
        context, self.counted, counted = self.connection.context, 0, self.counted
        self.body.close()
        context.clients.give_back(self.client, counted)
        context.room_of_account.give_back(self.connection.account, counted)

    async def _check_body(self) -> None:
        context = self.connection.context
        checking = context.check(self.message, self.body, self.connection.peer, self.client)
        try:
            answer = await asyncio.wait_for(asyncio.shield(checking), context.answer_within)
        except TimeoutError:
            answer = await self._not_checked("late")
        try:
            await self._respond(answer)
        finally:
            await asyncio.shield(checking)  # the body is closed after this

    async def _receive(self) -> None:
        """Receive the body, behind its preview where there is one.

        BodyLimitError where it is over a limit.
        """
        if not self.request.has_body:
            return
        try:
            await self._receive_body()
        except TimeoutError:
            # Not an ICAP error, for the reason at `_refuse`: a visitor who stalls could bring ten about.
            raise BodyLimitError(_CUT_OFF) from None

    async def _receive_body(self) -> None:
        if self.request.preview is not None:
            if (await self._receive_chunks()).saw_ieof:
                self.may_answer_204 = True  # the answer to a preview may always be 204 (RFC 3507, 4.6)
                return
            if self.message.stated_length > self.connection.context.longest_content:
                self.previewed, self.may_answer_204 = True, True
                raise BodyLimitError("too-big")
            self.continued = True
            await self.connection.send(b"ICAP/1.0 100 Continue\r\n\r\n")
        await self._receive_chunks()

    async def _refuse_and_discard(self, answer: IcapAnswer) -> None:
        """Refuse a message of which not all has arrived."""
        await self._refuse(answer)
        if self.service is IcapService.FILES:
            await self.connection.drain()
            return
        self._release_room()
        if self.request.has_body and not self.previewed:
            await self.connection.discard(self.remaining or self.connection.chunks())

    async def _receive_chunks(self) -> Chunks:
        self.remaining = chunks = self.connection.chunks()
        async for piece in chunks:
            self.last_chunk = piece
            self._keep(piece)
        self.remaining = None
        return chunks

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of the body. BodyLimitError where there is no room for it."""
        context = self.connection.context
        if self.body.size + len(piece) > context.longest_content:
            raise BodyLimitError("too-big")
        if not context.clients.take(self.client, len(piece)):
            raise BodyLimitError("client-limit")
        if not context.room_of_account.take(self.connection.account, len(piece)):
            context.clients.give_back(self.client, len(piece))
            raise BodyLimitError("no-room")
        self.counted += len(piece)
        try:
            kept = self.body.add(piece)
        except OSError as error:
            raise BodyLimitError(_DISK) from error
        if not kept:
            raise BodyLimitError("no-room")

    async def _answer_unreceived(self, reason: str) -> None:
        """Answer what nobody looked into, before all of it has arrived."""
        answer = await self._not_checked(reason)
        if reason in {_CUT_OFF, _DISK} or not self.connection.context.fail_open:
            await self._refuse_and_discard(answer)
            return
        if not self.request.has_body or (self.may_answer_204 and self.previewed):
            await self._pass_unmodified()
            return
        rest = self.remaining or self.connection.chunks()
        if self.request.preview is not None and not self.continued:
            async for _ in rest:
                pass
            self.may_answer_204 = True
            await self._pass_unmodified()
            return
        await self._begin_unmodified()
        if self.last_chunk:
            await self.connection.send(chunk(self.last_chunk))
        async for piece in rest:
            await self.connection.send(chunk(piece))
        await self.connection.send(chunk(b""))

    async def _not_checked(self, reason: str) -> IcapAnswer:
        return await asyncio.to_thread(self.connection.context.not_checked, reason, self.connection.peer)

    async def _respond(self, answer: IcapAnswer) -> None:
        if answer.decision is AttemptDecision.REFUSED:
            await self._replace_with(answer.page(), answer.infection_fields)
        elif answer.decision is not AttemptDecision.UNCHECKED or self.connection.context.fail_open:
            await self._pass_unmodified()
        else:
            await self._refuse(answer)

    async def _refuse(self, answer: IcapAnswer) -> None:
        """Refuse what could not be checked."""
        if self.service is IcapService.FILES:
            # Not a page: Nextcloud takes every 200 without 403 for clean.
            await self.connection.send(
                response_header(
                    503,
                    "Service unavailable",
                    self.connection.context.tag,
                    (f"X-Unchecked: {answer.reason}", "Encapsulated: null-body=0"),
                )
            )
        else:
            # Not an ICAP error: after ten of them squid asks nobody any more, and one customer could bring that about.
            await self._replace_with(answer.page(), ())

    async def _replace_with(self, page: BlockPage, fields: tuple[str, ...]) -> None:
        """Replace the message by a page."""
        header = page.header
        response = response_header(
            200, "OK", self.connection.context.tag, (*fields, f"Encapsulated: res-hdr=0, res-body={len(header)}")
        )
        await self.connection.send(response + header + chunk(page.body) + chunk(b""))

    async def _pass_unmodified(self) -> None:
        """Let the message pass unmodified."""
        if self.may_answer_204:
            await self.connection.send(
                response_header(
                    204, "No modifications needed", self.connection.context.tag, ("Encapsulated: null-body=0",)
                )
            )
            return
        await self._begin_unmodified()
        if self.request.has_body:
            await self.connection.send(chunk(b""))

    async def _begin_unmodified(self) -> None:
        """Send the message back, with what has arrived of its body and without the end."""
        header, part = self._encapsulated_header()
        kind = "null-body" if not self.request.has_body else f"{part}-body"
        where = f"Encapsulated: {part}-hdr=0, {kind}={len(header)}" if header else f"Encapsulated: {kind}=0"
        await self.connection.send(response_header(200, "OK", self.connection.context.tag, (where,)) + header)
        for piece in self.body.pieces():
            await self.connection.send(chunk(piece))

    def _encapsulated_header(self) -> tuple[bytes, str]:
        """The header that goes back, with its name: of the request in REQMOD, else of the response."""
        if self.request.method == "REQMOD":
            return self.message.request, "req"
        return self.message.response, "res"
