"""The ladder of consequences. Pure: facts and steps come in, the next move comes out.

Confirmed facts alone count, each step rests on a fact of its own that is later than the customer was informed of the
step before, and none is taken before its notice is over by the time that goodhoster saw pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from goodhoster.model.customers.house_rules import LadderRules
from goodhoster.model.customers.standing import Fact, FactState, Incident, Rung, Standing, Step, StepState


@dataclass(frozen=True, slots=True)
class ResellerView:
    """A reseller's customers, at any depth."""

    customers: int
    """How many there are."""
    facts: Sequence[Fact]
    """Theirs."""


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """The facts about one customer."""

    customer: str
    own: Sequence[Fact] = ()
    reseller: ResellerView | None = None
    """None: nobody is below this customer."""


@dataclass(frozen=True, slots=True)
class History:
    """What was done about a customer so far."""

    steps: Sequence[Step] = ()
    appealed: bool = False
    """An appeal is open. It pauses everything that makes the customer's position worse, and nothing that betters it."""


@dataclass(frozen=True, slots=True)
class Now:
    """The present moment in both ways it is measured."""

    at: datetime
    observed: float
    """Seconds that goodhoster saw pass, see `linux.observed_time`."""


class Move(StrEnum):
    """What is to be done next about a customer."""

    ANNOUNCE = "announce"
    IMPOSE = "impose"
    ASK = "ask"
    """Its notice is over, or nobody could be told: a person decides."""
    WITHDRAW = "withdraw"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class NextMove:
    """A move with what it is about and why."""

    move: Move
    rung: Rung
    reason: str
    step: Step | None = None
    """The step that exists already."""
    facts: tuple[str, ...] = ()
    """The facts that a new step rests on."""
    site: str = ""


def standing_of(facts: CustomerFacts, rules: LadderRules, now: datetime) -> Standing:
    """The standing that follows from the facts alone."""
    counted = _measured(facts, rules, now, frozenset({FactState.CONFIRMED}))
    # As it would be if every dispute were decided against the customer: so much stays in force meanwhile.
    kept = _measured(facts, rules, now, frozenset({FactState.CONFIRMED, FactState.DISPUTED}))
    # Never less than what counts: with a disputed fact an incident may begin, and so decay, earlier.
    keeps, level = kept.counts | counted.counts, max(kept.level, counted.level)
    return replace(counted, keeps=keeps, keeps_level=level)


def _measured(facts: CustomerFacts, rules: LadderRules, now: datetime, states: frozenset[FactState]) -> Standing:
    own, past = incidents_of((fact for fact in facts.own if fact.state in states), rules, now)
    reseller = facts.reseller
    of_others = (fact for fact in reseller.facts if fact.state in states) if reseller else ()
    below, past_below = incidents_of(of_others, rules, now)
    hit = {incident.customer for incident in below}
    share = len(hit) / reseller.customers if reseller and reseller.customers else None
    # A reseller with two customers, one of whom did something, is no reseller of whom half the customers do.
    counted_share = share if share is not None and len(hit) >= rules.reseller_customers else 0.0
    reached = tuple(rung for rung in Rung if rung in rules.rungs and _reached(rung, rules, len(own), counted_share))
    incidents = tuple(sorted((*own, *(below if counted_share else ())), key=lambda one: (one.at, one.facts)))
    decayed = frozenset(fact for incident in (*past, *past_below) for fact in incident.facts)
    decays_at = incidents[0].at + rules.decay if incidents else None
    level = reached[-1].level if reached else 0
    return Standing(facts.customer, incidents, level, reached, decays_at, share, decayed)


def incidents_of(
    facts: Iterable[Fact], rules: LadderRules, now: datetime
) -> tuple[tuple[Incident, ...], tuple[Incident, ...]]:
    """The incidents of these facts: those that count, and those that do not any more.

    For each customer what lies in one window of time is one incident.
    """
    by_customer: dict[str, list[Fact]] = defaultdict(list)
    for fact in {fact.id: fact for fact in facts}.values():
        by_customer[fact.customer].append(fact)
    found = [incident for customer in sorted(by_customer) for incident in _grouped(by_customer[customer], rules)]
    counted = tuple(incident for incident in found if incident.at + rules.decay > now)
    return counted, tuple(incident for incident in found if incident.at + rules.decay <= now)


def _grouped(facts: list[Fact], rules: LadderRules) -> Iterable[Incident]:
    group: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: (fact.at, fact.id)):
        if group and fact.at >= group[0].at + rules.incident:
            yield _incident(group)
            group = []
        group.append(fact)
    if group:
        yield _incident(group)


def _incident(group: Sequence[Fact]) -> Incident:
    return Incident(group[0].at, tuple(fact.id for fact in group), group[0].customer, group[0].site)


def _reached(rung: Rung, rules: LadderRules, incidents: int, share: float) -> bool:
    rule = rules.rungs[rung]
    by_incidents = rule.incidents is not None and incidents >= rule.incidents
    return by_incidents or (rule.share is not None and share >= rule.share > 0)


def next_move(standing: Standing, history: History, rules: LadderRules, now: Now) -> NextMove | None:
    """The next move about a customer; None where nothing is to be done now."""
    steps = history.steps
    in_force = sorted((step for step in steps if step.state.in_force), key=lambda step: step.rung.level)
    pending = [step for step in steps if step.state.pending]
    for step in (*pending, *reversed(in_force)):
        if not is_supported(step, standing) and (step.state.pending or step.rung.inverse):
            move = Move.WITHDRAW if step.state.pending else Move.LIFT
            return NextMove(move, step.rung, "what it rested on counts no longer", step)
    if history.appealed or any(step.state is StepState.LIFTING for step in steps):
        return None
    if pending:
        disputed = standing.level < pending[0].rung.level or standing.counts.isdisjoint(pending[0].facts)
        return None if disputed else _when_due(pending[0], rules, now)
    return _announcement(standing, steps, in_force, rules)


def is_due(step: Step, rules: LadderRules, now: Now) -> bool:
    """Whether the notice of a step is over: told, and so much time was seen to pass since then."""
    notice = rules.rungs[step.rung].notice.total_seconds()
    if not notice:
        return True
    return step.notified_observed is not None and now.observed - step.notified_observed >= notice


def is_supported(step: Step, standing: Standing) -> bool:
    """Whether a step stays: the facts count for it, and not all of its own were undone.

    What merely decayed was right then: it keeps a step that later facts support.
    """
    return standing.keeps_level >= step.rung.level and not standing.keeps.isdisjoint(step.facts)


def _when_due(step: Step, rules: LadderRules, now: Now) -> NextMove | None:
    if step.state is StepState.WAITING:
        return None
    if step.notified_observed is None and step.not_notified and rules.rungs[step.rung].notice:
        return NextMove(Move.ASK, step.rung, f"the customer could not be told in advance: {step.not_notified}", step)
    if not is_due(step, rules, now):
        return None
    if rules.rungs[step.rung].person:
        return NextMove(Move.ASK, step.rung, "its notice is over: a person decides", step)
    return NextMove(Move.IMPOSE, step.rung, "its notice is over", step)


def _announcement(
    standing: Standing, steps: Sequence[Step], in_force: Sequence[Step], rules: LadderRules
) -> NextMove | None:
    """The next rung that is reached, never one further, where a later fact calls for it."""
    before = in_force[-1] if in_force else None
    above = before.rung.level if before else 0
    rung = next((rung for rung in standing.reached if rung.level > above), None)
    if rung is None or (before and before.informed_at is None):
        return None
    since = before.informed_at if before else None
    settled = {fact for step in steps if step.actor and step.state.over for fact in step.facts}
    settled |= {fact for step in in_force for fact in step.facts}
    later = [one for one in standing.incidents if since is None or one.at > since]
    facts = tuple(fact for incident in later for fact in incident.facts if fact not in settled)
    if not facts:
        return None
    reason = _reason(standing, rung, rules)
    return NextMove(Move.ANNOUNCE, rung, reason, facts=facts, site=later[-1].site)


def _reason(standing: Standing, rung: Rung, rules: LadderRules) -> str:
    days = rules.decay.days
    own = [incident for incident in standing.incidents if incident.customer == standing.customer]
    rule = rules.rungs[rung]
    if rule.incidents is not None and len(own) >= rule.incidents:
        return f"{len(own)} {'incident' if len(own) == 1 else 'incidents'} in {days} days"
    return f"{100 * (standing.share or 0):.0f} % of its customers have an incident in {days} days"
