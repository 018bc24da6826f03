"""How often each source and notifier was wrong: what went offline by it, and was put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from goodhoster.customers.standing.facts import case_subject
from goodhoster.model.cases import OVERRULED, Case, CaseState, MeasureState
from goodhoster.model.customers.standing import Appeal, AppealState

_TAKEN = frozenset({MeasureState.DONE, MeasureState.UNDONE, MeasureState.DESTROYED})


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The record of one source or notifier."""

    name: str
    kind: str
    """`source` or `notifier`."""
    taken: int
    """Cases that went offline by its word, those that came back among them."""
    overruled: int
    """Cases that went offline by its word and were put back by a person."""
    mistakes: int
    """Cases of which an appeal found its word wrong."""


def accuracy(cases: Iterable[Case], appeals: Iterable[Appeal]) -> list[Accuracy]:
    """The record of every source and notifier with a case; those with the most mistakes first."""
    wrong = {one.subject for one in appeals if one.state is AppealState.UPHELD and one.mistake}
    taken: Counter[tuple[str, str]] = Counter()
    overruled: Counter[tuple[str, str]] = Counter()
    mistakes: Counter[tuple[str, str]] = Counter()
    for case in cases:
        if not _went_offline(case):
            continue
        for name in _by_whom(case):
            taken[name] += 1
            overruled[name] += case.state in OVERRULED
            mistakes[name] += case_subject(case.id) in wrong
    found = [
        Accuracy(name, kind, taken[kind, name], overruled[kind, name], mistakes[kind, name]) for kind, name in taken
    ]
    return sorted(found, key=lambda one: (-one.mistakes, -one.overruled, one.kind, one.name))


def _went_offline(case: Case) -> bool:
    """Whether something of it went offline: not what was held until a person closed it."""
    settled = case.state is CaseState.OFFLINE or case.state in OVERRULED
    return settled and any(measure.state in _TAKEN for measure in case.measures)


def _by_whom(case: Case) -> set[tuple[str, str]]:
    sources = {("source", match.source) for match in case.matches if match.exemption is None}
    return sources | ({("notifier", case.notifier)} if case.notifier else set())
