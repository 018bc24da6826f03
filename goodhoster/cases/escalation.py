"""Escalation of a waiting case when a source knows more of its file. Pure.

The case waits for a person, and a source by now knows more of its file in the same state: it was only near and is
known, it was of the category *other* and is illegal, it was named by a notice without proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from goodhoster.cases.measures import planned
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, Verdict

_LIGHTEST_FIRST = (CaseState.OBSERVED, CaseState.HELD, CaseState.OPEN)


def says_more(case: Case, upload: Upload, verdict: Verdict) -> bool:
    """Whether the verdict has a match that the case does not have.

    The case is about this very file and decided by nobody yet. An exemption that was built or removed meanwhile is
    none: what is held stays held.
    """
    own = (case.upload.place, case.upload.state) == (upload.place, upload.state)
    undecided = case.state in {CaseState.OBSERVED, CaseState.HELD} and not case.actor
    return own and undecided and not _told(verdict.matches) <= _told(case.matches)


def escalated(case: Case, verdict: Verdict, state: CaseState, reason: str) -> Case:
    """The case with all that is known of it.

    What that leads to is `state` and `reason`; it never becomes lighter. Copies that only a notice without proof
    named are left alone: the match is of this file alone (promise G6).
    """
    new, known = verdict.matches, _told(verdict.matches)
    weightier = max(case.state, state, key=_LIGHTEST_FIRST.index)
    wanted = case.measures if case.notifier else tuple(measure for measure in case.measures if measure.copy is None)
    return replace(
        case,
        state=weightier,
        matches=(*new, *(match for match in case.matches if not _told([match]) <= known)),
        reason=case.reason if case.notice and weightier is case.state else reason,
        measures=planned(wanted) if weightier is CaseState.OPEN else case.measures,
    )


def _told(matches: Iterable[Match]) -> frozenset[tuple[str, str, str]]:
    return frozenset((match.source, match.algorithm, match.category) for match in matches)
