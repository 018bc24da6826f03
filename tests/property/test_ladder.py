"""The ladder of consequences keeps its promises, whatever happened in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from goodhoster.linux.observed_time import ObservedTime, TimeReading, observed
from goodhoster.model.customers.house_rules import DEFAULT_LADDER, LadderRules
from goodhoster.model.customers.standing import Fact, FactKind, FactState, Rung, Step, StepState
from goodhoster.policy.ladder import (
    CustomerFacts,
    History,
    Move,
    NextMove,
    Now,
    ResellerView,
    next_move,
    standing_of,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = LadderRules()
BY_ITSELF = LadderRules(rungs={rung: replace(rule, person=False) for rung, rule in DEFAULT_LADDER.items()})


def fact(number: int, hours: int, state: FactState = FactState.CONFIRMED, customer: str = "c") -> Fact:
    at = BEGIN + timedelta(hours=hours)
    return Fact(f"case:{number}", customer, FactKind.KNOWN_MATERIAL, state, at, f"{customer}.example")


FACTS = st.lists(
    st.builds(
        fact,
        st.integers(0, 60),
        st.integers(0, 24 * 300),
        st.sampled_from(FactState),
    ),
    max_size=14,
    unique_by=lambda one: one.id,
)


class House:
    """Takes each move the moment it comes, as the desk does; every letter arrives."""

    def __init__(self, rules: LadderRules = BY_ITSELF) -> None:
        self.rules = rules
        self.steps: dict[str, Step] = {}
        self.taken: list[tuple[NextMove, datetime, frozenset[str], float]] = []

    def tick(self, facts: Sequence[Fact], now: Now, *, appealed: bool = False) -> None:
        known = [one for one in facts if one.at <= now.at]
        for _ in range(20):
            standing = standing_of(CustomerFacts("c", known), self.rules, now.at)
            move = next_move(standing, History(list(self.steps.values()), appealed), self.rules, now)
            if move is None:
                return
            self.taken.append((move, now.at, standing.facts, now.observed))
            self._take(move, now)
        raise AssertionError("the ladder never comes to rest")

    def _take(self, move: NextMove, now: Now) -> None:
        step = move.step or Step(
            f"s{len(self.steps)}", "c", move.rung, StepState.ANNOUNCED, move.facts, now.at, "v", move.site
        )
        match move.move:
            case Move.ANNOUNCE:
                step = replace(step, notified_at=now.at, notified_observed=now.observed)
            case Move.IMPOSE:
                step = replace(step, state=StepState.IMPOSED, imposed_at=now.at, informed_at=now.at)
            case Move.ASK:
                step = replace(step, state=StepState.WAITING)
            case Move.LIFT:
                step = replace(step, state=StepState.LIFTED, ended_at=now.at)
            case Move.WITHDRAW:
                step = replace(step, state=StepState.WITHDRAWN, ended_at=now.at)
        self.steps[step.id] = step

    @property
    def in_force(self) -> set[Rung]:
        return {step.rung for step in self.steps.values() if step.state.in_force}


def year(house: House, facts: Sequence[Fact], until: int = 400) -> House:
    for day in range(until):
        house.tick(facts, Now(BEGIN + day * DAY, day * DAY.total_seconds()))
    return house


@given(FACTS, st.randoms())
def test_the_same_facts_in_any_order_give_the_same_standing(facts: list[Fact], random: Random) -> None:
    other = list(facts)
    random.shuffle(other)
    now = BEGIN + 300 * DAY
    assert standing_of(CustomerFacts("c", facts), RULES, now) == standing_of(
        CustomerFacts("c", [*other, *other[:3]]), RULES, now
    )


@given(FACTS)
def test_what_is_not_confirmed_changes_nothing(facts: list[Fact]) -> None:
    confirmed = [one for one in facts if one.state in {FactState.CONFIRMED, FactState.DISPUTED}]
    now = BEGIN + 300 * DAY
    found = standing_of(CustomerFacts("c", facts), RULES, now)
    settled = [one for one in facts if one.state is FactState.CONFIRMED]
    assert (found.incidents, found.level) == (
        standing_of(CustomerFacts("c", settled), RULES, now).incidents,
        standing_of(CustomerFacts("c", settled), RULES, now).level,
    )
    assert standing_of(CustomerFacts("c", facts), RULES, now) == standing_of(CustomerFacts("c", confirmed), RULES, now)


@settings(max_examples=60, deadline=None)
@given(FACTS)
def test_no_step_without_a_confirmed_fact_of_its_own_and_a_due_notice(facts: list[Fact]) -> None:
    house = year(House(), facts)
    confirmed = {one.id: one for one in facts if one.state is FactState.CONFIRMED}
    spent: set[str] = set()
    for move, at, _, observed_at in house.taken:
        if move.move is Move.ANNOUNCE:
            assert move.facts
            assert not spent & set(move.facts) or move.rung is Rung.WARN
            spent |= set(move.facts)
        if move.move is Move.IMPOSE:
            step = move.step
            assert step is not None
            assert {confirmed[name].at <= at for name in step.facts} == {True}
            notice = BY_ITSELF.rungs[step.rung].notice.total_seconds()
            assert step.notified_observed is not None
            assert observed_at - step.notified_observed >= notice


@settings(max_examples=60, deadline=None)
@given(FACTS)
def test_no_rung_is_skipped_and_each_rests_on_what_came_after_the_one_before(facts: list[Fact]) -> None:
    house = House()
    by_id = {one.id: one for one in facts}
    for day in range(400):
        house.tick(facts, Now(BEGIN + day * DAY, day * DAY.total_seconds()))
        levels = sorted(rung.level for rung in house.in_force)
        # The end of a contract has no inverse: it alone may stay when the rungs below it decayed.
        assert [level for level in levels if level < Rung.END.level] == list(range(1, 1 + len(levels)))[
            : len([level for level in levels if level < Rung.END.level])
        ]
    steps = [step for step in house.steps.values() if step.imposed_at]
    for step in steps:
        for before in steps:
            if before.informed_at is None or before.ended_at or before.informed_at >= step.announced_at:
                continue
            if before.rung.level == step.rung.level - 1:
                assert all(by_id[name].at > before.informed_at for name in step.facts)


@settings(max_examples=60, deadline=None)
@given(FACTS, st.data())
def test_an_undone_case_leaves_no_trace(facts: list[Fact], data: st.DataObject) -> None:
    """Whenever it is undone: once things settled the customer bears nothing that rests on it."""
    confirmed = [one for one in facts if one.state is FactState.CONFIRMED]
    if not confirmed:
        return
    chosen = data.draw(st.sampled_from(confirmed))
    rules = replace(BY_ITSELF, rungs={r: s for r, s in BY_ITSELF.rungs.items() if r is not Rung.END})
    house = year(House(rules), facts, until=data.draw(st.integers(0, 300)))
    without = [replace(one, state=FactState.UNDONE) if one is chosen else one for one in facts]
    now = Now(BEGIN + 301 * DAY, 301 * DAY.total_seconds())
    house.tick(without, now)
    standing = standing_of(CustomerFacts("c", without), rules, now.at)
    assert standing == standing_of(CustomerFacts("c", [one for one in facts if one is not chosen]), rules, now.at)
    for step in house.steps.values():
        if step.state.in_force or step.state.pending:
            assert set(step.facts) & standing.keeps
            assert standing.keeps_level >= step.rung.level


@settings(max_examples=60, deadline=None)
@given(FACTS, st.sets(st.integers(0, 300)))
def test_nothing_gets_worse_while_an_appeal_is_open(facts: list[Fact], appealed: set[int]) -> None:
    house = House()
    for day in range(300):
        before = len(house.taken)
        house.tick(facts, Now(BEGIN + day * DAY, day * DAY.total_seconds()), appealed=day in appealed)
        if day in appealed:
            assert {move.move for move, *_ in house.taken[before:]} <= {Move.LIFT, Move.WITHDRAW}


SETTINGS_OF_THE_CLOCK = st.lists(st.tuples(st.integers(1, 20), st.integers(-4000, 4000)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(SETTINGS_OF_THE_CLOCK, st.lists(st.integers(1, 500), max_size=3, unique=True))
def test_no_clock_that_is_set_shortens_a_notice(jumps: list[tuple[int, int]], restarts: list[int]) -> None:
    """Hours are ticked for three weeks; the clock is set at will, the machine is restarted up to three times."""
    shown = 0.0
    time = observed(None, TimeReading("boot0", 0.0, 0.0))
    by_hour = {hour * 24: hours for hour, hours in jumps}
    begun = 0.0
    boots = 0
    for hour in range(1, 500):
        shown += 3600 + 3600 * by_hour.get(hour, 0)
        if hour in restarts:
            boots, begun = boots + 1, hour * 3600.0
        reading = TimeReading(f"boot{boots}", hour * 3600 - begun, shown)
        time = observed(time, reading)
        # Never more than really passed, but for what a restart hides: an hour each.
        assert time.total <= hour * 3600 + 3600 * boots
        assert time.total >= hour * 3600 - 3600 * boots


def test_a_clock_set_forward_by_a_year_does_not_end_a_notice() -> None:
    facts = [fact(1, 0), fact(2, 72), fact(3, 24 * 10)]
    house = House()
    for day in range(10):
        house.tick(facts, Now(BEGIN + day * DAY, day * DAY.total_seconds()))
    house.tick(facts, Now(BEGIN + 11 * DAY, 11 * DAY.total_seconds()))
    announced = [step for step in house.steps.values() if step.rung is Rung.SUSPEND_SITE]
    assert [step.state for step in announced] == [StepState.ANNOUNCED]
    house.tick(facts, Now(BEGIN + 300 * DAY, 11 * DAY.total_seconds() + 60))
    assert Rung.SUSPEND_SITE not in house.in_force
    house.tick(facts, Now(BEGIN + 300 * DAY, 14 * DAY.total_seconds()))
    assert Rung.SUSPEND_SITE in house.in_force


def test_who_could_not_be_told_waits_for_a_person_and_never_goes_on_by_itself() -> None:
    step = Step("s", "c", Rung.RESTRICT, StepState.ANNOUNCED, ("case:2",), BEGIN, "v", not_notified="no contact")
    warned = Step("w", "c", Rung.WARN, StepState.IMPOSED, ("case:1",), BEGIN, "v", informed_at=BEGIN)
    standing = standing_of(CustomerFacts("c", [fact(1, 0), fact(2, 72)]), BY_ITSELF, BEGIN + 50 * DAY)
    move = next_move(standing, History([warned, step]), BY_ITSELF, Now(BEGIN + 50 * DAY, 10**9))
    assert move is not None
    assert move.move is Move.ASK
    waiting = replace(step, not_notified="")
    assert next_move(standing, History([warned, waiting]), BY_ITSELF, Now(BEGIN + 50 * DAY, 10**9)) is None


def test_a_reseller_is_measured_by_share_and_not_by_number() -> None:
    now = BEGIN + 30 * DAY
    forty = [fact(n, n, customer=f"c{n}") for n in range(40)]
    assert standing_of(CustomerFacts("r", (), ResellerView(10_000, forty)), RULES, now).level == 0
    assert standing_of(CustomerFacts("r", (), ResellerView(100, forty)), RULES, now).rung is Rung.END
    same = [fact(n, 48 * n, customer="c1") for n in range(14)]
    assert standing_of(CustomerFacts("r", (), ResellerView(2, same)), RULES, now).level == 0


def test_what_decayed_is_lifted() -> None:
    house = year(House(), [fact(1, 0), fact(2, 72)], until=360)
    assert house.in_force == {Rung.WARN, Rung.RESTRICT}
    house.tick([fact(1, 0), fact(2, 72)], Now(BEGIN + 366 * DAY, 366 * DAY.total_seconds()))
    assert Rung.RESTRICT not in house.in_force


def test_observed_time_is_the_kernels_own_within_one_start() -> None:
    before = ObservedTime(100.0, TimeReading("a", 50.0, 1000.0))
    assert observed(before, TimeReading("a", 60.0, 9_000_000.0)).total == 110.0
    assert observed(before, TimeReading("b", 5.0, 9_000_000.0)).total == 3700.0
    assert observed(before, TimeReading("b", 5.0, 0.0)).total == 100.0


def test_a_dispute_lifts_nothing_and_lets_nothing_new_come() -> None:
    facts = [fact(1, 0), fact(2, 72)]
    house = year(House(), facts, until=20)
    assert house.in_force == {Rung.WARN, Rung.RESTRICT}
    disputed = [fact(1, 0), fact(2, 72, FactState.DISPUTED), fact(3, 24 * 15)]
    house.tick(disputed, Now(BEGIN + 21 * DAY, 21 * DAY.total_seconds()))
    assert house.in_force == {Rung.WARN, Rung.RESTRICT}
    assert all(not step.state.pending for step in house.steps.values())
    undone = [fact(1, 0), fact(2, 72, FactState.UNDONE)]
    house.tick(undone, Now(BEGIN + 22 * DAY, 22 * DAY.total_seconds()))
    assert house.in_force == {Rung.WARN}


def test_by_share_alone_a_reseller_passes_over_the_rungs_that_have_none() -> None:
    now = BEGIN + 30 * DAY
    facts = [fact(n, 24 * 25, customer=f"c{n}") for n in range(25)]
    standing = standing_of(CustomerFacts("r", (), ResellerView(100, facts)), RULES, now)
    told = [
        Step(f"s{n}", "r", rung, StepState.IMPOSED, (f"case:{n}",), BEGIN, "v", informed_at=BEGIN)
        for n, rung in enumerate((Rung.WARN, Rung.RESTRICT))
    ]
    move = next_move(standing, History(told), RULES, Now(now, 0.0))
    assert move is not None
    assert (move.move, move.rung) == (Move.ANNOUNCE, Rung.SUSPEND_ACCOUNT)


def test_a_disputed_fact_before_a_confirmed_one_does_not_make_it_decay_earlier() -> None:
    """Found by drawn facts: the step was lifted and announced again without end."""
    facts = [fact(0, 0, FactState.DISPUTED), fact(1, 1)]
    house = year(House(), facts, until=365)
    house.tick(facts, Now(BEGIN + 365 * DAY, 365 * DAY.total_seconds()))
    assert house.in_force == {Rung.WARN}
    house.tick(facts, Now(BEGIN + 366 * DAY, 366 * DAY.total_seconds()))
    assert not house.in_force
