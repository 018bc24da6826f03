"""The status of a notice, from the raw bytes on disk to answered and checked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from goodhoster.model.notices import Carrier, ReadItem, ReadNotice, TrustFinding, TrustLevel
from goodhoster.model.uploads import Place


class NoticeState(StrEnum):
    """Where a notice stands."""

    RECEIVED = "received"
    """Safe on disk, not read yet."""
    OPEN = "open"
    """Under way: something is offline but not yet seen to be inaccessible from outside."""
    NEEDS_PERSON = "needs-person"
    """Something waits for a person; the clock goes on."""
    DONE = "done"
    """Every item is settled. A later look from outside may reopen it."""


class ItemState(StrEnum):
    """Where one URL stands."""

    WAITING = "waiting"
    """Nothing was done yet."""
    HELD = "held"
    """Waits for a person; the reason says why."""
    UNDER_WAY = "under-way"
    """A measure is intended and not done yet, as while no mover answers: it is continued by itself."""
    OBSERVED = "observed"
    """In mode observe: recorded what would be done, nothing touched, nobody answered."""
    FORWARDED = "forwarded"
    """It lies on a server of the customer's own, who was told to act; the clock goes on, and so does the customer's."""
    OFFLINE = "offline"
    """The measure is done; from outside it has not been seen to be gone yet."""
    MISSING = "missing"
    """No file was there when we came, and nothing was done; from outside it has not been seen to be gone yet."""
    INACCESSIBLE = "inaccessible"
    """Settled: gone, also from outside where we may look."""
    GONE = "gone"
    """Settled: it had disappeared before we came."""
    NOT_OURS = "not-ours"
    """Settled: it does not live here."""
    DISPUTED = "disputed"
    """Settled: a named person decided that it stays."""
    REOPENED = "reopened"
    """It was gone and is back, the clock goes on: at its own address it is acted on once more, else a person looks."""

    @property
    def settled(self) -> bool:
        """True when nothing more has to be done, so that the clock stands still."""
        return self in _SETTLED

    @property
    def answer_code(self) -> Literal["acted", "not-ours", "already-gone", "reviewed-not-acted", "pending"]:
        """The reason code in the answer to a program; `need-more` if there is nothing to act on."""
        if self in {ItemState.OFFLINE, ItemState.INACCESSIBLE}:
            return "acted"
        if self is ItemState.NOT_OURS:
            return "not-ours"
        if self is ItemState.GONE:
            return "already-gone"
        return "reviewed-not-acted" if self is ItemState.DISPUTED else "pending"

    @property
    def continues(self) -> bool:
        """True when something still happens by itself before it is settled or waits for a person."""
        return self in _CONTINUED

    @property
    def waits_for_person(self) -> bool:
        """True when a person looks; a reopened item is acted on once more by itself, too."""
        return self in _FOR_A_PERSON


DATED_AHEAD = timedelta(hours=1)
"""Received so much later than now: no clock that is only corrected a little does that."""
_SETTLED = frozenset({ItemState.INACCESSIBLE, ItemState.GONE, ItemState.NOT_OURS, ItemState.DISPUTED})
_CONTINUED = frozenset({ItemState.WAITING, ItemState.UNDER_WAY, ItemState.FORWARDED})
_FOR_A_PERSON = frozenset({ItemState.HELD, ItemState.OBSERVED, ItemState.REOPENED})


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a raw notice is safe on disk: given before anybody tried to read it."""

    id: str
    """Of the notice."""
    received_at: datetime
    """When we had it whole, UTC: every deadline counts from here."""
    carrier: Carrier
    sha256: bytes
    """Of the raw bytes as they came."""
    sender: str = ""
    """Envelope sender of a mail, network address of a request; proves nothing."""
    notifier: str = ""
    """Whose API token came with it; empty for everything else."""
    status_key: str = ""
    """Secret part of the status address of a web form; empty where there is none."""
    own_server: bool = False
    """A mail that came by a way on which nobody but our own mail server delivers: its Authentication-Results count."""


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One URL of a notice."""

    read: ReadItem
    url: str
    """The URL meant, once it is located; before that the likeliest reading."""
    state: ItemState = ItemState.WAITING
    customer: str = ""
    place: Place | None = None
    cases: tuple[str, ...] = ()
    """About all its files: one for each customer that had it, and those in which one of them was already."""
    blocked: bool = False
    """The web server shows nothing there (451, or 404 where that is set)."""
    reason: str = ""
    """Why it stands where it stands, for people."""
    gone_at: datetime | None = None
    """Since when it is inaccessible."""
    reopened: int = 0
    """How often it was gone and came back."""
    consecutive_checks: int = 0
    """While it is inaccessible: how often in a row it was seen to be gone. While it is to be seen to go: how often in a
    row it was still there, or could not be looked at. Of a reopened item: 0 until it was acted on once more.
    """
    gone_checks: int = 0
    """How often in a row it was seen to be gone although nothing was done about it."""
    next_check_at: datetime | None = None
    """When to look next."""
    known_to: tuple[str, ...] = ()
    """Sources that know its file or a copy, exactly: a second opinion, which makes it more urgent."""
    front: str = ""
    """Address that the notifier saw and that is not ours although the site is: a CDN, which must be purged, too."""
    network: str = ""
    """Whose network that is, or that of a URL that is not ours, as far as the hoster wrote it down."""
    copies_held: tuple[str, ...] = ()
    """Cases about copies of it that wait for a person of their own: nothing of this item waits with them."""
    server: str = ""
    """Address of a server of the customer's own that it lies on."""
    forwarded: str = ""
    """The question to that customer's contact with which it was forwarded; see `model.contact_requests`."""
    found_at: tuple[str, ...] = ()
    """Other addresses of ours at which the crawler found it again: gone is what is gone there, too."""
    stated: tuple[str, ...] = ()
    """What statements of reasons told of: `ID.NUMBER` of a case, `address.NUMBER` of a block.

    The number is that of the notice's statement to that customer.
    """
    unresolved: str = ""
    """Which copy could not be dealt with, and why: until a person has seen to it the item is not done."""

    def stated_in(self, part: str) -> int:
        """The number of the statement that told of a case or a block of its `address`; 0: none did."""
        return next(
            (int(number) for told, _, number in (one.rpartition(".") for one in self.stated) if told == part), 0
        )

    @property
    def dismissible(self) -> bool:
        """Whether a dismissal of the notice is about it: it waits for a person or anything else."""
        return self.state.waits_for_person or self.state.continues


@dataclass(frozen=True, slots=True)
class Reply:
    """A mail that answers one of our letters about a notice.

    By itself it can only shorten the term, or keep customers from being told.
    """

    receipt: Receipt
    sender: str = ""
    """Address in its From; proves nothing."""
    opening: str = ""
    """First line of what it says."""
    automatic: bool = False
    """Sent by a machine: no person need see it."""
    notice: str = ""
    """The notice that it is as well, as it names something new; empty where it only answers."""
    seen: bool = False
    """A person decided about the notice after it came."""

    @property
    def waits(self) -> bool:
        """Whether a person still has to see it."""
        return not (self.seen or self.automatic or self.notice)


class DecisionVerb(StrEnum):
    """What a person decides about a notice."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Decided:
    """A person's decision about a notice."""

    verb: DecisionVerb
    actor: str
    reason: str
    at: datetime
    done: bool = True
    """False while it is carried out; where a crash interrupted that, looking after the notice goes on with it."""

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor} at {self.at:%Y-%m-%d %H:%M:%S} UTC: {self.reason}"


@dataclass(frozen=True, slots=True)
class Notice:
    """The whole record of a notice. Changed only by replacing it (`NoticeStore.replace`)."""

    receipt: Receipt
    state: NoticeState = NoticeState.RECEIVED
    read: ReadNotice | None = None
    """What it says, without the items: each of those keeps its own reading."""
    trust: TrustFinding | None = None
    items: tuple[NoticeItem, ...] = ()
    deadline: datetime | None = None
    stopped_at: datetime | None = None
    """When the last item was settled; None while the clock goes on."""
    duplicate_of: str = ""
    """An earlier notice of the same notifier, reference and URLs; this one is answered all the same."""
    reason: str = ""
    """Why a person must look, for people."""
    named: tuple[str, ...] = ()
    """Host names and addresses of ours that stand in it and to which no item leads."""
    reviewed: bool = False
    """A person has seen to what no program read in it and to what it names beside its items."""
    decided: Decided | None = None
    """The last decision of a person."""
    index_gap: str = ""
    """What the index did not know yet when copies were looked for; empty where it knew every file."""
    sent: tuple[str, ...] = ()
    """Letters and pages that went out, each once."""
    replies: tuple[Reply, ...] = ()
    """What came as answer to our letters, oldest first."""
    due: datetime | None = None
    """When something must be looked after without anybody asking; None: never by itself."""

    @property
    def id(self) -> str:
        """Its name, also the name of the raw message."""
        return self.receipt.id

    @property
    def notifier(self) -> str:
        """Whose proven notice it is; empty when nobody's."""
        return self.trust.notifier if self.trust else ""

    @property
    def level(self) -> TrustLevel:
        """How far the sender is believed; nobody is before the message was read."""
        return self.trust.level if self.trust else TrustLevel.UNAUTHENTICATED

    @property
    def reference(self) -> str:
        """The notifier's own number."""
        return self.read.reference if self.read else ""

    @property
    def needs_more(self) -> bool:
        """True when it was read and no address was found in it, so that its sender must say more."""
        return self.read is not None and not self.items and not self.read.test

    @property
    def urgent(self) -> bool:
        """Does something wait for a person that a source knows, whoever sent the notice?"""
        return any(item.known_to and item.state.waits_for_person for item in self.items)

    def overdue(self, now: datetime) -> bool:
        """Did, or does, the clock go on beyond the deadline?

        So it counts too where it was received later than now: the clock was ahead then, and so is the deadline.
        """
        if self.deadline is None:
            return False
        return (self.stopped_at or now) > self.deadline or (self.stopped_at is None and self.dated_ahead(now))

    def dated_ahead(self, now: datetime) -> bool:
        """Whether it was received while the clock was far ahead: its deadline is unreliable."""
        return self.receipt.received_at > now + DATED_AHEAD


@dataclass(frozen=True, slots=True)
class Block:
    """One address at which the web server shows nothing; `notices dismiss` lifts it."""

    url: str
    notice: str
    notifier: str
    customer: str
    at: datetime


class Sight(StrEnum):
    """What somebody outside sees at an address."""

    GONE = "gone"
    THERE = "there"
    UNKNOWN = "unknown"
    """It could not be looked at; never taken for gone."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, and how."""

    sight: Sight
    detail: str
    """For people: which address answered what."""


@dataclass(frozen=True, slots=True)
class NoticeFigures:
    """Counts for `status`."""

    open: int
    """Notices whose clock goes on."""
    overdue: int
    """Those of them whose deadline has passed."""
    needs_person: int
