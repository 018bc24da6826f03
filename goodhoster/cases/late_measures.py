"""Measures that a match ordered and that nobody could carry out for a while: their sources are asked again first."""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.reconfirmation import is_fresh, is_late
from goodhoster.model.cases import MEASURING, Case
from goodhoster.model.verdicts import Verdict
from goodhoster.ports import CaseQuery


@dataclass(frozen=True, slots=True)
class LateCases:
    """The case desk, as whoever asks again uses it: no turn is held while a source is asked."""

    desk: CaseDesk

    def waiting(self) -> list[Case]:
        """Those that the desk does not go on with by itself; none in mode observe, in which nothing is taken."""
        desk = self.desk
        if not desk.rules.enforce:
            return []
        with desk.turn:
            cases = desk.store.find(CaseQuery(states=MEASURING))
            return [case for case in cases if is_late(case, desk.clock(), desk.rules) and not desk.held_since(case)]

    def go_on(self, case_id: str, by_now: Verdict | None) -> Case:
        """Go on with one as its sources see it by now; None: the file is not there as it was, so there is nothing to
        ask about. Returns the case, as it was when not all could be asked or that took too long.
        """
        desk = self.desk
        with desk.turn:
            case = desk.store.get(case_id)
            if case.state not in MEASURING:
                return case
            if by_now is None:
                return desk.go_on_asked(case)
            return desk.go_on_as(case, by_now) if is_fresh(by_now, desk.clock(), desk.rules) else case
