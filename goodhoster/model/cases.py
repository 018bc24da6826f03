"""A case: one upload of one customer and its copies, from match or notice to one outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, SourceAnswer, VerdictKind


@dataclass(frozen=True, slots=True)
class Order:
    """A person's word about a case, a storm or a notice."""

    actor: str
    reason: str
    moved: bool = False
    """Of a restore: the directory at the place is the right one, although it is another than before."""


class CaseState(StrEnum):
    """Where a case stands. Every match ends in exactly one of the outcomes (promise G3)."""

    OPEN = "open"
    """A measure is decided and under way; after a crash it is finished or marked at the next start."""
    HELD = "held"
    """Waits for a person: `cases confirm` or `cases restore`."""
    FAILED = "failed"
    """The measure could not be carried out: the file may be online. Needs a person; `cases confirm` tries again."""
    OFFLINE = "offline"
    """Outcome: taken offline, and verified."""
    OBSERVED = "observed"
    """Outcome in mode observe: recorded, nothing touched."""
    GONE = "gone"
    """Outcome: the file had disappeared or changed before the measure."""
    WITHDRAWN = "withdrawn"
    """Outcome: asked again before the measure, no source knew the file any more; it was not touched."""
    RESTORING = "restoring"
    """A person ordered it back and that is under way."""
    RESTORED = "restored"
    """Outcome: a named person overruled the match, and the file is back or was never moved."""
    REFUSED = "refused"
    """Outcome of an attempt: an application was told not to store it. There is no file."""
    CONFIRMED = "confirmed"
    """Outcome of an attempt that was accepted, since it was held or only observed: a person confirmed the match."""

    @property
    def closed(self) -> bool:
        """True for an outcome."""
        return self in _OUTCOMES


_OUTCOMES = frozenset(CaseState) - {CaseState.OPEN, CaseState.HELD, CaseState.FAILED, CaseState.RESTORING}
MEASURING = frozenset({CaseState.OPEN, CaseState.FAILED})
"""A measure was decided, and is not done."""
UNDER_WAY = frozenset({CaseState.OPEN, CaseState.RESTORING, CaseState.FAILED})
"""Something is to be done or tried again without a person."""
UNDECIDED = frozenset({CaseState.HELD, CaseState.OBSERVED})
"""Waiting for a person; nothing was done."""
OVERRULED = frozenset({CaseState.RESTORING, CaseState.RESTORED})
"""A person had the last word."""
UNTOUCHED = frozenset({CaseState.GONE, CaseState.WITHDRAWN})
"""Outcomes that came to nothing: the case begins anew when there is something to do again."""


class MeasureKind(StrEnum):
    """What can be done to an upload; each names its inverse."""

    QUARANTINE = "quarantine"
    """Taken offline on the same file system. Inverse, until it is destroyed: `cases restore`, exact in every byte."""
    REFUSAL = "refusal"
    """An application was told not to store it. Inverse: `cases restore`, after which the next attempt is accepted."""


class MeasureState(StrEnum):
    """How far a measure is."""

    PROPOSED = "proposed"
    """What would be done, if a person says so."""
    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    """There was nothing to do any more: the file had disappeared or changed, or no source knew it any more."""
    UNDONE = "undone"
    DESTROYED = "destroyed"
    """Done, and the file in quarantine was destroyed when the restore window had ended: it has no inverse any more."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Another file of the same customer with the same content: a copy, a size, another name."""

    upload: Upload
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a case."""

    kind: MeasureKind
    state: MeasureState
    detail: str = ""
    """Why it failed, or what could not be locked; for people."""
    copy: Copy | None = None
    """The file it is about, where that is not the case's own."""


@dataclass(frozen=True, slots=True)
class Case:
    """The whole record of a case. Changed only by replacing it (`CaseStore.replace`)."""

    id: str
    state: CaseState
    upload: Upload
    digests: Digests
    matches: tuple[Match, ...]
    opened_at: datetime
    measures: tuple[Measure, ...] = ()
    closed_at: datetime | None = None
    reason: str = ""
    """Why it is held, failed, gone or restored, in plain words."""
    actor: str = ""
    """The person who overruled or confirmed; empty while only the house rules spoke."""
    notice: str = ""
    """The notice that opened it; empty when a match did."""
    notifier: str = ""
    """Whose proven notice that was; empty when nobody's."""
    answered: tuple[SourceAnswer, ...] = ()
    """The sources that answered about the file when the case was opened or last decided anew."""

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """Its own file, then the copies."""
        return (self.upload, *(measure.copy.upload for measure in self.measures if measure.copy))

    @property
    def is_attempt(self) -> bool:
        """Whether it is about what an application wanted to store: there is no file of ours."""
        return any(measure.kind is MeasureKind.REFUSAL for measure in self.measures)

    @property
    def is_kept(self) -> bool:
        """Whether an application says that it kept what it was told to refuse."""
        return any(m.kind is MeasureKind.REFUSAL and m.state is MeasureState.FAILED for m in self.measures)

    def passed_by(self, upload: Upload) -> bool:
        """Whether nothing came of the case for that file: it was gone, or no source knew it."""
        if self.state in UNTOUCHED:
            return same_file(upload, self.uploads)
        refused = [self.about(n).upload for n, m in enumerate(self.measures) if m.state is MeasureState.REFUSED]
        return self.state is CaseState.OFFLINE and same_file(upload, refused)

    @property
    def destroyed(self) -> str:
        """When files of it were destroyed in quarantine, in words; empty where none was."""
        return next((measure.detail for measure in self.measures if measure.state is MeasureState.DESTROYED), "")

    def about(self, number: int) -> Copy:
        """The file that the measure of that number is about."""
        return self.measures[number].copy or Copy(self.upload, self.digests.sha256)

    def quarantine_id(self, number: int) -> str:
        """The name of that file in quarantine: the id of the case, with a number for each copy."""
        return self.id if self.measures[number].copy is None else f"{self.id}-{number}"

    @property
    def verdict(self) -> VerdictKind | None:
        """Known where any source knows the very bytes, near otherwise; exempt where every match is.

        None where no source knows it, such as a file that only a notice named.
        """
        if not self.matches:
            return None
        acting = [match for match in self.matches if match.exemption is None]
        if not acting:
            return VerdictKind.EXEMPT
        exact = any(not match.near for match in acting)
        return VerdictKind.KNOWN if exact else VerdictKind.NEAR


@dataclass(frozen=True, slots=True)
class Claim:
    """The process that is at work on a case.

    A mover is asked for it without a lock, and nobody else touches the case meanwhile.
    """

    holder: int
    """A number that the process holds for as long as it lives and works on it; see `linux.holder_locks`."""
    pid: int
    """Of that process, for people."""
    since: datetime
    until: datetime
    """After this moment others may take over, whatever the process does."""


def same_file(upload: Upload, among: Iterable[Upload]) -> bool:
    """Whether one of them is this file in this state."""
    return any((upload.place, upload.state) == (one.place, one.state) for one in among)
