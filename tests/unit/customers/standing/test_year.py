"""A year at a hoster with a thousand customers: uploads, notices, outages, appeals and mistakes, drawn from one seed.

Afterwards the audit log is read as an outsider would: each step must have its confirmed facts, its notice and, where
the house rules ask for one, its person.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goodhoster.customers.standing.appeals import AppealDecision
from goodhoster.model.audit import AuditEntry
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.customers.gates import GateAnswer
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Appeal, AppealState, Rung, StepState
from tests.standing_house import ANNA, House, customer

pytestmark = pytest.mark.slow
CUSTOMERS = 1000
RULES = CustomerRules(enforce=True)
HARMLESS = frozenset(f"c{n}" for n in range(600))
"""Nothing of theirs is ever known to a list."""
UNREACHED = frozenset(f"c{n}" for n in range(960, 970))
"""Their contacts were never proven."""


@dataclass
class Year:
    """What happened, as an outsider knows it."""

    house: House
    draw: random.Random
    cases: dict[str, Case] = field(default_factory=dict)
    confirmed: dict[str, datetime] = field(default_factory=dict)
    """Facts and when they were confirmed."""
    undone: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    """When a step was announced at the earliest, by what really passed."""
    imposed: dict[str, float] = field(default_factory=dict)
    asked: Counter[GateAnswer] = field(default_factory=Counter)
    passed_in_outage: int = 0

    def run(self, days: int) -> None:
        busy = [f"c{n}" for n in range(600, CUSTOMERS)]
        # Some do it again and again, most once.
        often = [name for name in busy if self.draw.random() < 0.06]
        for day in range(days):
            house = self.house
            house.time.pass_(days=1)
            house.providers.down = 100 <= day < 103 or self.draw.random() < 0.01
            away = self.draw.random() < 0.02
            if not away:
                house.deliver()
            for name in (self.draw.choice(busy), self.draw.choice(often)):
                self._event(name)
            self._ask_gates()
            self._person()
            self._clock_is_set(day)
            self._review(day)
            self._note()

    def _note(self) -> None:
        for step in self.house.store.steps_in(frozenset(StepState)):
            if step.notified_at:
                self.told.setdefault(step.id, self.house.time.real)
            if step.imposed_at:
                self.imposed.setdefault(step.id, self.house.time.real)

    def _event(self, name: str) -> None:
        kind = self.draw.random()
        if kind < 0.15:
            self.house.case(name, CaseState.HELD)
        elif kind < 0.3:
            self._confirm(self.house.offline(name, notifier="hotline"))
        else:
            self._confirm(self.house.offline(name, source="wrong" if kind > 0.95 else "police"))

    def _confirm(self, case: Case) -> None:
        self.cases[case.id] = case
        self.confirmed[f"case:{case.id}"] = case.opened_at

    def _ask_gates(self) -> None:
        for name in self.draw.sample(sorted(HARMLESS), 3):
            answer = self.house.gates.may_upload(name).answer
            self.asked[answer] += 1
            self.passed_in_outage += self.house.providers.down and answer is GateAnswer.YES

    def _person(self) -> None:
        """Somebody decides what waits, takes appeals in and decides them; whoever is wrong is put right."""
        house = self.house
        for step in house.desk.waiting():
            if step.state is StepState.WAITING and not house.desk.history(step.customer)[2] and not step.not_notified:
                give = house.desk.confirm if self.draw.random() < 0.8 else house.desk.refuse
                give(step.id, ANNA)
        for case in [case for case in self.cases.values() if self.draw.random() < 0.004]:
            if f"case:{case.id}" not in self.undone:
                house.appeals.about(f"case:{case.id}", case.upload.customer, "it is mine")
        for step in house.store.steps_in(frozenset({StepState.IMPOSED})):
            if self.draw.random() < 0.004:
                house.appeals.about(f"step:{step.id}", step.customer, "not fair")
        for appeal in sorted(house.store.appeals(states=_OPEN), key=_by_customer):
            if self.draw.random() < 0.2:
                of_case = appeal.subject.startswith("case:")
                wrong = of_case and self.draw.random() < 0.5
                outcome = AppealState.UPHELD if wrong else AppealState.REJECTED
                house.appeals.decide(appeal.id, AppealDecision(outcome, ANNA, mistake=wrong))
                if wrong:
                    self.undone[appeal.subject] = house.time()

    def _clock_is_set(self, day: int) -> None:
        """In spring far ahead and back again, in autumn a day back."""
        if day in {80, 200}:
            self.house.time.set_by += timedelta(days=40 if day == 80 else -1)
        if day == 81:
            self.house.time.set_by -= timedelta(days=40)

    def _review(self, day: int) -> None:
        """Each day whoever has something pending or new, each month everybody."""
        if day % 30 == 29:
            self.house.desk.review_all()
            return
        today = {case.upload.customer for case in self.cases.values() if self.house.time() - case.opened_at < DAY}
        pending = self.house.store.steps_in(frozenset(state for state in StepState if state.pending))
        fresh = self.house.store.steps_in(frozenset({StepState.IMPOSED}))
        late = {step.customer for step in fresh if step.informed_at is None}
        for name in sorted(today | late | {step.customer for step in pending}):
            self.house.desk.review(name)


DAY = timedelta(days=1)
_OPEN = frozenset({AppealState.OPEN})


def _by_customer(appeal: Appeal) -> tuple[str, datetime]:
    """An order that has no drawn id in it."""
    return appeal.customer, appeal.received_at


@contextmanager
def _lived(days: int) -> Iterator[Year]:
    """So many days, in memory where that is possible: a year has some thousand durable writes."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as directory:
        everybody = [customer(f"c{n}", reseller="big" if n % 3 else "") for n in range(CUSTOMERS)]
        house = House(Path(directory), RULES, [customer("big"), *everybody])
        house.providers.no_contact |= UNREACHED
        lived = Year(house, random.Random(203))
        lived.run(days)
        house.time.pass_(days=1)
        house.deliver()
        house.desk.review_all()
        yield lived
        house.close()


@pytest.fixture(scope="module")
def year() -> Iterator[Year]:
    with _lived(365) as lived:
        yield lived


def steps_of(year: Year) -> dict[str, list[AuditEntry]]:
    """What the log says of each step, in order."""
    found: dict[str, list[AuditEntry]] = defaultdict(list)
    for entry in year.house.audit.entries():
        if "step" in entry.event.data:
            found[str(entry.event.data["step"])].append(entry)
    return found


def test_it_was_a_year_in_which_everything_happened(year: Year) -> None:
    states = Counter(step.rung for step in year.house.store.steps_in(frozenset(StepState)))
    assert min(states[rung] for rung in (Rung.WARN, Rung.RESTRICT, Rung.SUSPEND_SITE, Rung.SUSPEND_ACCOUNT)) > 0
    ended = {step.state for step in year.house.store.steps_in(frozenset(StepState))}
    assert {StepState.IMPOSED, StepState.LIFTED, StepState.REFUSED} <= ended
    assert len(year.undone) > 20
    assert year.asked[GateAnswer.UNCHECKED] > 0


def test_no_step_without_a_confirmed_fact(year: Year) -> None:
    for entries in steps_of(year).values():
        announced = entries[0]
        assert announced.event.kind == "step.announced"
        facts = announced.event.data["facts"]
        assert isinstance(facts, list)
        assert facts
        assert set(facts) <= set(year.confirmed)
        for fact in facts:
            assert fact not in year.undone or year.undone[fact] >= announced.at


def test_no_step_before_its_notice_and_without_its_person(year: Year) -> None:
    """The clock of the log was set meanwhile, so the notice is measured by what really passed."""
    log = steps_of(year)
    seen = 0
    for step in year.house.store.steps_in(frozenset(StepState)):
        rule = RULES.ladder.rungs[step.rung]
        intended = [entry for entry in log[step.id] if entry.event.kind == "step.intended"]
        assert len(intended) <= 1
        if not intended or not rule.notice:
            continue
        seen += 1
        assert bool(intended[0].event.data["actor"]) is rule.person
        told, imposed = year.told[step.id], year.imposed[step.id]
        assert imposed - told >= rule.notice.total_seconds()
    assert seen > 50


def test_nobody_bears_what_rests_on_undone_facts_alone(year: Year) -> None:
    for step in year.house.store.steps_in(frozenset({StepState.IMPOSED, StepState.IMPOSING})):
        if step.rung.inverse and step.customer != "big":
            assert set(step.facts) - set(year.undone)


def test_nobody_is_measured_who_did_nothing(year: Year) -> None:
    concerned = {step.customer for step in year.house.store.steps_in(frozenset(StepState))}
    assert not concerned & HARMLESS
    assert all(year.house.desk.view(name).standing.level == 0 for name in sorted(HARMLESS)[:50])


def test_an_outage_never_opens_a_gate_and_never_counts(year: Year) -> None:
    assert year.passed_in_outage == 0
    assert year.asked[GateAnswer.NO] == 0


def test_who_could_not_be_told_is_left_to_a_person(year: Year) -> None:
    steps = [step for name in UNREACHED for step in year.house.store.steps(name)]
    assert steps
    assert {step.rung for step in steps if step.imposed_at} <= {Rung.WARN}


def test_every_mistake_is_told_to_the_owner_of_its_list(year: Year) -> None:
    upheld = {appeal.subject for appeal in year.house.store.appeals() if appeal.mistake}
    matched = {name for name in upheld if year.cases[name.removeprefix("case:")].matches}
    assert len(list(year.house.reports.waiting())) == len(matched)
    assert all(report.kind == "mistake" for report in year.house.reports.waiting())


def test_what_was_suspended_is_what_the_record_says(year: Year) -> None:
    acting = year.house.store.steps_in(frozenset({StepState.IMPOSED}))
    assert year.house.panel.suspended == {(step.customer, step.rung) for step in acting if step.rung.acts}


def test_the_log_is_whole(year: Year) -> None:
    assert year.house.audit.verify().ok


def test_the_same_seed_gives_the_same_months() -> None:
    with _lived(60) as first, _lived(60) as second:
        assert _summary(first) == _summary(second)
        assert _summary(first)


def _summary(year: Year) -> list[tuple[object, ...]]:
    steps = year.house.store.steps_in(frozenset(StepState))
    return [(step.customer, step.rung, step.state, step.facts, step.announced_at, step.imposed_at) for step in steps]
