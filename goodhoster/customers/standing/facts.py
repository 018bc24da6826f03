"""Facts about customers, read from the record of cases each time they are needed.

Nothing is stored beside the cases: what a person undoes there has never been.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from goodhoster.model.cases import UNTOUCHED, Case, CaseState
from goodhoster.model.customers.standing import AppealState, Fact, FactKind, FactState
from goodhoster.model.verdicts import VerdictKind
from goodhoster.ports import CaseQuery, CaseStore
from goodhoster.ports.standing import FactSource, StandingStore

_OPEN_APPEALS = frozenset({AppealState.OPEN})
_UNDONE = frozenset({CaseState.RESTORED, CaseState.RESTORING}) | UNTOUCHED


def case_subject(case_id: str) -> str:
    """The subject that a case is in statements, appeals and facts."""
    return f"case:{case_id}"


def step_subject(step_id: str) -> str:
    """The subject that a step is in statements and appeals."""
    return f"step:{step_id}"


def suspension_subject(suspension_id: str) -> str:
    """The subject that a suspension by a person is in statements and appeals."""
    return f"suspension:{suspension_id}"


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """Facts from cases. See `ports.standing.FactSource`."""

    cases: CaseStore
    store: StandingStore
    in_storms: Callable[[], frozenset[str]]
    """Cases of storms that nobody settled: their list may be wrong."""
    site_of: Callable[[bytes], str]
    """The host whose document root an absolute path lies in; empty where that is not known."""

    def facts_of(self, customer: str) -> Sequence[Fact]:
        """See `ports.standing.FactSource`."""
        disputed = self._disputed()
        found = self.cases.find(CaseQuery(customer=customer))
        return [replace(fact_of(case, disputed), site=self.site_of(case.upload.place.absolute)) for case in found]

    def by_customer(self, since: datetime) -> Mapping[str, Sequence[Fact]]:
        """See `ports.standing.FactSource`."""
        disputed = self._disputed()
        found: dict[str, list[Fact]] = defaultdict(list)
        for case in self.cases.find(CaseQuery(opened_since=since)):
            found[case.upload.customer].append(fact_of(case, disputed))
        return found

    def _disputed(self) -> frozenset[str]:
        appealed = {appeal.subject for appeal in self.store.appeals(states=_OPEN_APPEALS)}
        return frozenset(appealed | {case_subject(case_id) for case_id in self.in_storms()})


@dataclass(frozen=True, slots=True)
class AllFacts:
    """Facts from several sources. See `ports.standing.FactSource`."""

    sources: Sequence[FactSource]

    def facts_of(self, customer: str) -> Sequence[Fact]:
        """See `ports.standing.FactSource`."""
        return [fact for source in self.sources for fact in source.facts_of(customer)]

    def by_customer(self, since: datetime) -> Mapping[str, Sequence[Fact]]:
        """See `ports.standing.FactSource`."""
        found: dict[str, list[Fact]] = defaultdict(list)
        for source in self.sources:
            for customer, facts in source.by_customer(since).items():
                found[customer].extend(facts)
        return found


def fact_of(case: Case, disputed: frozenset[str] = frozenset()) -> Fact:
    """The fact that a case is.

    Confirmed is what was seen to be taken offline and is known exactly to a source, or named by a proven notifier, or
    decided by a person.
    """
    subject = case_subject(case.id)
    if case.state in _UNDONE:
        state = FactState.UNDONE
    elif subject in disputed:
        state = FactState.DISPUTED
    elif case.state is not CaseState.OFFLINE:
        state = FactState.HELD
    elif case.actor or case.notifier or case.verdict is VerdictKind.KNOWN:
        state = FactState.CONFIRMED
    else:
        state = FactState.HELD
    kind, customer = FactKind.KNOWN_MATERIAL, case.upload.customer
    automatic, noticed = not case.actor, bool(case.notice)
    return Fact(subject, customer, kind, state, case.opened_at, automatic=automatic, noticed=noticed)
