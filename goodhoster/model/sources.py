"""What a hash source is asked, and how it is doing (for `status` and `doctor`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind


@dataclass(frozen=True, slots=True)
class Question:
    """What every source is asked about one content; each answers by what it has lists of."""

    digests: Digests
    fingerprints: tuple[Fingerprint, ...] | None = None
    """Empty when there are none to take (a video, a text); None when nobody opened the content to take them."""
    live: bool = False
    """The source itself is to say so, now: no answer that was remembered counts."""
    whole: bool = True
    """False: a part of the picture could not be opened, and no source can say no by the fingerprints of the rest."""

    @property
    def lacks_fingerprints(self) -> bool:
        """Whether a file lacks fingerprints: a source that needs them cannot say no.

        Who asks by a digest alone has no file, and wants to know about the digest only.
        """
        return (self.fingerprints is None or not self.whole) and all(map(self.digests.has, Algorithm))

    def lacks(self, kind: FingerprintKind) -> bool:
        """Whether this fingerprint was not taken of a picture: a source that needs it cannot say no.

        The picture was opened without taking it, or was not opened at all.
        """
        if self.fingerprints is None or not self.whole:
            return self.lacks_fingerprints
        return bool(self.fingerprints) and all(each.kind is not kind for each in self.fingerprints)

    def matchable(self, kind: FingerprintKind) -> tuple[Fingerprint, ...]:
        """The fingerprints of that kind by which a near match can be found."""
        return tuple(each for each in self.fingerprints or () if each.kind is kind and each.matchable)

    def is_flat(self, kinds: Iterable[FingerprintKind]) -> bool:
        """Whether this is a picture with too little to see for a near match of any of these kinds."""
        return bool(self.fingerprints) and not any(map(self.matchable, kinds))


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A snapshot of one source's figures since the process started."""

    name: str
    checks: int = 0
    """Questions that got a usable answer."""
    matches: int = 0
    seconds: float = field(default=0.0, compare=False)
    """The time that all questions took, answered or not."""
    remembered: int = 0
    """Questions that it was not asked: the answer to the same one was remembered, or under way."""
    unchecked: Mapping[str, int] = field(default_factory=dict)
    """Questions that stayed without a usable answer, by reason code."""
    last_contact: datetime | None = None
    """When the source last gave a usable answer."""
    last_error: str = ""
    """The newest failure in words; empty when the newest question was answered."""
    alarm: bool = False
    """The source refuses our account (401, 403): a person must act."""
    shadow: bool = False
    """What it says is recorded and nothing else."""
    paused_until: datetime | None = None
    """Not asked before this time: its circuit breaker is open."""
