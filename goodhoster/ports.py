"""What goodhoster asks of the outside. Each promise is checked by a conformance suite in `goodhoster.testing`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.digests import Digest
from goodhoster.model.fingerprints import Pixels
from goodhoster.model.letters import Letter
from goodhoster.model.notice_status import Block, Notice, NoticeFigures, NoticeState, Seen
from goodhoster.model.notices import RawNotice, ReadNotice, SeenMail, Site
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.storms import Cause, Opened, Storm
from goodhoster.model.uploads import Content, FileState, Place, Upload
from goodhoster.model.verdicts import Match


class Clock(Protocol):
    """Tells the time; tests bring their own."""

    def __call__(self) -> datetime:
        """The present moment, aware, UTC."""


class HashSource(Protocol):
    """Somebody who knows digests: the HashCheckService, own lists.

    May be asked from any number of threads at once.
    """

    @property
    def name(self) -> str:
        """How matches, counts and the audit log call this source."""

    @property
    def local(self) -> bool:
        """True when no question leaves the machine: such a source is asked about every file, others about pictures."""

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Every match of this content; empty means the source said no.

        Ends within the source's own total deadline. Raises SourceUnavailableError (ask again later) or
        SourceRefusedError (a person must act) and never guesses: an odd answer is unavailable. Raises UncheckedError
        (`not-askable`) when nothing that was taken of the content is what this source can be asked by.
        """

    def probe(self) -> None:
        """Ask a harmless trial question; returns when the source answered it properly, raises as `look_up` does."""

    def close(self) -> None:
        """Give back connections and threads. May be called twice."""


class ObservedSource(HashSource, Protocol):
    """A hash source that keeps figures of itself; `assembly` wraps every source so."""

    def health(self) -> SourceHealth:
        """The figures up to now."""


class Hasher(Protocol):
    """Reads contents. May be asked from any number of threads at once."""

    def read(self, fd: int) -> Content:
        """What an open regular file holds: always its exact digests, and what is inside where that can be opened.

        Reads from the start, whatever the descriptor's position, and leaves that where it is. Raises UncheckedError
        when the digests could not be taken (`too-big`, `unreadable`). Never raises for what is inside: a content that
        cannot be opened, breaks or hangs its reader or goes over a limit has its digests and a `fault`.
        """

    def problems(self) -> list[str]:
        """What protects less than it should on this machine, in words for `status`; empty when all is there."""

    def close(self) -> None:
        """Give back processes. May be called twice."""


class LicensedFingerprinter(Protocol):
    """A library for PhotoDNA, of a hoster who has a licence: none is shipped. See docs/how-to-photodna.md.

    Made in each process that opens pictures, before that is confined: what it needs of the disk it must take then, for
    later there are no files, no network and no other programs. One thread asks.
    """

    def fingerprint(self, picture: Pixels) -> bytes:
        """The fingerprint, in the form in which the service is asked by it; empty when the picture has none.

        The same for the same pixels, and at most 4,096 bytes. Whatever it raises leaves out its own fingerprint only.
        """


class AuditLog(Protocol):
    """The append-only record of what was intended and what was done. Several processes may write to one log."""

    def append(self, event: AuditEvent) -> AuditEntry:
        """Add an entry; returns after it is durable on disk. Raises AuditError and then nothing may be acted on."""

    def append_all(self, events: Sequence[AuditEvent]) -> Sequence[AuditEntry]:
        """Add several in this order, which costs hardly more than one; a crash may leave only the first of them."""

    def entries(self) -> Iterator[AuditEntry]:
        """All entries, oldest first. Raises AuditError at the first line that is not an entry."""

    def verify(self) -> AuditFinding:
        """Read the whole log and say whether every entry is whole and bound to the one before. Never raises for
        bad content: that is the finding.
        """


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases; every field that is set narrows."""

    states: frozenset[CaseState] = frozenset()
    customer: str | None = None
    place: Place | None = None
    beside: Place | None = None
    """Cases about other sizes, by their names, of the picture at that place. Others may be among them, as far as their
    paths are in `model.sizes.ranges`.
    """
    digest: Digest | None = None
    opened_since: datetime | None = None
    notifier: str | None = None
    automatic: bool = False
    """Only cases that were acted on and in which no person spoke."""


class CaseFigures(Protocol):
    """What the house rules count before they decide."""

    def count(self, query: CaseQuery) -> int:
        """How many cases the query describes."""

    def customers_with(self, digest: Digest) -> frozenset[str]:
        """The customers at which a source matched this content, whatever became of it."""


class CaseStore(CaseFigures, Protocol):
    """The record of cases. Every call is atomic and durable when it returns; processes may share one store."""

    def together(self) -> AbstractContextManager[None]:
        """What this thread changes inside is one change: durable when it ends, nothing when it is left by an error.
        Other threads wait meanwhile, so nothing slow belongs in it.
        """

    def add(self, case: Case) -> None:
        """Record a new case. RefusedError when the id exists, or when the same place in the same state has a case."""

    def replace(self, case: Case, *, expected: CaseState) -> None:
        """Replace the case of that id if it is still in the expected state; RefusedError otherwise."""

    def get(self, case_id: str) -> Case:
        """The case of that id; RefusedError when there is none."""

    def find(self, query: CaseQuery) -> Sequence[Case]:
        """The cases that the query describes, oldest first; a place finds the cases of copies there, too."""


class StormStore(Protocol):
    """The record of storms. Every call is atomic and durable when it returns; processes may share one store."""

    def begin(self, storm: Storm) -> bool:
        """Record a storm that begins; False, and nothing recorded, when one of that cause brakes already."""

    def replace(self, storm: Storm) -> None:
        """Replace the storm of that id."""

    def newest(self, causes: Iterable[Cause]) -> Mapping[Cause, Storm]:
        """The newest storm of each cause; causes that never had one are left out."""

    def braking(self, part_of: str = "") -> Sequence[Storm]:
        """The storms that are not released and are part of that one (of none), oldest first."""

    def get(self, storm_id: str) -> Storm:
        """The storm of that id; RefusedError when there is none."""


class MatchLedger(Protocol):
    """What the brake counts: cases by source and moment. Durable; counting costs the same however many there are."""

    def note(self, opened: Opened) -> None:
        """A case is about to be opened. May be called again for the same case."""

    def measures(self, source: str, since: datetime, most: int) -> int:
        """Automatic measures by that source ("" for all sources) from then on; counts no further than `most`."""

    def matches(self, source: str, since: datetime, until: datetime) -> int:
        """Cases by that source, opened in [since, until)."""

    def measured(self, source: str, since: datetime, most: int) -> tuple[str, ...]:
        """The newest cases that `measures` counts, at most so many."""

    def held(self, storm_id: str) -> tuple[str, ...]:
        """The cases that this storm held when they were opened."""


class Census(Protocol):
    """What this machine knows of all uploads, whether anybody knows them or not."""

    def customers_having(self, sha256: bytes, most: int) -> frozenset[str]:
        """Customers at which a file of this content lies, for a minute at least; at most `most` are looked for."""

    def checks_between(self, since: datetime, until: datetime) -> int:
        """Contents that were asked about in that time and got an answer; an hour that is touched counts whole."""


class Quarantine(Protocol):
    """Takes a file offline on its own file system and puts it back; never touches any other file.

    After a crash at any point `settle` says where the file is, and every call may be made again. Each raises
    PassingError (nothing was changed) when whoever moves files for us cannot be reached.
    """

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """Move exactly that file out of the customer's reach, lock it and read back that it is so.

        Exactly that file: the same inode with these bytes, whatever its times say. Returns what could not be locked, in
        words, or "". Raises RefusedError when the place no longer holds it (nothing changed), QuarantineError when it
        could not be done.
        """

    def put_back(self, case_id: str, upload: Upload) -> None:
        """The exact inverse: bytes, name, owner, group, mode, times, ACL, flags; read back before the name is given.

        Raises RefusedError when the name is taken or the directory is not the one it was, QuarantineError when it could
        not be done or verified. Either way the file stays in quarantine, locked.
        """

    def settle(self, case_id: str, upload: Upload) -> Whereabouts:
        """After a crash: finish locking a file that was moved, forget an intention that was not; say where it is.

        Raises QuarantineError when that cannot be said, such as while its file system is not mounted.
        """


class Mover(Quarantine, Protocol):
    """A quarantine worked by another process, which may be away."""

    def listens(self) -> bool:
        """Does anybody take orders now? Never waits for the one that is under way."""

    def greet(self) -> None:
        """Returns when the mover is there and takes our orders; PassingError when not."""


@dataclass(frozen=True, slots=True)
class NoticeQuery:
    """Which notices; every field that is set narrows."""

    states: frozenset[NoticeState] = frozenset()
    url: str | None = None
    """With an item of exactly this URL."""
    notifier: str | None = None
    reference: str | None = None
    due: datetime | None = None
    """With something to look after at this moment."""
    received_since: datetime | None = None


class NoticeStore(Protocol):
    """The record of notices. Every call is atomic and durable when it returns; processes may share one store."""

    def add(self, notice: Notice) -> None:
        """Record a new notice. RefusedError when the id exists."""

    def replace(self, notice: Notice, *, expected: NoticeState) -> None:
        """Replace the notice of that id if it is still in the expected state; RefusedError otherwise."""

    def get(self, notice_id: str) -> Notice:
        """The notice of that id; RefusedError when there is none."""

    def find(self, query: NoticeQuery) -> Iterator[Notice]:
        """The notices that the query describes, oldest first. Which they are is settled when this returns; each is read
        when its turn comes, so that a hundred thousand cost the memory of one.
        """

    def figures(self, now: datetime) -> NoticeFigures:
        """Counts over everything."""


class Mailer(Protocol):
    """Hands letters to a mail server. One thread at a time."""

    def send(self, letter: Letter) -> None:
        """Returns when the server has taken it. PassingError: not now, try all of them later; PermanentError: never
        this one.
        """

    def close(self) -> None:
        """Give back the connection. May be called twice; `send` opens it again."""


class Outside(Protocol):
    """Looks at our own sites as the rest of the world does."""

    def look(self, url: str) -> Seen:
        """Is something there for anybody? Looks by http and https, with and without www.

        Keeps nothing of what it sees, goes to our own addresses only, ends within its own limit of time, never raises:
        what could not be looked at is *unknown*.
        """


class UrlBlocks(Protocol):
    """Addresses that our web server answers with 451. Durable, and seen to hold where we may look, when it returns."""

    def block(self, block: Block) -> None:
        """Block an address; may be called again for the same. PermanentError when it could not be done or did not take
        effect: nothing was changed then.
        """

    def lift(self, url: str) -> None:
        """The exact inverse; may be called for what is not blocked. PermanentError as for `block`."""

    def blocks(self) -> Sequence[Block]:
        """What is blocked, oldest first."""


class Pager(Protocol):
    """Wakes somebody up."""

    def page(self, subject: str, text: str) -> None:
        """Returns when the message was handed over. PassingError when it was not: it is tried again."""


class NoticeReader(Protocol):
    """Turns a raw notice into our words. May be asked from any number of threads at once."""

    def read(self, raw: RawNotice) -> ReadNotice:
        """Never raises for what is in it: *unreadable* is an answer. Ends within its own limits of time and memory."""


class KeyRecords(Protocol):
    """Where the public keys of mail signatures are published (DNS TXT records)."""

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of that name, each whole; empty when there are none. PassingError when nobody answered."""


class SeenMails(Protocol):
    """Remembers every mail that was believed, so that a copy of it is not believed again. Durable when it returns."""

    def first(self, fingerprint: bytes, mail: SeenMail) -> SeenMail:
        """The first mail that was noted with that fingerprint: this one, where none was before; may be called twice."""


class Directory(Protocol):
    """Knows which sites this host serves and where their files are: a panel, a web server's configuration, a list."""

    @property
    def name(self) -> str:
        """How messages call it."""

    def sites(self) -> Sequence[Site]:
        """Every site as it is configured now. Raises GoodhosterError when it cannot tell; never half a list."""


class ContentIndex(Protocol):
    """Where the same bytes are, as the upload index knows."""

    def same_content(self, sha256: bytes) -> Sequence[Place]:
        """Every place whose last read had that digest."""

    def same_file(self, ino: int) -> Sequence[Place]:
        """Every place that was last seen with that inode number, on whatever disk: the number of a disk may change."""

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """The digest of that place in exactly that state; None when it was not read in it."""
