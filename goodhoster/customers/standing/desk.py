"""The desk of consequences: records, logs, carries out and tells what the ladder says.

`review` looks at one customer anew and takes what is due; the orders of a person are beside it. The next move is
decided with the lock in hand; panels work without it. A step is *imposed* or *lifted* when that was seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from goodhoster.customers.register import Register
from goodhoster.customers.standing.facts import step_subject
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.observed_time import TimeReading, read_time
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import (
    AppealState,
    Fact,
    Rung,
    Standing,
    StatementState,
    Step,
    StepState,
)
from goodhoster.model.ids import new_id
from goodhoster.policy.explaining import explained
from goodhoster.policy.ladder import (
    CustomerFacts,
    History,
    Move,
    NextMove,
    Now,
    ResellerView,
    is_due,
    next_move,
    standing_of,
)
from goodhoster.ports import AuditLog, Clock
from goodhoster.ports.standing import CustomerMeasures, FactSource, StandingStore, StepLetters

_log = logging.getLogger(__name__)
_MOST_MOVES = 12
"""Of one review; more would be a fault of ours."""
_UNDER_WAY = frozenset({StepState.IMPOSING, StepState.LIFTING})
_NOT_OVER = frozenset(state for state in StepState if not state.over)
_BETTER = frozenset({Move.LIFT, Move.WITHDRAW})
"""Moves that better a customer's position: taken in mode observe, too."""
_LOOK = "see: goodhoster customers standing ID"
_TOLD_LATER = timedelta(days=7)
"""So long after its end the letter about it is still written: a crash may have come between."""
_BY_RULES = Order("", "the house rules")


@dataclass(frozen=True, slots=True)
class StandingParts:
    """What the desk works with."""

    store: StandingStore
    register: Register
    facts: FactSource
    measures: CustomerMeasures
    letters: StepLetters
    audit: AuditLog
    lock: FileLock
    clock: Clock
    read_time: Callable[[], TimeReading] = read_time


@dataclass(frozen=True, slots=True)
class CustomerView:
    """How a customer stands: the facts, what was done, and what would be next."""

    standing: Standing
    facts: tuple[Fact, ...]
    steps: tuple[Step, ...]
    appealed: bool
    following: NextMove | None
    """The next move; in mode observe it is not taken."""

    @property
    def in_force(self) -> tuple[Step, ...]:
        """The steps that the customer bears now."""
        return tuple(step for step in self.steps if step.state.in_force)


class StandingDesk:
    """The consequences for customers of one hoster. Threads and processes may share the record."""

    def __init__(self, parts: StandingParts, rules: CustomerRules) -> None:
        self._parts = parts
        self.rules = rules

    def view(self, customer: str) -> CustomerView:
        """How a customer stands now; nothing is changed but the count of observed time."""
        return self._view(customer, self._now())

    def history(self, customer: str) -> tuple[CustomerFacts, Sequence[Step], bool]:
        """The facts, the steps, and whether an appeal about a step is open."""
        open_appeals = self._parts.store.appeals(customer, frozenset({AppealState.OPEN}))
        # An appeal about a case disputes that case alone: else one after the other would stop the ladder for good.
        appealed = any(appeal.subject.startswith(step_subject("")) for appeal in open_appeals)
        return self._facts(customer), self._parts.store.steps(customer), appealed

    def review(self, customer: str) -> CustomerView:
        """Take what is due about one customer, and go on with what is under way."""
        self._follow_letters(customer)
        for step in self._parts.store.steps(customer):
            if step.state in _UNDER_WAY:
                self._carry_out(step)
        for _ in range(_MOST_MOVES):
            with self._parts.lock:
                view = self._view(customer, self._now())
                taken = self._record_move(view)
            if taken is None:
                return view
            if taken.state in _UNDER_WAY:
                self._carry_out(taken)
            self._follow_letters(customer)
        return self.view(customer)

    def review_all(self) -> int:
        """Review every customer with a fact that counts or a step that is not over; how many."""
        self.record_rules()
        since = self._parts.clock() - self.rules.ladder.decay
        concerned = set(self._parts.facts.by_customer(since))
        concerned |= {step.customer for step in self._parts.store.steps_in(_NOT_OVER)}
        ended = self._parts.store.steps_in(frozenset(StepState) - _NOT_OVER)
        concerned |= {step.customer for step in ended if self._is_unwritten(step)}
        concerned |= set(self._resellers_of(concerned))
        for customer in sorted(concerned):
            self.review(customer)
        return len(concerned)

    def record_rules(self) -> None:
        """Write the house rules into the audit log when they are others than before."""
        before = self._parts.store.rules_changed(self.rules.version, self._parts.clock())
        if before is not None:
            rules = list(explained(self.rules))
            event = AuditEvent("house-rules.changed", {"version": self.rules.version, "before": before, "rules": rules})
            self._parts.audit.append(event)

    # Orders of a person

    def confirm(self, step_id: str, order: Order) -> Step:
        """Impose a step whose notice is over, or whose customer could not be told.

        RefusedError while its notice runs, while an appeal is open, where what it rests on counts no longer, and in
        mode observe.
        """
        with self._parts.lock:
            step = self._parts.store.step(step_id)
            self._expect_confirmable(step)
            imposing = self._imposing(step, order)
        return self._carry_out(imposing)

    def refuse(self, step_id: str, order: Order) -> Step:
        """Decide against a step that is announced or waits: its facts lead to no step any more."""
        with self._parts.lock:
            step = self._expect(step_id, lambda step: step.state.pending, "nothing is announced")
            return self._ended(step, StepState.REFUSED, order)

    def undo(self, step_id: str, order: Order) -> Step:
        """Undo a step in force: its facts lead to no step any more.

        RefusedError where it has no inverse.
        """
        with self._parts.lock:
            step = self._expect(step_id, lambda step: step.state.in_force, "it is not in force")
            if not step.rung.inverse:
                raise RefusedError(f"step {step_id} cannot be undone: the contract ended", hint="make a new contract")
            lifting = self._lifting(step, order)
        return self._carry_out(lifting)

    def record_notified(self, step_id: str, order: Order) -> Step:
        """Record that a person told the customer of an announcement, or of what is in force."""
        with self._parts.lock:
            step = self._expect(step_id, lambda step: not step.state.over, "it is over")
            now = self._now()
            self._log("step.notified", step, actor=order.actor, reason=order.reason)
            if step.state.in_force:
                return self._replace(step, replace(step, informed_at=step.informed_at or now.at))
            if step.notified_observed is not None:
                return step
            announced = replace(
                step, state=StepState.ANNOUNCED, notified_at=now.at, notified_observed=now.observed, not_notified=""
            )
            return self._replace(step, announced)

    def done(self, step_id: str, order: Order) -> Step:
        """Record that a person carried a measure or its inverse out by hand."""
        with self._parts.lock:
            step = self._expect(step_id, lambda step: step.state in _UNDER_WAY, "nothing is under way")
            self._log("step.done-by-hand", step, actor=order.actor, reason=order.reason)
            return self._finished(step, f"by hand, by {order.actor}: {order.reason}")

    def go_on(self, step: Step) -> Step:
        """Go on with what is under way about a step; as it is where nothing is."""
        return self._carry_out(step) if step.state in _UNDER_WAY else step

    def facts_behind(self, step: Step) -> list[Fact]:
        """The facts that a step rests on; those of a reseller's customers, too."""
        known, wanted = self._facts(step.customer), set(step.facts)
        below = known.reseller.facts if known.reseller else ()
        return [fact for fact in (*known.own, *below) if fact.id in wanted]

    def waiting(self) -> Sequence[Step]:
        """The steps that wait for a person, and those whose measure is not done."""
        return self._parts.store.steps_in(frozenset({StepState.WAITING}) | _UNDER_WAY)

    # What the moves are

    def _record_move(self, view: CustomerView) -> Step | None:
        """Record a move with the lock in hand; None where the mode does not take it."""
        move = view.following
        if move is None or not (self.rules.enforce or move.move in _BETTER):
            return None
        order = replace(_BY_RULES, reason=move.reason)
        match move.move, move.step:
            case Move.IMPOSE, Step() as step:
                return self._imposing(step, order)
            case Move.LIFT, Step() as step:
                return self._lifting(step, order)
            case Move.WITHDRAW, Step() as step:
                return self._ended(step, StepState.WITHDRAWN, order)
            case Move.ASK, Step() as step:
                self._log("step.waiting", step, reason=move.reason)
                return self._replace(step, replace(step, state=StepState.WAITING, reason=move.reason))
            case _:
                return self._announce(view.standing.customer, move)

    def _announce(self, customer: str, move: NextMove) -> Step:
        now = self._now()
        step = Step(
            id=new_id(now.at, "m"),
            customer=customer,
            rung=move.rung,
            state=StepState.ANNOUNCED,
            facts=move.facts,
            announced_at=now.at,
            rules=self.rules.version,
            site=move.site,
            reason=move.reason,
        )
        self._log("step.announced", step, reason=move.reason, facts=list(move.facts), rules=step.rules)
        self._parts.store.add_step(step)
        if self.rules.ladder.rungs[step.rung].notice:
            self._write(step, "announced")
        return step

    def _imposing(self, step: Step, order: Order) -> Step:
        self._log("step.intended", step, actor=order.actor, reason=order.reason)
        imposing = replace(step, state=StepState.IMPOSING, actor=order.actor, reason=order.reason)
        return self._replace(step, imposing)

    def _lifting(self, step: Step, order: Order) -> Step:
        self._log("step.lifting", step, actor=order.actor, reason=order.reason)
        return self._replace(step, replace(step, state=StepState.LIFTING, actor=order.actor, reason=order.reason))

    def _ended(self, step: Step, state: StepState, order: Order) -> Step:
        self._log(f"step.{state}", step, actor=order.actor, reason=order.reason)
        ended = replace(step, state=state, ended_at=self._parts.clock(), actor=order.actor, reason=order.reason)
        self._replace(step, ended)
        if step.notified_at is not None or self._parts.store.statements(step_subject(step.id)):
            self._write(ended, state)
        return ended

    def _carry_out(self, step: Step) -> Step:
        """Do what is under way, without the lock; may be done again after a crash."""
        if step.rung.acts:
            order = Order(step.actor, f"{step.id}: {step.reason}")
            act = self._parts.measures.suspend if step.state is StepState.IMPOSING else self._parts.measures.lift
            seen = act(step, order)
            if not seen.done:
                _log.warning("step %s of customer %s is not done: %s", step.id, step.customer, seen.detail)
                with self._parts.lock, suppress(RefusedError):  # another process saw it done meanwhile
                    return self._replace(step, replace(step, trouble=seen.detail))
                return self._parts.store.step(step.id)
            detail = seen.detail
        else:
            detail = step.rung.measure if step.state is StepState.IMPOSING else step.rung.inverse
        with self._parts.lock:
            now = self._parts.store.step(step.id)
            return self._finished(now, detail) if now.state is step.state else now

    def _finished(self, step: Step, detail: str) -> Step:
        imposed = step.state is StepState.IMPOSING
        state = StepState.IMPOSED if imposed else StepState.LIFTED
        now = self._parts.clock()
        after = replace(step, state=state, trouble="")
        after = replace(after, imposed_at=now) if imposed else replace(after, ended_at=now)
        self._log(f"step.{state}", after, detail=detail)
        self._replace(step, after)
        self._write(after, state)
        return after

    # Letters

    def _write(self, step: Step, purpose: str) -> None:
        """Write to the customer; a notice that cannot be given is known at once."""
        statement = self._parts.letters.about_step(step, purpose, self.facts_behind(step))
        if statement.state is not StatementState.SENT and step.state is StepState.ANNOUNCED:
            self._replace(step, replace(step, not_notified=statement.why))

    def _follow_letters(self, customer: str) -> None:
        """Record what became of letters that a notice or an appeal's time begins with."""
        for step in self._parts.store.steps(customer):
            silent = not self.rules.ladder.rungs[step.rung].notice
            announced = step.state is StepState.ANNOUNCED and not (silent or step.notified_at or step.not_notified)
            imposed = step.state is StepState.IMPOSED and step.informed_at is None
            if announced or imposed:
                self._follow(step.id, "announced" if announced else "imposed")
            elif self._is_unwritten(step):
                self._write(step, step.state)

    def _is_unwritten(self, step: Step) -> bool:
        """Whether a crash came between the end of a step and the letter about it."""
        if step.ended_at is None or step.ended_at < self._parts.clock() - _TOLD_LATER:
            return False
        written = self._parts.store.statements(step_subject(step.id))
        return bool(written or step.notified_at) and all(one.purpose != step.state for one in written)

    def _follow(self, step_id: str, purpose: str) -> None:
        written = [one for one in self._parts.store.statements(step_subject(step_id)) if one.purpose == purpose]
        if not written:  # a crash came between the step and its letter
            self._write(self._parts.store.step(step_id), purpose)
            return
        outcomes = [self._parts.letters.delivered(one) for one in written if one.state is StatementState.SENT]
        delivered = True if True in outcomes else outcomes[-1] if outcomes else None
        if delivered is None:
            return
        with self._parts.lock:
            step, now = self._parts.store.step(step_id), self._now()
            if purpose == "imposed" and delivered:
                self._replace(step, replace(step, informed_at=now.at))
            elif step.state is StepState.ANNOUNCED and step.notified_at is None:
                told = replace(step, notified_at=now.at, notified_observed=now.observed)
                self._replace(
                    step, told if delivered else replace(step, not_notified="the mail server refused the letter")
                )

    # What is known

    def _now(self) -> Now:
        return Now(self._parts.clock(), self._parts.store.observe(self._parts.read_time()))

    def _view(self, customer: str, now: Now) -> CustomerView:
        facts, steps, appealed = self.history(customer)
        standing = standing_of(facts, self.rules.ladder, now.at)
        following = next_move(standing, History(steps, appealed), self.rules.ladder, now)
        return CustomerView(standing, tuple(facts.own), tuple(steps), appealed, following)

    def _facts(self, customer: str) -> CustomerFacts:
        own = self._parts.facts.facts_of(customer)
        below = [one for one in self._parts.register.customers_below(customer) if one.status != "ended"]
        if not below:
            return CustomerFacts(customer, own)
        # One pass over the record: a reseller may have thousands. What decayed long ago keeps nothing in force.
        found = self._parts.facts.by_customer(self._parts.clock() - 2 * self.rules.ladder.decay)
        facts = [fact for one in below for fact in found.get(one.id, ())]
        return CustomerFacts(customer, own, ResellerView(len(below), facts))

    def _resellers_of(self, customers: Iterable[str]) -> Iterable[str]:
        for customer in customers:
            known = self._parts.register.store.known(customer)
            if known is not None:
                yield from (reseller.id for reseller in self._parts.register.resellers_above(known))

    def _expect_confirmable(self, step: Step) -> None:
        if not self.rules.enforce:
            hint = 'set mode = "enforce" in the house rules, then run the command again'
            raise RefusedError("the mode is observe: no step is taken", hint=hint)
        now = self._now()
        view = self._view(step.customer, now)
        if not step.state.pending:
            raise RefusedError(f"step {step.id} is {_by_whom(step)}: there is nothing to confirm", hint=_LOOK)
        if view.appealed:
            hint = "decide the appeal first: goodhoster customers appeals"
            raise RefusedError(f"an appeal of customer {step.customer} is open", hint=hint)
        if view.standing.level < step.rung.level or view.standing.counts.isdisjoint(step.facts):
            raise RefusedError(
                f"what step {step.id} rests on does not count now", hint="see: goodhoster customers standing"
            )
        if not step.not_notified and not is_due(step, self.rules.ladder, now):
            raise RefusedError(f"the notice of step {step.id} is not over", hint=_when(step, self.rules, now))

    def _expect(self, step_id: str, fits: Callable[[Step], bool], otherwise: str) -> Step:
        step = self._parts.store.step(step_id)
        if not fits(step):
            raise RefusedError(f"step {step_id} is {_by_whom(step)}: {otherwise}", hint=_LOOK)
        return step

    def _replace(self, before: Step, after: Step) -> Step:
        if after != before:
            self._parts.store.replace_step(after, expected=before.state)
        return after

    def _log(self, event: str, step: Step, **more: str | list[str]) -> None:
        data = {"step": step.id, "customer": step.customer, "rung": step.rung.value, **more}
        self._parts.audit.append(AuditEvent(event, data))


def _by_whom(step: Step) -> str:
    """The state of a step, with who brought it there: for the person who comes second."""
    at = step.ended_at or step.imposed_at
    when = f" since {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"{step.state}{when}, by {step.actor or 'the house rules'} ({step.reason})"


def _when(step: Step, rules: CustomerRules, now: Now) -> str:
    if step.notified_observed is None:
        return "its letter waits for the mail server"
    left = rules.ladder.rungs[step.rung].notice.total_seconds() - (now.observed - step.notified_observed)
    return f"it runs for another {max(0.0, left) / 3600:.1f} h"


def restriction_of(steps: Iterable[Step]) -> str:
    """Why a customer may host no uploads by a step in force; empty where it may."""
    barring = [step for step in steps if step.state.in_force and step.rung.level >= Rung.RESTRICT.level]
    if not barring:
        return ""
    worst = max(barring, key=lambda step: step.rung.level)
    return f"step {worst.id} is in force: {worst.rung}"
