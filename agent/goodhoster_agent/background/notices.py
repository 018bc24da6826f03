"""Notice handling of the daemon.

Opens the ways in, takes what came, does what is due, sends letters.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from goodhoster.assembly.notice_services import NoticeServices
from goodhoster.errors import GoodhosterError, PassingError
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Carrier
from goodhoster.ports import NoticeQuery
from goodhoster.settings import Settings
from goodhoster_agent.doors.rate_limit import RateLimit
from goodhoster_agent.intake.maildir import take_new_mails
from goodhoster_agent.intake.storing import NoticeStorage

if TYPE_CHECKING:
    from goodhoster.letters.outbox import Backlog
    from goodhoster_agent.doors.client_address import ClientAddresses
    from goodhoster_agent.doors.notices import Routes

_log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 60.0
"""Seconds before a notice that failed is tried again, and before a mail server that took nothing is asked again."""
_LONGEST_RETRY_SECONDS = 30.0
"""Seconds before a part of a run that fails again and again is tried once more."""
_A_WHILE = 1.0
"""Seconds before what came meanwhile is looked at for something more urgent."""
_READ_SITES_EVERY = 600.0
"""Seconds; so that what is odd in them is known before a notice needs them."""
_TEND_CONTACTS_EVERY = 60.0
_COUNT_LETTERS_EVERY = 30.0
_WAITS_LONG = timedelta(days=1)
_MOST_ODD = 5
Found = TypeVar("Found")


class NoticeWork:
    """Threads for notices: one for arrivals and due work, one for letters, and the intakes'.

    What reads mails and speaks their protocols is imported where a way in is set, or with the first notice.
    """

    def __init__(self, notices: NoticeServices, settings: Settings) -> None:
        self._notices = notices
        self._maildir: Path | None = settings.notices.maildir
        self._own_maildir = "maildir" in settings.notices.authserv_mailboxes
        self._notified = threading.Event()
        self._read_sites_at = 0.0
        self._contacts_at = 0.0
        self._stopping = threading.Event()
        self._failed: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._rate_limit = RateLimit(time.monotonic)
        self._problems: dict[str, str] = {}
        self._backlog: Backlog | None = None
        self._backlog_at = 0.0
        storage = NoticeStorage(notices.spool.keep, self._notified.set)
        self._quiet_storage = replace(storage, notify=lambda: None)  # who takes from the Maildir needs no notification
        self._ways_in = _ways_in(notices, settings, storage)
        self._open: list[_WayIn] = []
        self._threads = [
            threading.Thread(target=self._process_arrivals_and_due, name="notices"),
            threading.Thread(target=self._write, name="letters"),
        ]

    def start(self) -> None:
        """Start. ConfigurationError when an address cannot be listened on."""
        for way in self._ways_in:
            way.start()
            self._open.append(way)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the notice in hand; the rest waits on disk."""
        while self._open:
            self._open.pop().stop()
        self._stopping.set()
        self._notified.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        ways = [way.problem for way in self._open if way.problem]
        refused = self._notices.outbox.refused()
        letters = [f"the mail server refused {refused} letters for good: see letters/refused"] if refused else []
        letters += [*self._notices.outbox.problems(), *self._letters_that_wait()]
        damaged = [f"{name} cannot be read: restore it from a backup" for name in self._notices.spool.damaged]
        return [*self._problems.values(), *ways, *letters, *damaged, *self._odd_sites(), *self._clock_problem()]

    def _clock_problem(self) -> list[str]:
        """What is wrong with the system's clock."""
        problem = self._notices.clock.problem()
        return [problem] if problem else []

    def _letters_that_wait(self) -> list[str]:
        """Letters that nobody sends, or that wait for more than a day."""
        if time.monotonic() >= self._backlog_at:
            self._backlog_at = time.monotonic() + _COUNT_LETTERS_EVERY
            self._backlog = self._notices.outbox.backlog()
        if self._backlog is None:
            return []
        told = f"{self._backlog.letters} letters wait since {self._backlog.since.astimezone():%Y-%m-%d %H:%M}"
        if self._notices.mailer is None:
            return [f"{told}: no mail server is set, see [smtp]"]
        is_old = self._notices.clock() - self._backlog.since > _WAITS_LONG
        return [f"{told}: the mail server does not take them, see the journal"] if is_old else []

    def _odd_sites(self) -> list[str]:
        odd = self._notices.locator.site_maps.troubles() if self._notices.finds_sites else []
        more = [f"and {len(odd) - _MOST_ODD} more lines like these"] if len(odd) > _MOST_ODD else []
        told = [f"URLs of a host wait for a person, its configuration cannot be followed: {one}" for one in odd]
        return [*told[:_MOST_ODD], *more]

    def _process_arrivals_and_due(self) -> None:
        while not self._stopping.is_set():
            self._notified.clear()
            self._run_with_backoff("the Maildir", self._take_from_maildir)
            self._run_with_backoff("what came in", self._receive)
            self._run_with_backoff("what is due", self._look_after)
            self._notified.wait(_POLL_SECONDS)

    def _write(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            self._run_with_backoff("letters", self._send)
            if time.monotonic() >= self._contacts_at:
                self._contacts_at = time.monotonic() + _TEND_CONTACTS_EVERY
                self._guarded("contacts of customers", self._tend_contacts)
            if time.monotonic() >= self._read_sites_at:
                self._read_sites_at = time.monotonic() + _READ_SITES_EVERY
                self._guarded("the sites", self._read_sites)

    def _read_sites(self) -> None:
        if self._notices.finds_sites:
            self._notices.locator.site_maps.current()

    def _tend_contacts(self) -> None:
        if (desk := self._notices.contacts()) is not None:
            desk.process_due()

    def _take_from_maildir(self) -> None:
        if self._maildir is not None:
            for _ in take_new_mails(self._maildir, self._quiet_storage, own_server=self._own_maildir):
                pass

    def _receive(self) -> None:
        for receipt in self._until_notified(sorted(self._notices.spool.waiting(), key=_urgency)):
            if _known(receipt) or self._rate_limit.admit(receipt.sender):
                self._try(receipt.id, partial(self._notices.incoming.receive, receipt))

    def _look_after(self) -> None:
        if not self._notices.store.ids(NoticeQuery(due=self._notices.clock())):
            return  # nobody needs the desk, and all that it brings with it
        for notice_id in self._until_notified(self._notices.desk.due()):
            self._try(notice_id, partial(self._notices.desk.look_after, notice_id))

    def _until_notified(self, found: Iterable[Found]) -> Iterator[Found]:
        """Yield one after the other until something comes that may be more urgent.

        For a while in any case.
        """
        began = time.monotonic()
        for one in found:
            yield one
            if self._notified.is_set() and time.monotonic() - began > _A_WHILE:
                return

    def _send(self) -> None:
        if self._notices.mailer is not None and self._failed.get("letters", 0.0) <= time.monotonic():
            try:
                self._notices.outbox.deliver(self._notices.mailer)
            except PassingError:
                self._failed["letters"] = time.monotonic() + _RETRY_SECONDS
                raise

    def _try(self, notice_id: str, do: Callable[[], object]) -> None:
        """Process one notice, so that a failure never stops the others."""
        if self._stopping.is_set() or self._failed.get(notice_id, 0.0) > time.monotonic():
            return
        self._failed[notice_id] = time.monotonic() + _RETRY_SECONDS
        if self._guarded(f"notice {notice_id}", do):
            del self._failed[notice_id]

    def _run_with_backoff(self, what: str, do: Callable[[], object]) -> None:
        """Do one part of a run; where it fails, such as on a full disk, ever less often."""
        if self._failed.get(what, 0.0) > time.monotonic():
            return
        if self._guarded(what, do):
            self._pauses.pop(what, None)
        else:
            self._pauses[what] = pause = min(_LONGEST_RETRY_SECONDS, self._pauses.get(what, _POLL_SECONDS / 2) * 2)
            self._failed[what] = max(self._failed.get(what, 0.0), time.monotonic() + pause)

    def _guarded(self, what: str, do: Callable[[], object]) -> bool:
        try:
            do()
        except (GoodhosterError, OSError) as error:
            if self._problems.get(what) != str(error):
                hint = error.hint if isinstance(error, GoodhosterError) else f"{what} is tried again"
                _log.error("%s; %s", error, hint)
            self._problems[what] = str(error)
            return False
        except Exception:
            _log.exception("%s failed; it is tried again", what)
            self._problems[what] = f"{what} failed, and is tried again: see the journal"
            return False
        self._problems.pop(what, None)
        return True


class _WayIn(Protocol):
    @property
    def problem(self) -> str:
        """What is wrong with it now, for `status`; empty when all is well."""

    def start(self) -> None:
        """Start. ConfigurationError when it cannot be opened."""

    def stop(self) -> None:
        """Stop after what is in hand."""


def _ways_in(notices: NoticeServices, settings: Settings, storage: NoticeStorage) -> list[_WayIn]:
    ways: list[_WayIn] = []
    if settings.notices.lmtp is not None:
        from goodhoster_agent.intake.lmtp import LmtpIntake, lmtp_settings  # noqa: PLC0415 - only where one is set

        if (lmtp := lmtp_settings(settings)) is not None:
            ways.append(LmtpIntake(storage, lmtp))
    if settings.notices.listen is not None:
        from goodhoster_agent.doors.client_address import ClientAddresses  # noqa: PLC0415 - the same
        from goodhoster_agent.doors.http_server import HttpThread  # noqa: PLC0415 - the same
        from goodhoster_agent.doors.notices import NoticeCounter, NoticeDoor  # noqa: PLC0415 - the same

        room = partial(_has_room, settings.state_dir, settings.notices.reserve)
        counter = NoticeCounter(storage, notices.reader, notices.trust, notices.store, room)
        clients = ClientAddresses(settings.notices.client_address_header)
        others = list(_other_routes(notices, settings, clients))
        door = NoticeDoor(counter, RateLimit(time.monotonic), clients.of, others)
        ways.append(HttpThread(door.app, settings.notices.listen))
    if settings.imap is not None:
        from goodhoster_agent.intake.imap import ImapIntake, MailboxIntake  # noqa: PLC0415 - the same
        from goodhoster_agent.intake.mailbox import mailbox_of  # noqa: PLC0415 - the same

        own = "imap" in settings.notices.authserv_mailboxes
        folder = settings.state_dir / "notices"
        ways.append(ImapIntake(MailboxIntake(storage, mailbox_of(settings.imap), folder, own_server=own)))
    return ways


def _other_routes(notices: NoticeServices, settings: Settings, clients: ClientAddresses) -> Iterator[Routes]:
    """What customers and identity providers ask for at the same address."""
    from goodhoster_agent.doors.appeal_pages import AppealPages  # noqa: PLC0415 - only where the door is set
    from goodhoster_agent.doors.contact_pages import ContactPages  # noqa: PLC0415 - the same

    yield ContactPages(notices.contacts)
    yield AppealPages(notices.form_appeals, RateLimit(time.monotonic), clients.of)
    if settings.identity_providers:
        from goodhoster_agent.doors.identity import IdentityMessages  # noqa: PLC0415 - only where one is set

        yield IdentityMessages(notices.vetting)


def _has_room(directory: Path, reserve: int) -> bool:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize >= reserve


def _known(receipt: Receipt) -> bool:
    """Whether the notice came with a token, or is a mail.

    Who sent a mail is known only by its signature. The others are taken at their pace.
    """
    return bool(receipt.notifier) or receipt.carrier is Carrier.MAIL


def _urgency(receipt: Receipt) -> int:
    """Sort key: requests with a token first, then mail, then the public.

    So a flood of one kind keeps no other waiting.
    """
    return 0 if receipt.notifier else 1 if receipt.carrier is Carrier.MAIL else 2
