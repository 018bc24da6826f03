"""Letters to customers: statements of reasons for every measure, and answers to appeals.

In Dutch, English and German, to the proven contact; where there is none, the record says that nothing was sent, and
why.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from goodhoster.errors import RefusedError
from goodhoster.letters.message_ids import appeal_link
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead, redress_values, render
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Appeal, AppealState, Fact, FactKind, Statement, StatementState, Step
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.uploads import display
from goodhoster.ports import CaseQuery, CaseStore, Clock
from goodhoster.ports.standing import StandingStore

LANGUAGES = ("nl", "en", "de")
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_REFERENCE = 12
"""Letters: nobody guesses one of 31 to the twelfth."""
_OFFLINE = frozenset({CaseState.OFFLINE})
_RESTORED = frozenset({CaseState.RESTORED})
_UPHELD = frozenset({AppealState.UPHELD})
_LOOKS_BACK = timedelta(days=7)
"""So long after a match its statement is still written: a machine may have been off."""
_RESTORED_WITHIN = timedelta(days=366)
"""So long after a case was opened its restoring is told of by itself."""
_MOST_LISTED = 200
"""Files or incidents that one letter lists; the rest is counted."""
_NOT_YET = "…"
"""In place of a reference in a preview."""
_BY_STEP = re.compile(r"m\d{8}-[2-9a-z]+: ")
"""The reason of a suspension that a step of the ladder ordered: the step has its own letter."""
_TOLD_OF = {SuspensionState.IN_FORCE: "imposed", SuspensionState.LIFTED: "lifted"}


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
    case: Callable[[str], Case]
    """The case of an id."""
    told_by_notice: Callable[[Case], bool]
    """Whether a notice's own statement told the customer of a case."""
    confidential: Callable[[str], bool]
    """Whether a subject such as `case:ID` comes from a notice that is confidential."""
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
    """It rests on a notice that is confidential."""


class CustomerLetters:
    """Writer of letters to customers. See `ports.standing.StepLetters`."""

    def __init__(self, parts: LetterParts) -> None:
        self._parts = parts

    def about_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Statement:
        """See `ports.standing.StepLetters`."""
        return self._once(self._of_step(step, purpose, facts))[0]

    def about_appeals(self, appeals: Sequence[Appeal], purpose: str) -> Sequence[Statement]:
        """See `ports.standing.StepLetters`."""
        untold = [one for one in appeals if self._parts.store.statement(f"appeal:{one.id} {purpose}") is None]
        return self._write(self._of_appeals(untold, purpose)) if untold else ()

    def about_cases(self, customer: str, cases: Sequence[Case]) -> list[Statement]:
        """Tell a customer of files that went offline by a match; one letter, a record for each."""
        return self._once(self._of_cases(customer, cases))

    def about_suspension(self, suspension: Suspension) -> Statement | None:
        """Tell a customer of what a person suspended or lifted; None where no letter is due.

        So it is where the suspension is a step's, nobody knows whose account it is, or it is neither in force nor
        lifted.
        """
        draft = self._of_suspension(suspension)
        return self._once(draft)[0] if draft else None

    def preview_suspension(self, suspension: Suspension) -> Letter | None:
        """The letter about a suspension as it would be sent now; None as in `about_suspension`."""
        draft = self._of_suspension(suspension)
        return self._letter(draft, "preview", _NOT_YET) if draft else None

    def resend_suspension(self, suspension: Suspension) -> Statement | None:
        """Send a letter about a suspension again; None as in `about_suspension`."""
        draft = self._of_suspension(suspension)
        return self._write(draft)[0] if draft else None

    def preview_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Letter:
        """The letter about a step as it would be sent now; nothing is written."""
        return self._letter(self._of_step(step, purpose, facts), "preview", _NOT_YET)

    def preview_case(self, case: Case) -> Letter:
        """The letter about a case as it would be sent now. RefusedError where none is due."""
        return self._letter(self._of_case(case), "preview", _NOT_YET)

    def resend_case(self, case: Case) -> list[Statement]:
        """Send the letter about a case as it stands now. RefusedError where none is due."""
        return self._write(self._of_case(case))

    def _of_case(self, case: Case) -> _Draft:
        """What is true of a case now: that its file went offline by a match, or that it is back."""
        customer = case.upload.customer
        if case.state is CaseState.RESTORED and self._was_told(case):
            return self._of_restored(customer, [case])
        if case.state is not CaseState.OFFLINE:
            message = f"no letter is due about case {case.id}: it is {case.state}, and the customer was told of nothing"
            raise RefusedError(message, hint="only what is offline is told, and what came back after that was told")
        if case.notice:
            message = f"the statement about case {case.id} is that of notice {case.notice}"
            raise RefusedError(message, hint=f"see sent in: goodhoster notices show {case.notice}")
        return self._of_cases(customer, [case])

    def _was_told(self, case: Case) -> bool:
        if case.notice and self._parts.told_by_notice(case):
            return True
        sent = self._parts.store.statements(f"case:{case.id}")
        return any((one.purpose, one.state) == ("offline", StatementState.SENT) for one in sent)

    def resend_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Statement:
        """Send a letter about a step again, such as when the contact was mended."""
        return self._write(self._of_step(step, purpose, facts))[0]

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

    def tell_of_restored(self, cases: CaseStore) -> int:
        """Tell customers of files that came back, where they were told that these went offline.

        What an appeal brought back stands in the answer to it. How many cases.
        """
        now, due = self._parts.clock(), defaultdict[str, list[Case]](list)
        for case in cases.find(CaseQuery(states=_RESTORED, opened_since=now - _RESTORED_WITHIN)):
            if case.closed_at and case.closed_at >= now - _LOOKS_BACK and self._is_restored_untold(case):
                due[case.upload.customer].append(case)
        for customer, its in due.items():
            self._once(self._of_restored(customer, its))
        return sum(map(len, due.values()))

    def _is_restored_untold(self, case: Case) -> bool:
        said = {one.purpose for one in self._parts.store.statements(f"case:{case.id}")}
        if not self._was_told(case) or any(purpose == "restored" for purpose in said):
            return False
        return not any(case.id in one.restored for one in self._parts.store.appeals(case.upload.customer, _UPHELD))

    def tell_of_suspensions(self, suspensions: Iterable[Suspension]) -> int:
        """Tell customers of what persons suspended or lifted lately; how many letters were due."""
        since = self._parts.clock() - _LOOKS_BACK
        recent = (one for one in suspensions if (one.closed_at or one.opened_at) >= since)
        return sum(self.about_suspension(one) is not None for one in recent)

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
            state, why = StatementState.WITHHELD, "a notice is confidential (DSA Art. 9)"
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
        link = appeal_link(head.link, self._parts.outbox.codes, name)
        if reference == _NOT_YET:
            link = link and f"{link.partition('/appeal/')[0]}/appeal/{_NOT_YET}"
        common = redress_values(head, link) | {"reference": reference, "purpose": draft.purpose}
        subject, text = render(draft.kind, language, common | dict(draft.values))
        return Letter(name, draft.kind, to.address, subject, text)

    def _of_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> _Draft:
        notice = self._parts.rules.ladder.rungs[step.rung].notice
        values = {
            "rung": step.rung.value,
            "site": step.site,
            "ends": _moment(step.announced_at + notice) if notice else "",
            "since": _moment(step.imposed_at) if step.imposed_at else "",
            "facts": [_of_fact(fact, step.customer) for fact in facts[:_MOST_LISTED]],
            "more": max(0, len(facts) - _MOST_LISTED),
            "material": any(fact.kind is FactKind.KNOWN_MATERIAL for fact in facts) or not facts,
            "silence": any(fact.kind is FactKind.SILENCE for fact in facts),
            "automatic": all(fact.automatic for fact in facts),
            "by_person": bool(step.actor),
            "person": self._parts.rules.ladder.rungs[step.rung].person,
            "days": self._parts.rules.ladder.decay.days,
            "final": not step.rung.inverse,
        }
        secret = any(self._parts.confidential(fact) for fact in step.facts)
        return _Draft(LetterKind.MEASURE, step.customer, purpose, (f"step:{step.id}",), values, secret)

    def _of_cases(self, customer: str, cases: Sequence[Case]) -> _Draft:
        files = [display(case.upload.place.path) for case in cases]
        values = {
            "files": files[:_MOST_LISTED],
            "more": max(0, len(files) - _MOST_LISTED),
            "since": _moment(max(case.closed_at or case.opened_at for case in cases)),  # by then all were
            "by_person": any(case.actor for case in cases),
            "sources": len({match.source for case in cases for match in case.matches}),
        }
        subjects = tuple(f"case:{case.id}" for case in cases)
        secret = any(map(self._parts.confidential, subjects))
        return _Draft(LetterKind.OFFLINE, customer, "offline", subjects, values, secret)

    def _of_restored(self, customer: str, cases: Sequence[Case]) -> _Draft:
        files = [display(case.upload.place.path) for case in cases]
        values = {"files": files[:_MOST_LISTED], "more": max(0, len(files) - _MOST_LISTED)}
        subjects = tuple(f"case:{case.id}" for case in cases)
        secret = any(map(self._parts.confidential, subjects))
        return _Draft(LetterKind.RESTORED, customer, "restored", subjects, values, secret)

    def _of_suspension(self, suspension: Suspension) -> _Draft | None:
        purpose, target = _TOLD_OF.get(suspension.state), suspension.target
        subject = f"suspension:{suspension.id}"
        if purpose is None or not suspension.customer or _BY_STEP.match(suspension.reason):
            return None
        if purpose == "lifted" and not self._parts.store.statements(subject):
            return None  # who was never told of it need not learn that it is over
        values = {
            "what": "site" if target.host else "network" if "/" in target.account else "account",
            "target": target.host or target.account,
            "since": _moment(suspension.opened_at),
            "reason": suspension.lift_reason if purpose == "lifted" else suspension.reason,
        }
        return _Draft(
            LetterKind.SUSPENSION, suspension.customer, purpose, (subject,), values, secret=suspension.confidential
        )

    def _files_of(self, appeals: Sequence[Appeal]) -> Iterator[str]:
        """The files that appeals are about, where there are several with the number of each."""
        for appeal in appeals:
            kind, _, name = appeal.subject.partition(":")
            if kind == "case":
                with suppress(RefusedError):  # its record was lost
                    file = display(self._parts.case(name).upload.place.path)
                    yield f"{appeal.id}: {file}" if len(appeals) > 1 else file

    def _of_appeals(self, appeals: Sequence[Appeal], purpose: str) -> _Draft:
        appeal, *others = appeals
        values = {
            "id": appeal.id,
            "others": [one.id for one in others],
            "received": _moment(appeal.received_at),
            "deadline": _moment(appeal.deadline),
            "state": appeal.state.value,
            "reason": appeal.reason,
            "late": any(one.late for one in appeals),
            "undone": bool(appeal.restored),
            "trouble": bool(appeal.trouble),
            "files": list(islice(self._files_of(appeals), _MOST_LISTED)),
        }
        secret = any(self._parts.confidential(one.subject) for one in appeals)
        subjects = tuple(f"appeal:{one.id}" for one in appeals)
        return _Draft(LetterKind.APPEAL, appeal.customer, purpose, subjects, values, secret)


def _of_fact(fact: Fact, customer: str) -> dict[str, Any]:
    """A fact as a letter to that customer lists it.

    A reseller reads at which of its customers it is.
    """
    return {
        "at": _moment(fact.at),
        "kind": fact.kind.value,
        "noticed": fact.noticed,
        "of": fact.customer if fact.customer != customer else "",
    }


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
