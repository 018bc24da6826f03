"""One message at the ICAP door: its body taken in, checked, and replied to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goodhoster.upload_attempts import AttemptDecision
from goodhoster_agent.doors.icap.answers import IcapAnswer, IcapService
from goodhoster_agent.doors.icap.messages import HttpMessage, IcapHead, Page, chunk, reply_head
from goodhoster_agent.doors.icap.shares import ClientShares
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

if TYPE_CHECKING:
    from goodhoster_agent.doors.icap.connection import IcapConnection

_CUT_OFF = "cut-off"
"""Reason of a body that did not go on."""


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


class NotTakenError(Exception):
    """A body is over a limit, alone or with all others; what has arrived of it is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class IcapExchange:
    """A message that was sent to be checked, and the reply to it."""

    connection: IcapConnection
    head: IcapHead
    service: IcapService
    message: HttpMessage
    body: StreamContent
    may_say_nothing: bool
    """Whether 204 is understood: "as it is"."""
    client: str
    """Who asks, behind a proxy that says so."""
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
            raise NotTakenError("client-limit")
        if not self.head.has_body:
            return
        try:
            await self._receive_body()
        except TimeoutError:
            # Not an ICAP error, for the reason at `_refuse`: a visitor who stalls could bring ten about.
            raise NotTakenError(_CUT_OFF) from None

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

    async def _take(self) -> None:
        self.rest = self.connection.chunks()
        async for piece in self.rest:
            longest = self.connection.terms.longest_content
            self.over = piece
            if self.body.size + len(piece) > longest:
                raise NotTakenError("too-big")
            if not self.connection.terms.clients.take(self.client, len(piece)):
                raise NotTakenError("client-limit")
            self.taken += len(piece)
            if not self.body.add(piece):
                raise NotTakenError("no-room")
        self.rest = None

    async def _not_taken(self, reason: str) -> None:
        """Answer what nobody looked into, before all of it has arrived."""
        answer = await self._not_checked(reason)
        if reason == _CUT_OFF or not self.connection.terms.fail_open:
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
