"""Appeals about what one of our letters tells of, by the letter's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.customers.standing.appeals import AppealDesk
from goodhoster.customers.standing.facts import case_subject
from goodhoster.errors import RefusedError
from goodhoster.letters.texts import plain_name
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.customers.standing import Appeal, AppealChannel
from goodhoster.ports import CaseStore, NoticeStore

_OF_CUSTOMER = re.compile(r"\d{8}-([2-9a-hj-km-np-z]{12})")
"""The name of a letter to a customer: its reference is in it."""
_OF_STATEMENT = re.compile(r"(N\d{8}-[2-9a-z]{7,12})-statement(?:\.(\d+))?-(.+)")


@dataclass(frozen=True, slots=True)
class AppealableMeasure:
    """A measure that a letter tells of."""

    subject: str
    """`step:ID`, `case:ID` or `suspension:ID`."""
    customer: str


@dataclass(frozen=True, slots=True)
class LetterAppeals:
    """What our letters tell of, and appeals about it."""

    appeals: AppealDesk
    cases: CaseStore
    notices: NoticeStore

    def reference_of(self, letter: str) -> str:
        """The reference of a letter to a customer; empty where it is another kind of letter."""
        found = _OF_CUSTOMER.fullmatch(letter)
        return f"GH-{found[1]}" if found else ""

    def is_statement(self, letter: str) -> bool:
        """Whether it is the statement about a notice, which has no reference."""
        return _OF_STATEMENT.fullmatch(letter) is not None

    def name_of(self, letter: str) -> str:
        """What a letter is called in its subject: its reference, or the notice that it is about."""
        found = _OF_STATEMENT.fullmatch(letter)
        return self.reference_of(letter) or (found[1] if found else letter)

    def told_in(self, letter: str) -> list[AppealableMeasure]:
        """The measures that a letter tells of and that can be appealed, or were."""
        if reference := self.reference_of(letter):
            return [AppealableMeasure(one.subject, one.customer) for one in self.appeals.referred(reference)]
        found = _OF_STATEMENT.fullmatch(letter)
        return list(self._by_notice(found[1], found[3], int(found[2] or 1))) if found else []

    def known(self, measures: Sequence[AppealableMeasure]) -> list[Appeal]:
        """The appeals about these measures."""
        subjects = {one.subject for one in measures}
        customers = dict.fromkeys(one.customer for one in measures)
        found = (appeal for customer in customers for appeal in self.appeals.of_customer(customer))
        return [appeal for appeal in found if appeal.subject in subjects]

    def open(
        self,
        letter: str,
        text: str,
        channel: AppealChannel,
        may: Callable[[str], bool] = lambda _: True,
    ) -> list[Appeal]:
        """Take in an appeal about each measure that a letter tells of; `may` says whose.

        May be called again for the same: there is one appeal for each measure.
        """
        return self.appeals.about_all(
            [(one.subject, one.customer) for one in self.told_in(letter) if may(one.customer)], text, channel
        )

    def _by_notice(self, notice_id: str, name: str, number: int) -> Iterator[AppealableMeasure]:
        """The files of a notice that its first, second … statement told that customer of."""
        try:
            notice = self.notices.get(notice_id)
        except RefusedError:
            return
        ids = [
            case_id
            for item in notice.items
            for case_id in item.cases
            if item.stated_in(case_id) in {number, 0}  # 0: by a version that did not record it
        ]
        for case in self.cases.get_all(ids):
            if case.notice == notice.id and plain_name(case.upload.customer) == name and self._can_be_appealed(case):
                yield AppealableMeasure(case_subject(case.id), case.upload.customer)

    def _can_be_appealed(self, case: Case) -> bool:
        measure = AppealableMeasure(case_subject(case.id), case.upload.customer)
        return case.state is CaseState.OFFLINE or bool(self.known([measure]))
