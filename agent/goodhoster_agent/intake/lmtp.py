"""LMTP (RFC 2033) for the hoster's own mail server.

It answers `250` only after the message is safe on disk.

Nothing is refused for its content, nothing is delayed on purpose: a bounce would make the hotline's analyst take over.
While the disk refuses, the mail server is asked to try again (451), and keeps the message itself.

Who may connect to the socket is set by account (`lmtp_peers`): the kernel says who it is. Memory has a bound whatever
comes: a message is in an unnamed file while it comes in, and one at a time is read from there to be kept.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import re
import socket
import struct
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.notices.spool import Arrived
from goodhoster.settings import Settings
from goodhoster_agent.intake.storing import LARGEST_MAIL, NoticeStorage

_log = logging.getLogger(__name__)

Address = Path | tuple[str, int]
_CONNECTIONS = 16
"""Connections; more wait in the mail server, so that memory has a bound."""
_MOST_RECEIVERS = 1000
_IDLE = 300.0  # seconds; RFC 5321 4.5.3.2.7
_MEMORY_BYTES = 256 << 10
"""Bytes of a message in memory before they are written to its file."""
_ADDRESS = re.compile(r'\s*<((?:"(?:[^"\\]|\\.)*"|[^">])*)>\s*(.*)|\s*(\S+)\s*(.*)')
_SOCKET_MODE = 0o660
_ACL, _ACL_VERSION = "system.posix_acl_access", 2
_OWNER, _USER, _GROUP, _MASK, _OTHERS = 1, 2, 4, 16, 32  # acl(5), as the kernel numbers them
_READ_WRITE, _NOBODY_SPECIAL = 6, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class LmtpSettings:
    """Address to listen on, and accounts that may connect."""

    address: Address
    peers: tuple[str, ...] = ()
    """Accounts that may connect to a Unix socket; none: whoever has the rights of its file."""
    folder: str | None = None
    """Where messages are while they come in; None: the system's own for such files."""

    def peer_ids(self) -> frozenset[int]:
        """User ids of the accounts that may connect.

        ConfigurationError for an account that does not exist, or for peers of a TCP port.
        """
        if self.peers and not isinstance(self.address, Path):
            hint = 'set lmtp to a socket: "unix:/run/goodhoster/lmtp.sock"'
            raise ConfigurationError("lmtp_peers cannot be told apart at a TCP port", hint=hint)
        return frozenset(map(_account, self.peers))


def lmtp_settings(settings: Settings) -> LmtpSettings | None:
    """Settings of the LMTP intake; None while it is off.

    Messages are on the disk of the state directory while they come in: there they are kept. ConfigurationError when
    the accounts are not right.
    """
    notices = settings.notices
    if notices.lmtp is None:
        return None
    found = LmtpSettings(notices.lmtp, notices.lmtp_peers, str(settings.state_dir))
    found.peer_ids()
    return found


def _account(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        hint = "set lmtp_peers to the accounts that your mail server delivers as, such as postfix"
        raise ConfigurationError(f"there is no account {name}", hint=hint) from None


class _Session(LMTP):
    line_length_limit = 64 << 10  # of what is not yet read; longer lines of a message come in pieces

    def __init__(self, intake: LmtpIntake, loop: asyncio.AbstractEventLoop, *, busy: bool) -> None:
        super().__init__(
            _Hooks(), data_size_limit=None, enable_SMTPUTF8=True, timeout=_IDLE, loop=loop, hostname="goodhoster"
        )
        self._intake = intake
        self._busy = busy
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the connection, or refuse it: the mail server tries again in a moment."""
        refusal = "busy, try again" if self._busy else self._intake.refusal(transport)
        if not refusal:
            super().connection_made(transport)
            return
        self._refused = True
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream server hands over
        transport.write(f"421 4.3.2 {refusal}\r\n".encode())
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._intake.left(self)
        if not self._refused:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return None if self._refused else super().eof_received()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Accept any address: a refusal would bounce a notice that our mail server has taken."""
        found = _ADDRESS.fullmatch(arg)
        if not found:
            return "", ""
        address, rest = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
        return address or "<>", rest

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - its name
        """Receive a message as aiosmtpd does, except one that is too large.

        That is not refused, and its beginning is kept.
        """
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)  # which says what is wrong
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        with tempfile.SpooledTemporaryFile(_MEMORY_BYTES, dir=self._intake.folder) as message:
            try:
                whole = await self._receive(message)
            except asyncio.CancelledError:
                self._writer.close()
                raise
            status = await self._intake.keep(message, self.envelope) if whole else _TRY_AGAIN
        receivers = len(self.envelope.rcpt_tos)
        self._set_post_data_state()  # type: ignore[no-untyped-call]  # aiosmtpd's
        await self.push("\r\n".join([status] * receivers))  # one answer for each (RFC 2033 4.2), all the same

    async def _receive(self, message: IO[bytes]) -> bool:
        """Read the message up to the line with a single dot.

        Without the dots that were put before others (RFC 5321 4.5.2). False when the disk refuses: then the
        rest is read all the same, as the other side waits for its end.
        """
        size, buffer, line_begins, problem = 0, bytearray(), True, False
        while (piece := await self._piece()) != b".\r\n" or not line_begins:
            said = piece[1:] if line_begins and piece.startswith(b".") else piece
            buffer += said[: LARGEST_MAIL - size - len(buffer)]
            line_begins = piece.endswith(b"\r\n")
            if len(buffer) >= _MEMORY_BYTES:
                problem = problem or not await _written(message, buffer)
                size += len(buffer)
                buffer.clear()
        return await _written(message, buffer) and not problem

    async def _piece(self) -> bytes:
        """Read a line, or of a line without end what there is."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)


async def _written(message: IO[bytes], content: bytearray) -> bool:
    """Write a piece of a message; False when the disk refuses."""
    try:
        await asyncio.to_thread(message.write, bytes(content))
    except OSError as error:
        _log.error("a mail cannot be kept while it comes in: %s", error.strerror)
        return False
    return True


_TRY_AGAIN = "451 4.3.0 cannot be kept at present, try again"


class _Hooks:
    """Hooks called by aiosmtpd, which finds them by name."""

    async def handle_RCPT(  # noqa: N802 - its name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= _MOST_RECEIVERS:
            return "452 4.5.3 too many receivers"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class LmtpIntake:
    """An LMTP server in a thread of its own."""

    problem = ""
    """None that lasts: where it cannot listen it does not start."""

    def __init__(self, keeping: NoticeStorage, settings: LmtpSettings) -> None:
        self.folder = settings.folder
        self._keeping = keeping
        self._address = settings.address
        self._peers = settings.peer_ids()
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._one_at_a_time = threading.Lock()

    @property
    def port(self) -> int:
        """TCP port that it listens on, where it is one."""
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
        """Stop; a message that is not acknowledged stays with the mail server."""
        if self._server is not None:
            self._wait(self._close(self._server))
            self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def refusal(self, transport: asyncio.BaseTransport) -> str:
        """Reason why the connected peer is refused; empty when it may connect."""
        if self._peers and _uid_of(transport) not in self._peers:
            _log.warning("account %d may not hand over mail by LMTP; see [notices] lmtp_peers", _uid_of(transport))
            return "not for this account"
        return ""

    def left(self, session: _Session) -> None:
        """Record that a connection is over."""
        self._sessions.discard(session)

    async def keep(self, message: IO[bytes], envelope: Envelope) -> str:
        """Make a message safe, once for all receivers, and return the answer to them."""
        sender = (envelope.mail_from or "<>").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            name = await asyncio.to_thread(self._keep, message, sender)
        except (PassingError, OSError) as error:
            _log.error("%s; %s", error, getattr(error, "hint", ""))
            return _TRY_AGAIN
        return f"250 2.0.0 kept as {name}"

    def _keep(self, message: IO[bytes], sender: str) -> str:
        with self._one_at_a_time:  # whole in memory
            message.seek(0)
            return self._keeping.mail(message.read(), Arrived(sender, own_server=bool(self._peers))).id

    async def _listen(self) -> asyncio.Server:
        if not isinstance(self._address, Path):
            host, port = self._address
            return await self._loop.create_server(self._session, host, port)
        with suppress(FileNotFoundError):
            os.unlink(self._address)
        server = await self._loop.create_unix_server(self._session, self._address)
        os.chmod(self._address, _SOCKET_MODE)
        _let_connect(self._address, sorted(self._peers))
        return server

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        for session in list(self._sessions):
            if isinstance(session.transport, asyncio.WriteTransport):
                session.transport.abort()
        await asyncio.sleep(0)
        if isinstance(self._address, Path):
            with suppress(FileNotFoundError):
                os.unlink(self._address)

    def _session(self) -> asyncio.BaseProtocol:
        """Create a session, counted from here on.

        Many may be accepted before the first of them has a transport.
        """
        busy = len(self._sessions) >= _CONNECTIONS
        session = _Session(self, self._loop, busy=busy)
        if not busy:
            self._sessions.add(session)
        return session

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what the work gives
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _uid_of(transport: asyncio.BaseTransport) -> int:
    """User id of the connected process, by the kernel (unix(7), SO_PEERCRED)."""
    credentials = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", credentials)[1])


def _let_connect(file: Path, uids: Sequence[int]) -> None:
    """Let these accounts connect, besides the owner and the group of the socket.

    Mail servers run their clients without further groups. OSError where the file system keeps no such rights.
    """
    if not uids:
        return
    entries = [
        (_OWNER, _NOBODY_SPECIAL),
        *((_USER, uid) for uid in uids),
        (_GROUP, _NOBODY_SPECIAL),
        (_MASK, _NOBODY_SPECIAL),
    ]
    acl = b"".join(struct.pack("<HHI", tag, _READ_WRITE, uid) for tag, uid in entries)
    acl = struct.pack("<I", _ACL_VERSION) + acl + struct.pack("<HHI", _OTHERS, 0, _NOBODY_SPECIAL)
    os.setxattr(file, _ACL, acl)
