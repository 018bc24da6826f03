"""Letters to customers: statements of reasons, steps of the ladder, and answers to appeals.

In Dutch, English and German, to the proven contact; where there is none, the record says that nothing was sent, and
why.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead, render
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Appeal, Fact, Statement, StatementState, Step
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.uploads import display
from goodhoster.ports import CaseQuery, CaseStore, Clock
from goodhoster.ports.standing import StandingStore

LANGUAGES = ("nl", "en", "de")
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_REFERENCE = 12
"""Letters: nobody guesses one of 31 to the twelfth."""
_OFFLINE = frozenset({CaseState.OFFLINE})
_LOOKS_BACK = timedelta(days=7)
"""So long after a match its statement is still written: a machine may have been off."""
_MOST_FILES = 200
"""Files that one letter lists; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a customer's letters go."""

    address: str
    """The proven contact; empty where there is none."""
    language: str = ""
    why_not: str = ""
    """Why there is no address, in words."""


@dataclass(frozen=True, slots=True)
class LetterParts:
    """What the writer works with."""

    outbox: Outbox
    store: StandingStore
    head: Letterhead
    rules: CustomerRules
    recipient: Callable[[str], Recipient]
    confidential: Callable[[str], bool]
    """Whether a subject such as `case:ID` comes from an order that is confidential."""
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Draft:
    """A letter that is to be written."""

    kind: LetterKind
    customer: str
    purpose: str
    subjects: tuple[str, ...]
    values: Mapping[str, Any]
    secret: bool = False
    """It rests on an order that is confidential."""


class CustomerLetters:
    """Writer of letters to customers. See `ports.standing.StepLetters`."""

    def __init__(self, parts: LetterParts) -> None:
        self._parts = parts

    def about_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Statement:
        """See `ports.standing.StepLetters`."""
        return self._once(self._of_step(step, purpose, facts))[0]

    def about_appeal(self, appeal: Appeal, purpose: str) -> Statement:
        """See `ports.standing.StepLetters`."""
        return self._once(self._of_appeal(appeal, purpose))[0]

    def about_cases(self, customer: str, cases: Sequence[Case]) -> list[Statement]:
        """Tell a customer of files that went offline by a match; one letter, a record for each."""
        return self._once(self._of_cases(customer, cases))

    def preview_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Letter:
        """The letter about a step as it would be sent now; nothing is written."""
        return self._letter(self._of_step(step, purpose, facts), "preview", "…")

    def preview_cases(self, customer: str, cases: Sequence[Case]) -> Letter:
        """The letter about cases as it would be sent now; nothing is written."""
        return self._letter(self._of_cases(customer, cases), "preview", "…")

    def resend_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Statement:
        """Send a letter about a step again, such as when the contact was mended."""
        return self._write(self._of_step(step, purpose, facts))[0]

    def resend_cases(self, customer: str, cases: Sequence[Case]) -> list[Statement]:
        """Send a letter about cases again."""
        return self._write(self._of_cases(customer, cases))

    def delivered(self, statement: Statement) -> bool | None:
        """See `ports.standing.StepLetters`."""
        return self._parts.outbox.delivered(statement.letter)

    def tell_of_cases(self, cases: CaseStore) -> int:
        """Tell customers of files that went offline by a match; how many cases.

        Of these nothing was said before. Those of a notice have its statement.
        """
        since = self._parts.clock() - _LOOKS_BACK
        told = self._parts.store.subjects_told(since)
        due: dict[str, list[Case]] = defaultdict(list)
        for case in cases.find(CaseQuery(states=_OFFLINE, opened_since=since)):
            if not case.notice and f"case:{case.id}" not in told:
                due[case.upload.customer].append(case)
        for customer, its in due.items():
            self.about_cases(customer, its)
        return sum(map(len, due.values()))

    def _once(self, draft: _Draft) -> list[Statement]:
        """Write what was not written yet; a crash in between may write it twice, never not at all."""
        known = [self._parts.store.statement(f"{subject} {draft.purpose}") for subject in draft.subjects]
        written = [statement for statement in known if statement is not None]
        return written if len(written) == len(draft.subjects) else self._write(draft)

    def _write(self, draft: _Draft) -> list[Statement]:
        now = self._parts.clock()
        to = self._parts.recipient(draft.customer)
        state, why = StatementState.SENT, ""
        if draft.secret:
            state, why = StatementState.WITHHELD, "an order is confidential (DSA Art. 9)"
        elif not to.address:
            state, why = StatementState.NOT_SENT, to.why_not or "there is no proven contact"
        name = f"{now:%Y%m%d}-{''.join(secrets.choice(_LETTERS) for _ in range(_REFERENCE))}"
        reference = name.partition("-")[2]
        if state is StatementState.SENT:
            self._parts.outbox.put(self._letter(draft, name, reference))
        written = [
            Statement(
                id=f"{subject} {draft.purpose}",
                subject=subject,
                customer=draft.customer,
                purpose=draft.purpose,
                state=state,
                at=now,
                to=to.address if state is StatementState.SENT else "",
                why=why,
                letter=name if state is StatementState.SENT else "",
                reference=reference if state is StatementState.SENT else "",
            )
            for subject in draft.subjects
        ]
        for statement in written:
            self._parts.store.keep_statement(statement)
        return written

    def _letter(self, draft: _Draft, name: str, reference: str) -> Letter:
        to = self._parts.recipient(draft.customer)
        head = self._parts.head
        language = to.language if to.language in LANGUAGES else head.language
        common = {
            "hoster": head.hoster,
            "objections": head.objections,
            "reference": reference,
            "purpose": draft.purpose,
            "months": self._parts.rules.appeals.months,
            "terms": self._parts.rules.statement.terms,
            "law": self._parts.rules.statement.law,
            "territory": self._parts.rules.statement.territory,
        }
        subject, text = render(draft.kind, language, common | dict(draft.values))
        return Letter(name, draft.kind, to.address, subject, text)

    def _of_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> _Draft:
        notice = self._parts.rules.ladder.rungs[step.rung].notice
        values = {
            "rung": step.rung.value,
            "site": step.site,
            "ends": _moment(step.announced_at + notice) if notice else "",
            "since": _moment(step.imposed_at) if step.imposed_at else "",
            "facts": [{"at": _moment(fact.at), "kind": fact.kind.value, "automatic": fact.automatic} for fact in facts],
            "by_person": bool(step.actor),
            "detected": all(fact.automatic for fact in facts),
            "days": self._parts.rules.ladder.decay.days,
            "final": not step.rung.inverse,
        }
        secret = any(self._parts.confidential(fact) for fact in step.facts)
        return _Draft(LetterKind.MEASURE, step.customer, purpose, (f"step:{step.id}",), values, secret)

    def _of_cases(self, customer: str, cases: Sequence[Case]) -> _Draft:
        files = [display(case.upload.place.path) for case in cases]
        values = {
            "files": files[:_MOST_FILES],
            "more": max(0, len(files) - _MOST_FILES),
            "since": _moment(min(case.opened_at for case in cases)),
            "by_person": any(case.actor for case in cases),
            "sources": len({match.source for case in cases for match in case.matches}),
        }
        subjects = tuple(f"case:{case.id}" for case in cases)
        secret = any(map(self._parts.confidential, subjects))
        return _Draft(LetterKind.OFFLINE, customer, "offline", subjects, values, secret)

    def _of_appeal(self, appeal: Appeal, purpose: str) -> _Draft:
        values = {
            "id": appeal.id,
            "received": _moment(appeal.received_at),
            "deadline": _moment(appeal.deadline),
            "state": appeal.state.value,
            "reason": appeal.reason,
            "late": appeal.late,
            "undone": bool(appeal.restored),
            "trouble": bool(appeal.trouble),
        }
        secret = self._parts.confidential(appeal.subject)
        return _Draft(LetterKind.APPEAL, appeal.customer, purpose, (f"appeal:{appeal.id}",), values, secret)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
