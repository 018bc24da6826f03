"""What the sources said of a content, and our one summary of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import Exemption

_ALL = 100  # percent
_EXACT = frozenset(algorithm.value for algorithm in Algorithm)


OTHER_SIZE = "other-size"
"""As the algorithm of a match: the file's name alone says that it is another size of one that went offline."""
NOTICED = "noticed"
"""As the algorithm of a match: a notice took the same bytes offline at another place. It never acts by itself."""

NOT_ASKABLE = "not-askable"
"""Reason: nothing was taken of the content that a source can be asked by. That is no outage."""
NOT_ASKED = "not-asked"
"""Reason: no source is asked about this content as they are configured, such as one in shadow."""
TOO_FLAT = "too-flat"
"""Reason: the picture has too little to see for any fingerprint that a source compares."""
NO_SAY = frozenset({NOT_ASKED, TOO_FLAT})
"""Reasons that trying again does not change: asked about again when the configuration or a list does (retro-match)."""


class Category(StrEnum):
    """The category of an entry, as police and hotlines classify.

    Baseline, illegal, investigative, other.
    """

    BASELINE = "baseline"
    ILLEGAL = "illegal"
    INVESTIGATIVE = "investigative"
    OTHER = "other"
    UNSPECIFIED = "unspecified"
    """The source does not tell (the HashCheckService never does)."""


class ContentKind(StrEnum):
    """What a content is, decided by its bytes and never by its name."""

    IMAGE = "image"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Match:
    """One source's yes."""

    source: str
    algorithm: str
    """An `Algorithm`, a `FingerprintKind`, OTHER_SIZE or NOTICED."""
    category: Category = Category.UNSPECIFIED
    distance: int = 0
    """Bits apart; 0 for exact digests, and for a fingerprint that only the service can compare (PhotoDNA)."""
    exemption: Exemption | None = None
    """Under which exemption the content falls; such a match never acts."""
    remembered: bool = field(default=False, compare=False)
    """The source said so a while ago and was not asked now."""

    @property
    def near(self) -> bool:
        """Whether it matched by a fingerprint or a name only.

        Even without a differing bit that is not the same content.
        """
        return self.algorithm not in _EXACT


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """A source that was asked about a content and answered."""

    source: str
    version: str = ""
    """Of what it compared with, where it tells; empty for most services."""
    share: int = 100
    """Of all contents, in percent, that it is asked about at present."""

    def __str__(self) -> str:
        """On one line, as in the audit log."""
        version = f" {self.version}" if self.version else ""
        return f"{self.source}{version}" + ("" if self.share == _ALL else f" ({self.share} %)")


class VerdictKind(StrEnum):
    """The five things that can be said of a content."""

    KNOWN = "known"
    NEAR = "near"
    CLEAR = "clear"
    UNCHECKED = "unchecked"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Our one summary over all sources.

    `clear` is only said when every source that had to be asked answered no. `unchecked` carries the reason, and is
    asked again (promise G2).
    """

    kind: VerdictKind
    matches: tuple[Match, ...] = ()
    reason: str = ""
    """Short stable code; empty unless unchecked, or known or near while another source failed."""
    detail: str = ""
    """The reason in words."""
    retry_after: float | None = None
    """Seconds that the failing source asked us to wait, if it did."""
    exemption: str = ""
    """In words, under which exemption the content itself falls, whether a source knows it or not."""
    answered_at: datetime | None = field(default=None, compare=False)
    """When the last source had answered; None where nobody noted it."""
    answered: tuple[SourceAnswer, ...] = field(default=(), compare=False)
    """Who really answered: *clear* says nothing of the others."""

    @property
    def acting(self) -> tuple[Match, ...]:
        """The matches that may lead to a measure: those of contents that are not exempt."""
        return tuple(match for match in self.matches if match.exemption is None)
