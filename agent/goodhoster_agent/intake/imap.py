"""A mailbox whose new mails are notices (IMAP): told of them by the server (IDLE), and looked at now and then.

A mail is marked as seen only after it is safe here; it is never deleted. After a crash one may be kept twice, never
lost.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError

from goodhoster.errors import GoodhosterError, PassingError
from goodhoster_agent.intake.keeping import Keeping

_log = logging.getLogger(__name__)
_TIMEOUT = 60.0
_AGAIN = 30.0
"""Seconds before a server that failed is asked again."""
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


class ImapIntake:
    """Takes new mails in a thread of its own."""

    def __init__(self, keeping: Keeping, mailbox: Mailbox) -> None:
        self._keeping = keeping
        self._mailbox = mailbox
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imap")
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
                with self._opened() as client:
                    self._serve(client)
            except (IMAPClientError, OSError, GoodhosterError) as error:
                self._tell(f"no mail from {self._mailbox.host}: {error}")
                self._stopping.wait(_AGAIN)

    def _serve(self, client: IMAPClient) -> None:
        while not self._stopping.is_set():
            self._take_new(client)
            self._tell("")
            self._wait(client)

    def _take_new(self, client: IMAPClient) -> None:
        for number in client.search(["UNSEEN"]):
            raw = client.fetch([number], ["BODY.PEEK[]"]).get(number, {}).get(b"BODY[]")
            if raw is None:
                raise PassingError(f"mail {number} cannot be fetched", hint="see [imap]")
            self._keeping.mail(raw)
            client.add_flags([number], [SEEN])

    def _wait(self, client: IMAPClient) -> None:
        """Until the server tells of something, or it is time to look anyway."""
        until = time.monotonic() + self._mailbox.poll_every
        if not client.has_capability("IDLE"):
            self._stopping.wait(self._mailbox.poll_every)
            return
        client.idle()
        try:
            while not self._stopping.is_set() and time.monotonic() < until:
                if any(b"EXISTS" in told for told in client.idle_check(timeout=_IDLE_PIECE)):
                    return
        finally:
            client.idle_done()

    @contextmanager
    def _opened(self) -> Iterator[IMAPClient]:
        box = self._mailbox
        context = ssl.create_default_context() if box.encrypted else None
        client = IMAPClient(box.host, box.port, ssl=box.encrypted, ssl_context=context, timeout=_TIMEOUT)
        try:
            client.login(box.username, box.password)
            client.select_folder(box.folder)
            yield client
        finally:
            with suppress(IMAPClientError, OSError):  # a farewell to a server that is gone
                client.logout()

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.error("%s; see [imap]", problem)
        self.problem = problem
