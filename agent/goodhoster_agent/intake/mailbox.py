"""Connection to a mailbox (IMAP), with limits.

A server that is silent, slow, gone or hostile costs little, and its connection can be cut from another thread.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.settings import read_secret
from goodhoster.settings.notices import ImapSettings
from goodhoster_agent.intake.storing import LARGEST_MAIL

_TIMEOUT = 60.0
"""Seconds of silence, while an answer is due, after which a server is taken for gone."""
_LONGEST_COMMAND = 600.0
"""Seconds for an answer that comes drop by drop."""
_FAREWELL = 5.0
_LARGEST_ANSWER = LARGEST_MAIL + (16 << 20)  # bytes: a mail, and what is said around it
_IDLE_PIECE = 1.0
"""Seconds between looks whether the daemon ends, while the server has nothing to tell."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Mailbox and the account to open it with."""

    host: str
    port: int
    username: str
    password: Callable[[], str]
    """Read again for each connection: it may be corrected at any time."""
    security: str
    folder: str
    poll_every: float = 300.0
    """Seconds."""
    ca_file: Path | None = None
    """Certificates that its server's must be or be issued by; None: those of the system."""

    @property
    def name(self) -> str:
        """Name that is different for every mailbox."""
        return f"{self.host}\0{self.username}\0{self.folder}"


def mailbox_of(imap: ImapSettings) -> Mailbox:
    """Mailbox of the configuration.

    ConfigurationError when its password or certificates cannot be read, or the password would go unencrypted over a
    network.
    """
    if imap.security == "none" and not _is_this_machine(imap.host):
        hint = 'set security in [imap] to "tls" or "starttls"'
        raise ConfigurationError(f"the password for {imap.host} would be sent unencrypted", hint=hint)

    def password() -> str:
        return read_secret(imap.password_file, "password of the mailbox")

    password()
    box = Mailbox(
        imap.host, imap.port, imap.username, password, imap.security, imap.folder, imap.poll_every, imap.ca_file
    )
    _tls_context(box)
    return box


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _tls_context(box: Mailbox) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=box.ca_file)
    except OSError as error:
        hint = "a file with certificates (PEM), such as that of the server itself"
        raise ConfigurationError(f"ca_file of [imap] {box.ca_file} cannot be used: {error}", hint=hint) from error
    if box.ca_file:  # the server's own certificate may be named there, which need not look like an issuer's
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class ConnectionHandle:
    """Handle that cuts a connection, from any thread.

    Whatever is waited for then ends with an error.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.is_cut = False

    def hold(self, connected: socket.socket | None) -> None:
        """Hold the socket of the connection; None when it is over. PassingError when cut before."""
        with self._lock:
            self._socket = connected
            if self.is_cut and connected is not None:
                raise PassingError("the connection was ended")

    def cut(self) -> None:
        """End it now and for good."""
        with self._lock:
            self.is_cut = True
        self.interrupt()

    def interrupt(self) -> None:
        """End the present connection."""
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # TLS has no say in it: the other thread uses that object just now
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class OpenMailbox:
    """A mailbox that is open. OSError or IMAPClientError where its server fails."""

    def __init__(self, client: IMAPClient, line: ConnectionHandle, folder: str) -> None:
        self._client = client
        self._line = line
        self._bound_answers()
        with self._within():
            told = client.select_folder(folder)
        self.validity = int(told.get(b"UIDVALIDITY", 0))
        """Mails keep their numbers for as long as this stays (RFC 3501 2.3.1.1)."""
        self.next_number = int(told.get(b"UIDNEXT", 0))
        """What the next mail will have; 0 where the server does not tell."""

    def search(self, *criteria: str | int) -> list[int]:
        """The numbers of the mails that fit."""
        with self._within():
            return [int(number) for number in self._client.search(list(criteria))]

    def fetch(self, number: int) -> dict[bytes, object] | None:
        """A mail's first bytes and when it came; None when there is none of that number."""
        with self._within():
            found = self._client.fetch([number], [f"BODY.PEEK[]<0.{LARGEST_MAIL}>", "INTERNALDATE"])
        mail: dict[bytes, object] | None = found.get(number)
        return mail

    def mark(self, number: int) -> None:
        """Mark a mail as seen."""
        with self._within():
            self._client.add_flags([number], [rb"\Seen"], silent=True)

    def wait(self, until: float, is_stopping: Callable[[], bool]) -> None:
        """Wait until the server reports something, that moment is reached, or we stop.

        The moment is one of the monotonic clock.
        """
        if not self._client.has_capability("IDLE"):
            while not is_stopping() and time.monotonic() < until:
                time.sleep(min(_IDLE_PIECE, max(0.0, until - time.monotonic())))
            return
        with self._within():
            self._client.idle()
        while not is_stopping() and time.monotonic() < until:
            began = time.monotonic()
            with self._within():
                told = self._client.idle_check(timeout=_IDLE_PIECE)
            if any(b"BYE" in piece for piece in told):
                raise PassingError("the server says goodbye")
            if any(b"EXISTS" in piece or b"RECENT" in piece for piece in told):
                break
            if not told and time.monotonic() - began < _IDLE_PIECE / 2:
                break  # the end of a connection looks so; the next command tells
        with self._within():
            self._client.idle_done()

    def _within(self) -> _Limit:
        self._budget = _LARGEST_ANSWER
        return _Limit(self._line)

    def _bound_answers(self) -> None:
        """Limit a server's answers: the library reads for as long as a server sends."""
        protocol = self._client._imap  # noqa: SLF001 - there is no other way in
        read, read_line = protocol.read, protocol.readline
        self._budget = _LARGEST_ANSWER

        def take(size: int) -> None:
            self._budget -= size
            if self._budget < 0:
                raise IMAPClientAbortError("the server's answer is too large")

        def bounded_read(size: int) -> bytes:
            take(size)
            return bytes(read(size))

        def bounded_read_line() -> bytes:
            line = bytes(read_line())
            take(len(line))
            return line

        protocol.read, protocol.readline = bounded_read, bounded_read_line


class _Limit:
    """Time within which an answer must be there, or the connection is ended."""

    def __init__(self, line: ConnectionHandle, seconds: float = _LONGEST_COMMAND) -> None:
        self._timer = threading.Timer(seconds, line.interrupt)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


@contextmanager
def opened(box: Mailbox, line: ConnectionHandle) -> Iterator[OpenMailbox]:
    """Connection with the mailbox chosen.

    IMAPClientError, OSError or GoodhosterError when there is none.
    """
    client = IMAPClient(
        box.host,
        box.port,
        ssl=box.security == "tls",
        ssl_context=_tls_context(box) if box.security == "tls" else None,
        timeout=_TIMEOUT,
    )
    try:
        client.normalise_times = False  # with their zone
        line.hold(client.socket())
        with _Limit(line):
            _secure(client, box, line)
            _log_in(client, box)
        yield OpenMailbox(client, line, box.folder)
        with suppress(IMAPClientError, OSError), _Limit(line, _FAREWELL):
            client.logout()
    finally:
        line.hold(None)
        with suppress(IMAPClientError, OSError):
            client.shutdown()


def _secure(client: IMAPClient, box: Mailbox, line: ConnectionHandle) -> None:
    if box.security == "starttls":
        client.starttls(_tls_context(box))
        line.hold(client.socket())
    if box.security == "none" and not _is_this_machine(client.socket().getpeername()[0]):
        raise PassingError(f"{box.host} is another machine: the password is not sent unencrypted")


def _log_in(client: IMAPClient, box: Mailbox) -> None:
    """Log in, in UTF-8 where ASCII does not suffice, by AUTHENTICATE PLAIN (RFC 4616)."""
    password = box.password()
    if (box.username + password).isascii():
        client.login(box.username, password)
    elif client.has_capability("AUTH=PLAIN"):
        client.plain_login(box.username, password)
    else:
        hint = "choose a password of ASCII characters"
        raise PassingError("the server takes no account or password beyond ASCII (no AUTH=PLAIN)", hint=hint)
