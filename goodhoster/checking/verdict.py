"""From what was taken of a content to one Verdict over all sources (G2: what failed is unchecked, never clear)."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.errors import SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.ports import HashSource

_Failure = SourceUnavailableError | SourceRefusedError | UncheckedError


def verdict_of(question: Question, sources: Sequence[HashSource], *, picture: bool) -> Verdict:
    """Ask each source once, local ones first.

    A match of any source is *known*, or *near* when all are by fingerprint, even while another source fails (its
    reason is kept: it still owes its answer). No match and a failure is *unchecked*. What is no picture is compared
    with local lists only: nothing about it leaves the machine. Without any source nothing was checked.
    """
    if not sources:
        return Verdict(VerdictKind.UNCHECKED, reason="no-source", detail="no [[hash_source]] is configured")
    matches: list[Match] = []
    failure: _Failure | None = None
    for source in sorted(sources, key=lambda source: not source.local):
        if picture or source.local:
            try:
                matches += source.look_up(question)
            except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
                failure = error
    return _summary(tuple(matches), failure)


def _summary(matches: tuple[Match, ...], failure: _Failure | None) -> Verdict:
    kind = _kind(matches, failed=failure is not None)
    if failure is None:
        return Verdict(kind, matches)
    return Verdict(kind, matches, failure.reason, str(failure), getattr(failure, "retry_after", None))


def _kind(matches: tuple[Match, ...], *, failed: bool) -> VerdictKind:
    if matches:
        return VerdictKind.NEAR if all(match.near for match in matches) else VerdictKind.KNOWN
    return VerdictKind.UNCHECKED if failed else VerdictKind.CLEAR
