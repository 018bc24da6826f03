"""Ports of notices: record, readers, keys, letters, checks from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from goodhoster.model.crawling import FetchedPage
from goodhoster.model.letters import Letter
from goodhoster.model.notice_status import Block, Notice, NoticeFigures, NoticeState, Seen
from goodhoster.model.notices import Belief, RawNotice, ReadNotice, SeenMail


@dataclass(frozen=True, slots=True)
class NoticeQuery:
    """A filter for notices; every field that is set narrows."""

    states: frozenset[NoticeState] = frozenset()
    url: str | None = None
    """With an item of exactly this URL."""
    notifier: str | None = None
    reference: str | None = None
    due: datetime | None = None
    """With something to look after at this moment."""
    received_since: datetime | None = None
    received_before: datetime | None = None
    host: str | None = None
    """With an item on this host."""
    customer: str | None = None
    """With an item that led to this customer."""
    newest: int | None = None
    """At most so many, the newest of them."""


class NoticeStore(Protocol):
    """The record of notices.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def add(self, notice: Notice) -> None:
        """Record a new notice. RefusedError when the id exists."""

    def replace(self, notice: Notice, *, expected: NoticeState) -> None:
        """Replace the notice of that id if it is still in the expected state.

        RefusedError otherwise.
        """

    def get(self, notice_id: str) -> Notice:
        """The notice of that id; RefusedError when there is none."""

    def complete(self, part: str) -> str:
        """The id of the one notice that begins with this, or whose part behind the date does.

        RefusedError when there is none, and when there are several: it names some.
        """

    def find(self, query: NoticeQuery) -> Iterator[Notice]:
        """The notices that the query describes, oldest first.

        Which they are is settled when this returns; each is read when its turn comes, so that a hundred thousand cost
        the memory of one.
        """

    def ids(self, query: NoticeQuery) -> Sequence[str]:
        """The ids of the notices that the query describes, oldest first; none of them is read."""

    def recorded(self, notice_ids: Iterable[str]) -> frozenset[str]:
        """Those of these ids that are in the record."""

    def figures(self, now: datetime) -> NoticeFigures:
        """Counts over everything."""


class NoticeReader(Protocol):
    """Parses raw notices. May be asked from any number of threads at once."""

    def read(self, raw: RawNotice) -> ReadNotice:
        """Parse a raw notice; *unreadable* is an answer.

        Never raises for what is in it. Ends within its own limits of time and memory.
        """


class KeyRecords(Protocol):
    """The published public keys of mail signatures (DNS TXT records)."""

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of that name, each complete; empty when there are none.

        PassingError when no server answered.
        """


class SeenMails(Protocol):
    """The record of accepted mails, so that a copy of one is not accepted again.

    Durable when a call returns.
    """

    def first(self, fingerprint: bytes, mail: SeenMail) -> SeenMail:
        """The first mail that was noted with that fingerprint: this one, where none was before.

        May be called twice.
        """


class SignatureCheck(Protocol):
    """A proof of a mail's sender other than its DKIM signature. Threads may share it."""

    @property
    def is_final(self) -> bool:
        """Whether this proof is final: a sender accepted by it is trusted, and no other is asked.

        Else the best of all proofs counts.
        """

    def belief(self, raw: bytes, mail: SeenMail) -> Belief | None:
        """The trust in a mail, whose headers every program reads alike.

        None when it bears no such proof. Never raises for what is in it, and notes a mail that is trusted.
        """


class Mailer(Protocol):
    """A client of a mail server, which sends letters. For one thread at a time."""

    def send(self, letter: Letter) -> None:
        """Send a mail; returns when the server has accepted it.

        PassingError: not now, try all of them later; LetterPutOffError: not this one now; PermanentError: never this
        one.
        """

    def close(self) -> None:
        """Close the connection. May be called twice; `send` opens it again."""


class Outside(Protocol):
    """A view of our own sites from outside, as the rest of the world has it."""

    def look(self, url: str) -> Seen:
        """Check whether a URL is publicly reachable, by http and https, with and without www.

        Keeps nothing of what it sees, goes to our own addresses only, ends within its own limit of time, never
        raises: what could not be looked at is *unknown*.
        """


class SitePages(Protocol):
    """The pages of our own sites, for the crawler."""

    def get(self, url: str) -> FetchedPage:
        """Request one address.

        Keeps nothing, goes to our own addresses only, follows no redirect, reads no more than it may, ends within its
        own limit of time, never raises: what could not be asked says so.
        """


class UrlBlocks(Protocol):
    """Addresses at which our web server shows nothing.

    Durable, and seen to hold where we may look, when it returns.
    """

    def prepare(self) -> None:
        """Make the file that the web server's configuration includes, if it is not there yet."""

    def block(self, block: Block) -> None:
        """Block an address; may be called again for the same.

        PermanentError when it could not be done or did not take effect: nothing was changed then.
        """

    def lift(self, url: str) -> None:
        """Undo `block` exactly; may be called for what is not blocked.

        PermanentError as for `block`.
        """

    def blocks(self) -> Sequence[Block]:
        """The blocked addresses, oldest first."""
