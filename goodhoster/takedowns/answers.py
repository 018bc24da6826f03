"""Rules for letters about a notice: recipients, and when; each once, none to a machine."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from goodhoster.errors import RefusedError
from goodhoster.letters import texts
from goodhoster.letters.message_ids import appeal_link
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Handling, InaccessibleUrls, Letterhead
from goodhoster.model.cases import Case, CaseState, MeasureState
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.letters import Letter
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState
from goodhoster.model.notices import Carrier, TrustLevel
from goodhoster.model.uploads import display
from goodhoster.ports import CaseStore

_BOUNCE = "<>"
_ADDRESS = "address"
"""What a statement tells of where an address is blocked."""
_WRITTEN = re.compile(r"statement(?:-\d+)?:(.*?)(?:-not-sent)?")


@dataclass(frozen=True, slots=True)
class Answers:
    """Writer of the letters that are due."""

    outbox: Outbox
    head: Letterhead
    own_addresses: frozenset[str]
    """Lower case: a letter to ourselves would come back as a notice."""
    cases: CaseStore
    contact_of: Callable[[str], AbuseContact | None]
    """None when no directory names one: then no statement is written yet."""
    automatic: bool
    """False in mode observe: nothing goes out by itself."""

    purged: Callable[[NoticeItem], bool] = lambda _: False
    """Whether every cache in front of an item was seen to forget it."""

    def write(self, notice: Notice) -> Notice:
        """Put every due letter not written yet into the outbox; the notice records which."""
        if not self.automatic:
            return notice
        notice = self._with_statements(notice, withhold=_confidential(notice))
        for name, letter in self._due_answers(notice):
            notice = self._enqueue(notice, name, letter)
        return notice

    def answer(self, notice: Notice) -> Letter | None:
        """Answer to the notifier as things stand; None when nobody is to be answered."""
        letter = self._result(notice, self._cases_of(notice))
        return letter if self._may_be_answered(notice) else None

    def _cases_of(self, notice: Notice) -> Sequence[Case]:
        """The cases of its items, in their order."""
        return self.cases.get_all([case_id for item in notice.items for case_id in item.cases])

    def _result(self, notice: Notice, cases: Sequence[Case]) -> Letter:
        disputed = any(item.state is ItemState.DISPUTED for item in notice.items)
        by_person = notice.reviewed or disputed or any(case.actor for case in cases)
        purged = [item.url for item in notice.items if item.front and self.purged(item)]
        return texts.result(notice, self.head, _result_round(notice), Handling(by_person, purged))

    def write_answer(self, notice: Notice) -> Notice:
        """Put the answer into the outbox by order of a person, whatever the state and the limit.

        While the notice is not done it is an interim one: the final one is still owed.
        """
        final = notice.state is NoticeState.DONE
        letter, name = self.answer(notice), min(_sent_names("result" if final else "interim", notice), key=len)
        if letter is None or name in notice.sent:
            return notice
        letter = letter if final else replace(letter, id=f"{notice.id}-{name}")
        self.outbox.put(replace(letter, limited=False))
        return replace(notice, sent=(*notice.sent, name))

    def write_statements(self, notice: Notice) -> Notice:
        """Write the statements to customers, by order of a person.

        Also what was withheld from customers because the notice may be confidential.
        """
        return self._with_statements(notice, withhold=False)

    def forwarding(self, notice: Notice, hotline: str) -> Letter:
        """Letter that forwards a notice of the public to the hotline.

        RefusedError when it is not for others to see.
        """
        if notice.read and notice.read.order and notice.read.is_confidential:
            raise RefusedError(f"notice {notice.id} is a confidential order", hint="only its authority may hand it on")
        if notice.level in {TrustLevel.PINNED, TrustLevel.AUTHORITY}:
            hint = "act on it: goodhoster notices confirm or dismiss"
            raise RefusedError(f"notice {notice.id} is of {notice.notifier} and not of the public", hint=hint)
        return texts.forward(notice, hotline, self.head)

    def write_forward(self, notice: Notice, letter: Letter) -> Notice:
        """Forward the notice."""
        return self._enqueue(notice, "forward", letter)

    def _enqueue(self, notice: Notice, name: str, letter: Letter | None) -> Notice:
        """Queue a letter; where it cannot be written now, only record that, once."""
        if letter is not None and not self.outbox.put(letter):
            name += "-not-sent"
        return notice if name in notice.sent else replace(notice, sent=(*notice.sent, name))

    def _due_answers(self, notice: Notice) -> Iterator[tuple[str, Letter]]:
        cases = self._cases_of(notice)
        if not self._may_be_answered(notice):
            return
        result = _sent_names("result", notice)
        if notice.state is NoticeState.DONE:
            if not result & set(notice.sent):
                yield min(result, key=len), self._result(notice, cases)
        elif not _sent_names("receipt", notice) & set(notice.sent) and _result_round(notice) == 1:
            yield "receipt", texts.receipt(notice, self.head)

    def statements(self, notice: Notice) -> Iterator[Letter]:
        """Statements about what this notice made inaccessible and none told of, one a customer.

        Raises what a directory raises where no contact can be determined.
        """
        for statement in self._untold(notice).values():
            if contact := self.contact_of(statement.customer):
                yield self._letter(notice, statement, contact)

    def _with_statements(self, notice: Notice, *, withhold: bool) -> Notice:
        """Put the statements that are due into the outbox; the items record what these tell of."""
        told: dict[int, tuple[str, ...]] = {}
        for statement in self._untold(notice).values():
            name = statement.name
            if withhold:
                notice = self._enqueue(notice, f"{name}-withheld", None)
            elif contact := self.contact_of(statement.customer):
                notice = self._enqueue(notice, name, self._letter(notice, statement, contact))
                for number, part in statement.parts:
                    told[number] = (*told.get(number, ()), f"{part}.{statement.number}")
            else:
                notice = self._enqueue(notice, f"{name}-no-contact", None)
        if not told:
            return notice
        items = (replace(item, stated=item.stated + told.get(n, ())) for n, item in enumerate(notice.items))
        return replace(notice, items=tuple(items))

    def _untold(self, notice: Notice) -> dict[str, _Statement]:
        """What this notice, and no earlier one, made inaccessible and none told of, by customer."""
        return _untold_by_customer(notice, self._cases_of(notice))

    def _letter(self, notice: Notice, statement: _Statement, contact: AbuseContact) -> Letter:
        name = texts.statement_name(notice, statement.customer, statement.number)
        # Of addresses alone there is no form: a person reads what is objected.
        of_files = any(part != _ADDRESS for _, part in statement.parts)
        link = appeal_link(self.head.link, self.outbox.codes, name) if of_files else ""
        acted = InaccessibleUrls(tuple(statement.lines), statement.by_person, link)
        return replace(texts.statement(notice, acted, contact, self.head), id=name)

    def _may_be_answered(self, notice: Notice) -> bool:
        """Whether the sender of a notice may be answered.

        Never a machine, a bounce, a trial, ourselves, or nobody (RFC 3834); of two copies of one mail the
        first.
        """
        read = notice.read
        if notice.trust is not None and notice.trust.copy_of:
            return False
        if read is None or read.automatic or (read.test and not read.trial) or not read.reporter.answer_to:
            return False
        bounced = notice.receipt.carrier is Carrier.MAIL and notice.receipt.sender == _BOUNCE
        return not bounced and read.reporter.answer_to.lower() not in self.own_addresses


def _confidential(notice: Notice) -> bool:
    return notice.read is not None and notice.read.is_confidential


@dataclass(slots=True)
class _Statement:
    """What one statement of reasons tells of. Each customer sees only its own files."""

    customer: str
    number: int
    """Of the notice's statements to that customer."""
    lines: list[str] = field(default_factory=list)
    parts: list[tuple[int, str]] = field(default_factory=list)
    """Number of the item, and the case, or `address` for a block."""
    by_person: bool = False

    @property
    def name(self) -> str:
        """Its name in the list of what was sent."""
        return f"statement:{self.customer}" if self.number == 1 else f"statement-{self.number}:{self.customer}"

    def add(self, item: int, part: str, lines: Iterable[str], *, by_person: bool) -> None:
        self.parts.append((item, part))
        self.lines.extend(lines)
        self.by_person = self.by_person or by_person


def _untold_by_customer(notice: Notice, cases: Iterable[Case]) -> dict[str, _Statement]:
    sent = Counter(written[1] for name in notice.sent if (written := _WRITTEN.fullmatch(name)))
    unrecorded = not any(item.stated for item in notice.items)  # by an earlier version
    found: dict[str, _Statement] = {}

    def of(customer: str) -> _Statement:
        return found.setdefault(customer, _Statement(customer, sent[customer] + 1))

    cases = iter(cases)
    for number, item in enumerate(notice.items):
        if item.blocked and not item.stated_in(_ADDRESS):
            of(item.customer).add(number, _ADDRESS, [texts.defanged(item.url)], by_person=notice.reviewed)
        for case in itertools.islice(cases, len(item.cases)):
            acted = case.notice == notice.id and case.state is CaseState.OFFLINE
            if acted and not item.stated_in(case.id):
                of(case.upload.customer).add(number, case.id, _files(case), by_person=bool(case.actor))
    return {customer: statement for customer, statement in found.items() if not (unrecorded and sent[customer])}


def _files(case: Case) -> Iterator[str]:
    """Files that were taken offline; another may have been gone before."""
    taken = (number for number, measure in enumerate(case.measures) if measure.state is MeasureState.DONE)
    return (display(case.about(number).upload.place.path) for number in taken)


def _result_round(notice: Notice) -> int:
    """Number that grows each time something comes back online: that result is a new one."""
    return 1 + sum(item.reopened for item in notice.items)


def _sent_names(kind: str, notice: Notice) -> frozenset[str]:
    name = kind if _result_round(notice) == 1 else f"{kind}-{_result_round(notice)}"
    return frozenset({name, f"{name}-not-sent"})
