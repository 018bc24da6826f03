"""Sealed evidence: an encrypted copy of what was taken offline, and what happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

REQUEST_VALID = timedelta(days=7)
"""How long a second person may confirm what a first one asked for."""


class SealedEvidenceKind(StrEnum):
    """What the file was taken offline for; each has its own retention."""

    KNOWN = "known"
    """A source knows the very bytes."""
    NEAR = "near"
    """A source knows a picture that looks the same."""
    NOTICE = "notice"
    """A notice named it, or only a person ordered it."""


class EvidenceState(StrEnum):
    """Where a piece of evidence stands."""

    SEALED = "sealed"
    HELD = "held"
    """A legal hold forbids its destruction."""
    DUE = "due"
    """Its retention is over, which was announced."""
    DESTROYED = "destroyed"
    MISSING = "missing"
    """The ciphertext is not there, and nobody destroyed it through us."""


class TwoPersonAction(StrEnum):
    """What one person asks for and another confirms."""

    EXPORT = "export"
    DESTROY = "destroy"
    RECIPIENTS = "recipients"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as an account of this host: the numbers tell two persons apart."""

    name: str
    uid: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long sealed evidence is kept, by its kind."""

    known: timedelta
    near: timedelta
    notice: timedelta

    def of(self, kind: SealedEvidenceKind) -> timedelta:
        """How long evidence of that kind is kept."""
        return {
            SealedEvidenceKind.KNOWN: self.known,
            SealedEvidenceKind.NEAR: self.near,
            SealedEvidenceKind.NOTICE: self.notice,
        }[kind]


@dataclass(frozen=True, slots=True)
class Subject:
    """A file in quarantine that is to be sealed."""

    id: str
    """Its name in quarantine: the case's, with a number for each copy."""
    case: str
    kind: SealedEvidenceKind
    sha256: bytes
    """Of the bytes that were checked."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was sealed, written once with it.

    It names neither the customer nor the path: the case does.
    """

    id: str
    case: str
    kind: SealedEvidenceKind
    sha256: str
    size: int
    ciphertext_sha256: str
    ciphertext_size: int
    sealed_at: datetime
    keep_until: datetime
    """Fixed when it was sealed: a shorter retention that is configured later destroys nothing earlier."""
    recipients: tuple[str, ...]
    tool: str
    """The program and its version."""


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """Whether the sealed copy of a file in quarantine lets the file itself be destroyed."""

    whole: bool
    """It is there with the bytes that were written; or it was destroyed, as its retention or two persons said."""
    why: str = ""
    """Why it is not, or who holds it."""
    held: bool = False
    """A legal hold forbids that anything is destroyed."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing is destroyed while one is in force."""

    person: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TwoPersonRequest:
    """What one person asked for, and another has to confirm."""

    action: TwoPersonAction
    person: Person
    reason: str
    at: datetime
    about: tuple[str, ...] = ()
    """The recipients that were asked for."""

    def valid(self, now: datetime) -> bool:
        """Whether it may still be confirmed."""
        return now < self.at + REQUEST_VALID


@dataclass(frozen=True, slots=True)
class ClosedRequest:
    """What a person ended of a piece of evidence: a hold, or a request."""

    what: str
    """`released` or `exported`."""
    person: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Custody:
    """What happened to a piece of evidence since it was sealed. The audit log has all of it too."""

    holds: tuple[Hold, ...] = ()
    requests: tuple[TwoPersonRequest, ...] = ()
    due_at: datetime | None = None
    """When it was announced that its retention is over."""
    destroyed_at: datetime | None = None
    destroying: Hold | None = None
    """Who ordered that it is destroyed, and why; written before its ciphertext is removed."""
    answered: tuple[ClosedRequest, ...] = ()
    """What was released, exported or taken back last, by whom."""

    def request(self, action: TwoPersonAction, now: datetime) -> TwoPersonRequest | None:
        """What was asked for and may still be confirmed."""
        return next((one for one in self.requests if one.action is action and one.valid(now)), None)


@dataclass(frozen=True, slots=True)
class SealedEvidence:
    """A piece of sealed evidence as it is now."""

    manifest: Manifest
    custody: Custody = field(default_factory=Custody)
    present: bool = True
    """Whether the ciphertext is there."""

    @property
    def state(self) -> EvidenceState:
        """Where it stands."""
        if self.custody.destroyed_at is not None:
            return EvidenceState.DESTROYED
        if not self.present:
            return EvidenceState.MISSING
        if self.custody.holds:
            return EvidenceState.HELD
        return EvidenceState.DUE if self.custody.due_at else EvidenceState.SEALED
