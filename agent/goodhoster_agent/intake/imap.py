"""Mailbox whose new mails are notices (IMAP), by IDLE and by regular polling.

Which mails were taken is recorded by their numbers, whoever opened them meanwhile; a mail is marked as seen after it is
safe here, and never deleted. One that comes again, because a crash came in between, because somebody moved it there and
back or because the server numbers all of them anew, is recognised by its content: none is lost, and none taken twice.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from goodhoster.errors import GoodhosterError
from goodhoster.notices.spool import Arrived, Origin
from goodhoster_agent.intake.mailbox import ConnectionHandle, Mailbox, OpenMailbox, opened
from goodhoster_agent.intake.mailbox_position import Position, PositionFile
from goodhoster_agent.intake.storing import NoticeStorage

_log = logging.getLogger(__name__)
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0
"""Seconds before a server that failed is asked again; twice as long each time."""
_FIRST_MAIL_RETRY, _LONGEST_MAIL_RETRY = 5.0, 3600.0
"""Seconds before a mail is asked for again that the server cannot hand out; twice as long each time."""
_RECHECK_AFTER = 5.0
"""Seconds before a mailbox is looked at again in which there was something, whatever its server tells."""
_LONGEST_IDLE = 1500.0
"""Seconds: a server may end a connection that is silent for half an hour (RFC 2177)."""
_ENDS_WITHIN = 5.0


@dataclass(slots=True)
class _MailRetry:
    """When a mail that the server could not hand out is fetched again."""

    reason: str
    delay: float = field(default_factory=lambda: _FIRST_MAIL_RETRY)
    due: float = field(default_factory=lambda: time.monotonic() + _FIRST_MAIL_RETRY)

    def failed_again(self, reason: str) -> None:
        self.reason = reason
        self.delay = min(self.delay * 2, _LONGEST_MAIL_RETRY)
        self.due = time.monotonic() + self.delay


@dataclass(frozen=True, slots=True)
class MailboxIntake:
    """Parts that an intake works with."""

    keeping: NoticeStorage
    mailbox: Mailbox
    folder: Path
    """Where it remembers how far it is."""
    own_server: bool = False
    """Nobody but our own mail server delivers there."""


class ImapIntake:
    """Thread that takes new mails."""

    def __init__(self, parts: MailboxIntake) -> None:
        self._parts = parts
        self._mailbox = parts.mailbox
        self._file = PositionFile(parts.folder, parts.mailbox.name)
        self._retries: dict[int, _MailRetry] = {}
        self._unmarked = ""
        self._line = ConnectionHandle()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imap", daemon=True)
        self._retry_delay = _FIRST_RETRY
        self._failure = ""

    @property
    def problem(self) -> str:
        """Reason why mails cannot be taken at present, or not all of them; empty when all can."""
        failed = list(self._retries.items())
        if self._failure or not failed:
            return self._failure or self._unmarked
        number, retry = failed[0]
        which = f"mail {number}" if len(failed) == 1 else f"{len(failed)} mails, such as {number},"
        return f"{which} of {self._mailbox.folder} at {self._mailbox.host} cannot be fetched: {retry.reason}"

    def start(self) -> None:
        """Start; a server that is away now is asked again later."""
        self._thread.start()

    def stop(self) -> None:
        """End after the mail in hand.

        A server that does not answer is not waited for: what it was asked for comes again.
        """
        self._stopping.set()
        self._line.cut()
        if self._thread.ident is not None:
            self._thread.join(_ENDS_WITHIN)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with opened(self._mailbox, self._line) as box:
                    self._serve(box)
            except Exception as error:
                if self._stopping.is_set():
                    return
                self._log_failure(f"no mail from {self._mailbox.host}: {_words(error)}")
                expected = isinstance(error, IMAPClientError | OSError | GoodhosterError)
                _log.log(logging.DEBUG if expected else logging.ERROR, "the mailbox failed", exc_info=not expected)
                self._stopping.wait(self._retry_delay)
                self._retry_delay = min(self._retry_delay * 2, _LONGEST_RETRY)

    def _serve(self, box: OpenMailbox) -> None:
        """Take mails as the server announces them.

        A server announces a mail once, also in its answer to something else while others are taken; and a
        dovecot was seen to announce nothing of one that came right behind others. So the mailbox is looked at
        again soon, until nothing is found.
        """
        position = self._position(box)
        lately = True
        while not self._stopping.is_set():
            taken = self._take_new(box, position)
            self._log_failure("")
            self._retry_delay = _FIRST_RETRY
            poll = min(self._mailbox.poll_every, _LONGEST_IDLE)
            pause = min(_RECHECK_AFTER, poll) if taken or lately else poll
            lately = taken > 0
            retries = [retry.due for retry in self._retries.values()]
            box.wait(min([time.monotonic() + pause, *retries]), self._stopping.is_set)

    def _position(self, box: OpenMailbox) -> Position:
        """Position in the mailbox as it is numbered now."""
        try:
            position = self._file.read()
        except ValueError as error:
            _log.error("%s: mails that somebody has opened meanwhile are not taken", error)
            position = None
        if position is None:
            position = Position.first(box.validity, _next_number(box), box.search("UNSEEN"))
        elif position.validity != box.validity:
            _log.warning("%s has numbered its mails anew; each is compared with those taken", self._mailbox.host)
            since = datetime.fromisoformat(position.since) - timedelta(days=1)  # SINCE knows days only
            found = {*box.search("UNSEEN"), *box.search("SINCE", since.strftime("%d-%b-%Y"))}
            position = Position(box.validity, _next_number(box), sorted(found), position.since)
            self._retries.clear()
        else:
            return position
        self._file.write(position)
        return position

    def _take_new(self, box: OpenMailbox, position: Position) -> int:
        """Take new mails and return how many. Those that failed before come last."""
        new = [n for n in box.search("UID", f"{position.next_number}:*") if n >= position.next_number]
        if new:
            position.left = sorted({*position.left, *new})
            position.next_number = max(new) + 1
            self._file.write(position)
        now, before = time.monotonic(), list(position.left)
        due = [n for n in before if n not in self._retries or self._retries[n].due <= now]
        try:
            for number in sorted(due, key=lambda n: (n in self._retries, n)):
                if self._stopping.is_set():
                    break
                if self._take(box, number):
                    position.left.remove(number)
                    self._retries.pop(number, None)
        finally:
            if position.left != before:
                self._file.write(position)
        return len(before) - len(position.left)

    def _take(self, box: OpenMailbox, number: int) -> bool:
        """Take one mail; False when the server cannot hand it out.

        Raises where the connection is of no use any more.
        """
        try:
            found = box.fetch(number)
            if found is None and not box.search("UID", number):
                return True  # moved or deleted by somebody else before it was our turn
            mail = _mail_in(found or {})
        except (IMAPClientAbortError, OSError, AttributeError, TypeError) as error:
            self._retry_later(number, _words(error))  # if it is this mail at which the server breaks, others come first
            raise
        except (IMAPClientError, ValueError, LookupError) as error:
            self._retry_later(number, _words(error))
            return False
        content, came = mail
        name = f"imap\0{self._mailbox.host}\0{self._mailbox.username}\0".encode() + hashlib.sha256(content).digest()
        self._parts.keeping.mail(content, Arrived(origin=Origin(name, came), own_server=self._parts.own_server))
        self._mark(box, number)
        return True

    def _mark(self, box: OpenMailbox, number: int) -> None:
        try:
            box.mark(number)
            self._unmarked = ""
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            self._unmarked = f"mails at {self._mailbox.host} are taken, but cannot be marked as seen: {_words(error)}"

    def _retry_later(self, number: int, reason: str) -> None:
        if number in self._retries:
            self._retries[number].failed_again(reason)
        else:
            self._retries[number] = _MailRetry(reason)
            _log.error("mail %d of %s cannot be fetched: %s; see [imap]", number, self._mailbox.host, reason)

    def _log_failure(self, failure: str) -> None:
        if failure and failure != self._failure:
            _log.error("%s; see [imap]", failure)
        self._failure = failure


def try_mailbox(box: Mailbox) -> str:
    """Reason why no mail can be taken from it at present; empty when it can. Takes none."""
    try:
        with opened(box, ConnectionHandle()) as found:
            found.search("UID", 1)
    except Exception as error:
        return f"no mail from {box.host}: {_words(error)}"
    return ""


def _next_number(box: OpenMailbox) -> int:
    return box.next_number or max(box.search("ALL"), default=0) + 1


def _mail_in(found: dict[bytes, object]) -> tuple[bytes, datetime]:
    raw, came = found.get(b"BODY[]<0>"), found.get(b"INTERNALDATE")
    if not isinstance(raw, bytes) or not isinstance(came, datetime):
        raise ValueError("the server does not hand it out")  # noqa: TRY004 - as the library does for odd answers
    return raw, came


def _words(error: Exception) -> str:
    """Error text for people, on one line and not too long: a server chose some of it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(sign for sign in text[:300] if sign.isprintable())
