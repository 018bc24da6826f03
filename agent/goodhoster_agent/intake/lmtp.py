"""LMTP (RFC 2033) from the hoster's own mail server: `250` only after the message is safe on disk.

Nothing is refused for its content, nobody is made to wait on purpose: a bounce would make the hotline's analyst take
over. While the disk refuses, the mail server is told to try again (451), and keeps the message itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster_agent.intake.storing import LARGEST, Keeping

_log = logging.getLogger(__name__)

Address = Path | tuple[str, int]
_AT_ONCE = 16
"""Connections; more wait in the mail server, so that memory has a bound."""
_IDLE = 300.0  # seconds; RFC 5321 4.5.3.2.7


class _Session(LMTP):
    line_length_limit = 1 << 24  # a mail's lines may not be so long (RFC 5322), the hotline's are now and then

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - its name
        """As aiosmtpd does, but for what is too large for it: that is not refused, and its beginning is kept."""
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)  # which says what is wrong
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            self.envelope.content = await self._message()
        except asyncio.CancelledError:
            self._writer.close()
            raise
        status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]  # aiosmtpd's
        await self.push(status)

    async def _message(self) -> bytes:
        """Up to the line with a dot alone; without the dots that were put before others (RFC 5321 4.5.2)."""
        message, line_begins = bytearray(), True
        while (piece := await self._piece()) != b".\r\n" or not line_begins:
            said = piece[1:] if line_begins and piece.startswith(b".") else piece
            message += said[: LARGEST - len(message)]
            line_begins = piece.endswith(b"\r\n")
        return bytes(message)

    async def _piece(self) -> bytes:
        """A line, or of a line without end what there is."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)


class _Hooks:
    """Called by aiosmtpd, which finds them by name."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """One answer for each receiver (RFC 2033 4.2), all the same: the message is kept once."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        try:
            receipt = await asyncio.to_thread(self._keeping.mail, raw, envelope.mail_from or "<>")
            status = f"250 2.0.0 kept as {receipt.id}"
        except PassingError as error:
            _log.error("%s; %s", error, error.hint)
            status = "451 4.3.0 cannot be kept at present, try again"
        return "\r\n".join([status] * len(envelope.rcpt_tos))


class LmtpIntake:
    """An LMTP server in a thread of its own."""

    def __init__(self, keeping: Keeping, address: Address) -> None:
        self._hooks = _Hooks(keeping)
        self._address = address
        self._server: asyncio.Server | None = None
        self._open: set[_Session] = set()

    @property
    def port(self) -> int:
        """Where it listens, when that is a TCP port."""
        assert self._server is not None  # noqa: S101 - asked for after `start`
        return int(self._server.sockets[0].getsockname()[1])

    def start(self) -> None:
        """Listen. ConfigurationError when the address cannot be used."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: else every command, with its addresses
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lmtp", daemon=True)
        self._thread.start()
        try:
            self._server = self._wait(self._listen())
        except OSError as error:
            self.stop()
            raise ConfigurationError(
                f"cannot listen for mail on {self._address}: {error}", hint="see [notices] lmtp"
            ) from error

    def stop(self) -> None:
        """End; a message that is not acknowledged stays with the mail server."""
        if self._server is not None:
            self._wait(self._close(self._server))
            self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        if not isinstance(self._address, Path):
            host, port = self._address
            return await self._loop.create_server(self._session, host, port)
        with suppress(FileNotFoundError):
            os.unlink(self._address)
        server = await self._loop.create_unix_server(self._session, self._address)
        # Whoever may send mail may send it here; the directory says who comes near.
        os.chmod(self._address, 0o666)  # noqa: S103
        return server

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        for session in list(self._open):
            if isinstance(session.transport, asyncio.WriteTransport):
                session.transport.abort()
        await asyncio.sleep(0)
        if isinstance(self._address, Path):
            with suppress(FileNotFoundError):
                os.unlink(self._address)

    def _session(self) -> asyncio.BaseProtocol:
        sessions = self._open = {session for session in self._open if session.transport is not None}
        if len(sessions) >= _AT_ONCE:
            return _Busy()
        session = _Session(self._hooks, data_size_limit=None, timeout=_IDLE, loop=self._loop, hostname="goodhoster")
        sessions.add(session)
        return session

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what the work gives
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Busy(asyncio.Protocol):
    """Too many at once: the mail server tries again in a moment."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream server hands over
        transport.write(b"421 4.3.2 busy, try again\r\n")
        transport.close()
