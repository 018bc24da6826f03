"""A mailbox whose new mails are notices (IMAP): told of them by the server (IDLE), and looked at now and then.

A mail is marked as seen only after it is safe here; it is never deleted. One that a crash left unmarked is fetched
again, and known by its number (UIDVALIDITY and UID, RFC 3501 2.3.1.1): none is lost, and none taken twice.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError

from goodhoster.errors import GoodhosterError, PassingError
from goodhoster.notices.spool import Arrived, Origin
from goodhoster.settings import read_secret
from goodhoster.settings.notices import ImapSettings
from goodhoster_agent.intake.storing import LARGEST, Keeping

_log = logging.getLogger(__name__)
_TIMEOUT = 60.0
_FIRST_AGAIN, _LONGEST_AGAIN = 1.0, 60.0
"""Seconds before a server that failed is asked again; twice as long each time."""
_SOON = 5.0
"""Seconds before a mailbox is looked at again in which there was something, whatever its server tells."""
_IDLE_PIECE = 1.0
"""Seconds between looks whether the daemon ends, while the server has nothing to tell."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Which mailbox, and as whom."""

    host: str
    port: int
    username: str
    password: str
    encrypted: bool
    folder: str
    poll_every: float
    """Seconds."""

    def origin(self, validity: int, number: int, came: datetime) -> Origin:
        """How a mail in it is known when it is fetched again."""
        return Origin(f"{self.host}\0{self.username}\0{self.folder}\0{validity}\0{number}".encode(), came)


def mailbox_of(imap: ImapSettings) -> Mailbox:
    """With its password read; ConfigurationError when that cannot be."""
    password = read_secret(imap.password_file, "password of the mailbox")
    encrypted = imap.security == "tls"
    return Mailbox(imap.host, imap.port, imap.username, password, encrypted, imap.folder, imap.poll_every)


@contextmanager
def opened(box: Mailbox) -> Iterator[tuple[IMAPClient, int]]:
    """A connection with the mailbox chosen, and its UIDVALIDITY. IMAPClientError or OSError when there is none."""
    context = ssl.create_default_context() if box.encrypted else None
    client = IMAPClient(box.host, box.port, ssl=box.encrypted, ssl_context=context, timeout=_TIMEOUT)
    client.normalise_times = False  # with their zone
    try:
        client.login(box.username, box.password)
        yield client, client.select_folder(box.folder).get(b"UIDVALIDITY", 0)
    finally:
        with suppress(IMAPClientError, OSError):  # a farewell to a server that is gone
            client.logout()


def try_mailbox(box: Mailbox) -> str:
    """Why no mail can be taken from it at present; empty when it can. Takes none."""
    try:
        with opened(box) as (client, _):
            client.noop()
    except (IMAPClientError, OSError) as error:
        return f"no mail from {box.host}: {error}"
    return ""


class ImapIntake:
    """Takes new mails in a thread of its own."""

    def __init__(self, keeping: Keeping, mailbox: Mailbox) -> None:
        self._keeping = keeping
        self._mailbox = mailbox
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imap")
        self._again = _FIRST_AGAIN
        self.problem = ""
        """Why no mail can be taken at present; empty when it can."""

    def start(self) -> None:
        """Begin; a server that is away now is asked again later."""
        self._thread.start()

    def stop(self) -> None:
        """End after the mail in hand."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with opened(self._mailbox) as (client, validity):
                    self._serve(client, validity)
            except (IMAPClientError, OSError, GoodhosterError) as error:
                self._tell(f"no mail from {self._mailbox.host}: {error}")
                self._stopping.wait(self._again)
                self._again = min(self._again * 2, _LONGEST_AGAIN)

    def _serve(self, client: IMAPClient, validity: int) -> None:
        """A server tells of a mail once, also in its answer to something else while others are taken; and a dovecot was
        seen to tell nothing of one that came right behind others. So it is looked again soon, until nothing is found.
        """
        lately = True
        while not self._stopping.is_set():
            taken = self._take_new(client, validity)
            self._tell("")
            self._again = _FIRST_AGAIN
            poll = self._mailbox.poll_every
            self._wait(client, min(_SOON, poll) if taken or lately else poll)
            lately = taken > 0

    def _take_new(self, client: IMAPClient, validity: int) -> int:
        """How many there were."""
        new = client.search(["UNSEEN"])
        for number in new:
            found = client.fetch([number], [f"BODY.PEEK[]<0.{LARGEST}>", "INTERNALDATE"]).get(number, {})
            raw, came = found.get(b"BODY[]<0>"), found.get(b"INTERNALDATE")
            if raw is None or came is None:
                raise PassingError(f"mail {number} cannot be fetched", hint="see [imap]")
            self._keeping.mail(raw, Arrived(origin=self._mailbox.origin(validity, number, came)))
            client.add_flags([number], [SEEN])
        return len(new)

    def _wait(self, client: IMAPClient, within: float) -> None:
        """Until the server tells of something, or it is time to look anyway."""
        until = time.monotonic() + within
        if not client.has_capability("IDLE"):
            self._stopping.wait(within)
            return
        client.idle()
        try:
            while not self._stopping.is_set() and time.monotonic() < until:
                if any(b"EXISTS" in told for told in client.idle_check(timeout=_IDLE_PIECE)):
                    return
        finally:
            client.idle_done()

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.error("%s; see [imap]", problem)
        self.problem = problem
