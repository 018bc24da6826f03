"""Appeals: taken in, decided by a person, and undone exactly where the customer is right.

One for each measure. It comes by a reference that only the letter has, or by a person at the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.customers.standing.desk import StandingDesk
from goodhoster.customers.standing.facts import case_subject, step_subject, suspension_subject
from goodhoster.errors import GoodhosterError, RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.customers.house_rules import AppealRules
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState, Statement
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.model.ids import new_id
from goodhoster.model.letters import LETTER_REFERENCE
from goodhoster.policy.appeals import decision_due, in_time
from goodhoster.ports import AuditLog, CaseStore, Clock
from goodhoster.ports.standing import StandingStore, StepLetters

_LONGEST_TEXT = 20_000
_TOLD_LATER = timedelta(days=7)
"""So long the letter about it is still written: a crash may have come between."""
_NOTHING_DONE = frozenset({CaseState.GONE, CaseState.WITHDRAWN, CaseState.OBSERVED, CaseState.HELD})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that are not seen."""
_CASE, _STEP, _SUSPENSION = case_subject(""), step_subject(""), suspension_subject("")


def says_something(text: str) -> bool:
    """Whether a text has a letter or a digit that can be seen."""
    return any(character.isalnum() and character not in _FILLERS for character in text)


@dataclass(frozen=True, slots=True)
class AppealParts:
    """What the desk works with."""

    store: StandingStore
    cases: CaseStore
    steps: StandingDesk
    letters: StepLetters
    audit: AuditLog
    lock: FileLock
    clock: Clock
    rules: AppealRules
    restore: Callable[[Sequence[str], Order], Mapping[str, str]]
    """Puts the files of cases back through the case desk; for each that is not back, why."""
    suspension: Callable[[str], Suspension]
    """The suspension of that id; RefusedError when there is none."""
    lift: Callable[[str, Order], str]
    """Lifts a suspension exactly; why it is not lifted, or empty where that was seen."""
    tell_owners: Callable[[Case], int]
    """Tells the owners of the lists that a case was a mistake; how many."""


@dataclass(frozen=True, slots=True)
class AppealDecision:
    """A person's decision about an appeal."""

    outcome: AppealState
    order: Order
    mistake: bool = False
    """The list or notifier was wrong: its owner is told."""


class AppealDesk:
    """The appeals of one hoster. Threads and processes may share the record."""

    def __init__(self, parts: AppealParts) -> None:
        self._parts = parts

    def by_reference(self, words: str, text: str, channel: AppealChannel) -> list[Appeal]:
        """Take in an appeal that names one of our letters, such as in the subject of a mail.

        May be called again for the same: there is one appeal for each measure. RefusedError when it names none.
        """
        told = self.referred(words)
        if not told:
            hint = "the reference stands in the subject of the letter, such as [GH-2x3y4z5a6b7c]"
            raise RefusedError("no letter of ours has that reference", hint=hint)
        return self.about_all([(one.subject, one.customer) for one in told], text, channel)

    def referred(self, words: str) -> list[Statement]:
        """The records of the letter of ours that is named, one for each measure that it tells of."""
        named = LETTER_REFERENCE.search(words)
        letters = self._parts.store.referred(named[1]) if named else ()
        return [one for one in letters if one.subject.startswith((_CASE, _STEP, _SUSPENSION))]

    def of_customer(self, customer: str) -> Sequence[Appeal]:
        """The appeals of a customer, whatever became of them."""
        return self._parts.store.appeals(customer)

    def about_all(self, measures: Sequence[tuple[str, str]], text: str, channel: AppealChannel) -> list[Appeal]:
        """Take in an appeal about each of these measures, and confirm all in one letter.

        Each is given with whose it is, and was told by a letter of ours. RefusedError when it has no word, unless
        a person takes it in.
        """
        if channel is not AppealChannel.COMMAND and not says_something(text):  # a person notes a telephone call
            raise RefusedError("an objection without a word cannot be decided", hint="say why it was wrong")
        taken = [self._take_in(subject, customer, text, channel) for subject, customer in measures]
        for customer in dict.fromkeys(appeal.customer for appeal in taken):
            self._parts.letters.about_appeals([one for one in taken if one.customer == customer], "received")
        return taken

    def about(self, subject: str, customer: str, text: str, channel: AppealChannel = AppealChannel.COMMAND) -> Appeal:
        """Take in an appeal about a measure at that customer.

        A person was told of it, or a proven mail answers a statement.

        The subject is `step:ID`, `case:ID` or `suspension:ID`.

        RefusedError when there is no such measure, nothing was done, or it is not that customer's.
        """
        self._expect_done(subject)
        of = self._customer_of(subject)
        if of != customer:
            raise RefusedError(f"{subject} is not of customer {customer}", hint="see: goodhoster customers standing ID")
        (appeal,) = self.about_all([(subject, customer)], text, channel)
        return appeal

    def join(self, appeal: Appeal, text: str) -> bool:
        """Add reasons to an appeal that is not decided; whether it has them now.

        May be called again for the same.
        """
        with self._parts.lock:
            known = self._parts.store.appeal(appeal.id)
            if known.state is not AppealState.OPEN:
                return False
            if text[:_LONGEST_TEXT] in known.text:
                return True
            whole = f"{known.text}\n\n[added {self._parts.clock():%Y-%m-%d %H:%M} UTC]\n{text}"
            if len(whole) > _LONGEST_TEXT:
                return False
            self._log("appeal.added", known)
            self._parts.store.replace_appeal(replace(known, text=whole), expected=AppealState.OPEN)
        return True

    def decide(self, appeal_id: str, decision: AppealDecision) -> Appeal:
        """Record a person's decision, undo the measure if it was wrong, and tell the customer.

        What could not be undone at once stands in `trouble`, and `finish` goes on with it.
        """
        order = decision.order
        if not (order.actor and order.reason.strip()):
            raise RefusedError("an appeal is decided by a person, with a reason", hint="give --reason")
        if decision.outcome is AppealState.OPEN:
            raise RefusedError("an appeal is decided as upheld, rejected or withdrawn")
        with self._parts.lock:
            appeal = self._parts.store.appeal(appeal_id)
            if appeal.state is not AppealState.OPEN:
                at = f" at {appeal.decided_at:%Y-%m-%d %H:%M:%S} UTC" if appeal.decided_at else ""
                message = f"appeal {appeal_id} was decided by {appeal.actor}{at} as {appeal.state}: {appeal.reason}"
                raise RefusedError(message, hint="it is not decided twice; the customer has been told of that decision")
            data = {"outcome": decision.outcome.value, "actor": order.actor, "reason": order.reason}
            self._log("appeal.decided", appeal, **data, mistake=decision.mistake)
            upheld = decision.outcome is AppealState.UPHELD
            decided = replace(
                appeal,
                state=decision.outcome,
                reason=order.reason,
                actor=order.actor,
                decided_at=self._parts.clock(),
                mistake=decision.mistake and upheld,
                trouble="being undone" if upheld else "",
            )
            self._parts.store.replace_appeal(decided, expected=AppealState.OPEN)
        decided = self.finish(decided) if upheld else decided
        self._parts.letters.about_appeals([decided], "decided")
        self._parts.steps.review(decided.customer)
        return decided

    def finish(self, appeal: Appeal) -> Appeal:
        """Undo the measure of an upheld appeal, or what is left of it; may be called again."""
        order = Order(appeal.actor, f"appeal {appeal.id}: {appeal.reason}")
        name = appeal.subject.partition(":")[2]
        try:
            restored, trouble = self._undone(appeal.subject, order)
            if appeal.mistake and appeal.subject.startswith(_CASE):
                self._parts.tell_owners(self._parts.cases.get(name))
        except GoodhosterError as error:
            restored, trouble = (), str(error)
        with self._parts.lock:
            now = self._parts.store.appeal(appeal.id)
            if not now.trouble:  # another process undid it meanwhile
                return now
            finished = replace(now, restored=restored, trouble=trouble)
            if finished != now:
                self._log("appeal.undone" if not trouble else "appeal.not-undone-yet", finished, detail=trouble)
                self._parts.store.replace_appeal(finished, expected=now.state)
        return finished

    def write_missing_letters(self) -> int:
        """Write the letters that a crash kept from being written: received, and decided; how many."""
        since, left = self._parts.clock() - _TOLD_LATER, 0
        for appeal in self._parts.store.appeals():
            if (appeal.decided_at or appeal.received_at) >= since:
                purpose = "received" if appeal.state is AppealState.OPEN else "decided"
                left += len(self._parts.letters.about_appeals([appeal], purpose))
        return left

    def overdue(self) -> list[Appeal]:
        """Open appeals whose deadline has passed."""
        now = self._parts.clock()
        return [one for one in self._parts.store.appeals(states=frozenset({AppealState.OPEN})) if one.deadline < now]

    def unfinished(self) -> list[Appeal]:
        """Upheld appeals whose measure is not undone yet."""
        return [one for one in self._parts.store.appeals(states=frozenset({AppealState.UPHELD})) if one.trouble]

    def _undone(self, subject: str, order: Order) -> tuple[tuple[str, ...], str]:
        """Undo a measure: the cases that are back, and what could not be undone yet."""
        kind, _, name = subject.partition(":")
        if kind == "case":
            return self._restore(name, order)
        return self._lifted(name, order) if kind == "suspension" else self._undo(name, order)

    def _lifted(self, suspension_id: str, order: Order) -> tuple[tuple[str, ...], str]:
        if self._parts.suspension(suspension_id).state is SuspensionState.LIFTED:
            return (), ""
        return (), self._parts.lift(suspension_id, order)

    def _restore(self, case_id: str, order: Order) -> tuple[tuple[str, ...], str]:
        case = self._parts.cases.get(case_id)
        if case.state is not CaseState.RESTORED:
            problems = self._parts.restore([case_id], order)
            if problems:
                return (), problems[case_id]
        return (case_id,), ""

    def _undo(self, step_id: str, order: Order) -> tuple[tuple[str, ...], str]:
        step = self._parts.store.step(step_id)
        if step.state.pending:
            self._parts.steps.refuse(step_id, order)
            return (), ""
        step = self._parts.steps.undo(step_id, order) if step.state.in_force else self._parts.steps.go_on(step)
        return (), "" if step.state.over else step.trouble or f"step {step_id} is {step.state}"

    def _take_in(self, subject: str, customer: str, text: str, channel: AppealChannel) -> Appeal:
        with self._parts.lock:
            for known in self._parts.store.appeals(customer):
                if known.subject == subject:
                    return known
            now = self._parts.clock()
            appeal = Appeal(
                id=new_id(now, "a"),
                customer=customer,
                subject=subject,
                channel=channel,
                received_at=now,
                deadline=decision_due(now, self._parts.rules),
                text=text[:_LONGEST_TEXT],
                late=not in_time(self._informed_at(subject), now, self._parts.rules),
            )
            self._log("appeal.received", appeal, channel=channel.value, late=appeal.late)
            self._parts.store.add_appeal(appeal)
        return appeal

    def _informed_at(self, subject: str) -> datetime | None:
        """The day the customer was informed: the first letter about it that the mail server took."""
        if subject.startswith(_STEP):
            step = self._parts.store.step(subject.removeprefix(_STEP))
            return step.informed_at or step.notified_at
        sent = [one for one in self._parts.store.statements(subject) if self._is_delivered(one)]
        return sent[0].at if sent else None

    def _is_delivered(self, statement: Statement) -> bool:
        return bool(statement.letter) and self._parts.letters.delivered(statement) is True

    def _customer_of(self, subject: str) -> str:
        kind, _, name = subject.partition(":")
        if kind == "case":
            return self._parts.cases.get(name).upload.customer
        if kind == "step":
            return self._parts.store.step(name).customer
        if kind == "suspension":
            return self._parts.suspension(name).customer
        raise RefusedError(f"{subject!r} names no measure", hint="write step:ID, case:ID or suspension:ID")

    def _expect_done(self, subject: str) -> None:
        if not subject.startswith(_CASE):
            return
        case = self._parts.cases.get(subject.removeprefix(_CASE))
        if case.state in _NOTHING_DONE:
            hint = "there is nothing to undo; `goodhoster cases restore` overrules a match that is held"
            raise RefusedError(f"case {case.id} is {case.state}: nothing was done about its file", hint=hint)

    def _log(self, event: str, appeal: Appeal, **more: str | bool) -> None:
        data = {"appeal": appeal.id, "customer": appeal.customer, "subject": appeal.subject, **more}
        self._parts.audit.append(AuditEvent(event, data))
