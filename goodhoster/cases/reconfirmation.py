"""Rules for acting on what sources said earlier, and on what they know by now. Pure.

A match alone is only acted on soon after its source said so itself: an entry may have been withdrawn since, and what is
remembered is never a basis (docs/decisions/031). A case that waits for a person is escalated when a source knows more
of its file in the same state: it was only near and is known, it was of the category *other* and is illegal, it was
named by a notice without proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto

from goodhoster.cases.measures import planned
from goodhoster.model.cases import Case, CaseState, MeasureState
from goodhoster.model.storms import Storm
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules, Treatment


class Reconfirmation(Enum):
    """Current answers of the sources about a file that is to go offline."""

    ACT = auto()
    HOLD = auto()
    """They know it, and of what they say now the house rules would not act."""
    WITHDRAWN = auto()
    """All were asked, and none knows it any more."""
    NONE = auto()
    """Not all could be asked, and those that could do not suffice."""


def is_fresh(verdict: Verdict, now: datetime, rules: HouseRules) -> bool:
    """Whether every source of it answered just now, and not a while ago."""
    remembered = any(match.remembered for match in verdict.matches)
    return not remembered and (verdict.answered_at is None or _is_soon(verdict.answered_at, now, rules))


def is_late(case: Case, now: datetime, rules: HouseRules) -> bool:
    """Whether nothing but a match ordered the measure, and too long ago.

    A person's order and a notice do not age.
    """
    return is_by_match_alone(case) and not _is_soon(case.opened_at, now, rules)


def is_by_match_alone(case: Case) -> bool:
    """Whether the case rests only on the sources and the house rules."""
    return bool(case.matches) and not case.actor and not case.notice


def reconfirmation_of(verdict: Verdict, rules: HouseRules) -> Reconfirmation:
    """Consequence for a measure that was decided before."""
    if verdict.acting and rules.heaviest(verdict.acting) is Treatment.ACT:
        return Reconfirmation.ACT
    if verdict.kind is VerdictKind.UNCHECKED or verdict.reason:
        return Reconfirmation.NONE
    return Reconfirmation.HOLD if verdict.matches else Reconfirmation.WITHDRAWN


def withdrawn(case: Case) -> Case:
    """The case once no source knows the file any more: not touched, and it says why."""
    sources = ", ".join(sorted({match.source for match in case.matches}))
    reason = f"withdrawn by {sources}: asked again before the measure, and known there no longer"
    measures = tuple(replace(measure, state=MeasureState.REFUSED, detail=reason) for measure in case.measures)
    return replace(case, state=CaseState.WITHDRAWN, reason=reason, measures=measures)


def held_again(case: Case, by_now: Verdict) -> Case:
    """The case once its sources say something else of the file.

    It waits for a person, not touched.
    """
    return replace(
        case,
        state=CaseState.HELD,
        matches=by_now.matches,
        reason="a person decides: asked again before the measure, its sources say something else",
        measures=tuple(replace(measure, state=MeasureState.PROPOSED, detail="") for measure in case.measures),
    )


def held_by_storm(case: Case, storm: Storm) -> Case:
    """The case once a storm holds its measure.

    It waits for a person, not touched where it is not done.
    """
    measures = tuple(
        measure if measure.state is MeasureState.DONE else replace(measure, state=MeasureState.PROPOSED, detail="")
        for measure in case.measures
    )
    return replace(case, state=CaseState.HELD, reason=f"storm brake: {storm.reason}", measures=measures)


def _is_soon(answered: datetime, now: datetime, rules: HouseRules) -> bool:
    """Whether a moment is recent; one in the future is not: the clock was put back."""
    return 0 <= (now - answered).total_seconds() <= rules.answers_count_for


_LIGHTEST_FIRST = (CaseState.OBSERVED, CaseState.HELD, CaseState.OPEN)


def says_more(case: Case, upload: Upload, verdict: Verdict) -> bool:
    """Whether the verdict has a match that the case does not have.

    The case is about this very file and decided by nobody yet. An exemption that was built or removed meanwhile is
    none: what is held stays held.
    """
    own = (case.upload.place, case.upload.state) == (upload.place, upload.state)
    undecided = case.state in {CaseState.OBSERVED, CaseState.HELD} and not case.actor
    return own and undecided and not _match_keys(verdict.matches) <= _match_keys(case.matches)


def escalated(case: Case, verdict: Verdict, state: CaseState, reason: str) -> Case:
    """The case with all that is known of it.

    What that leads to is `state` and `reason`; it never becomes lighter. Copies that only a notice without proof
    named are left alone: the match is of this file alone (promise G6).
    """
    new, known = verdict.matches, _match_keys(verdict.matches)
    weightier = max(case.state, state, key=_LIGHTEST_FIRST.index)
    wanted = case.measures if case.notifier else tuple(measure for measure in case.measures if measure.copy is None)
    return replace(
        case,
        state=weightier,
        matches=(*new, *(match for match in case.matches if not _match_keys([match]) <= known)),
        reason=case.reason if case.notice and weightier is case.state else reason,
        measures=planned(wanted) if weightier is CaseState.OPEN else case.measures,
    )


def _match_keys(matches: Iterable[Match]) -> frozenset[tuple[str, str, str]]:
    return frozenset((match.source, match.algorithm, match.category) for match in matches)
