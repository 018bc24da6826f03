"""Late measures of the daemon: what one case throws keeps no other from its turn."""

from dataclasses import replace
from typing import cast

import pytest

from goodhoster.errors import PassingError
from goodhoster.model.cases import Case
from goodhoster.testing.suites.case_store import a_case
from goodhoster.toolkit import Toolkit
from goodhoster_agent.background.late_measures import LateMeasureTask


class Late:
    """Two late cases, of which the first throws."""

    def __init__(self, thrown: Exception) -> None:
        self.thrown = thrown
        self.cases = [replace(a_case(), id="20261130-aaaaaaa"), replace(a_case(), id="20261130-bbbbbbb")]
        self.asked: list[str] = []

    def recover_storms(self) -> list[str]:
        return []

    def late(self) -> list[Case]:
        return self.cases

    def proceed(self, case: Case) -> Case:
        self.asked.append(case.id)
        if case is self.cases[0]:
            raise self.thrown
        return case


@pytest.mark.parametrize(
    "thrown", [UnicodeError("a name"), OSError("a disk"), PassingError("busy")], ids=["fault", "disk", "busy"]
)
def test_what_one_case_throws_keeps_no_other_from_its_turn(thrown: Exception) -> None:
    late = Late(thrown)
    task = LateMeasureTask(cast("Toolkit", late))
    with pytest.raises(PassingError, match="20261130-aaaaaaa"):
        task._run_once()
    assert late.asked == [case.id for case in late.cases]
    assert task.problems() == ["2 measures wait for their hash sources to be asked again: the files may be online"]
