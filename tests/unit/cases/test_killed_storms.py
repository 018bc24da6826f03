"""A person's decision about a storm is killed before each of its durable steps, and then gone on with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.storms import StormState
from goodhoster.model.verdicts import Category
from goodhoster.ports import CaseQuery
from goodhoster.testing.suites.hash_source import made_up
from tests.killed_at_steps import killed_at_steps
from tests.unit.cases.test_storms import Services, storm_of_a_logo

EVE = Order("eve", "a picture of WordPress")

DONE = {f"{what}.{how}" for what in ("measure", "restore") for how in ("done", "found-done")}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unlocked")]


class Machines:
    """A machine with a storm about four files for each time that a decision is killed: two of them are offline."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()

    def begin(self) -> None:
        self.folder = self._folder / str(next(self._numbers))
        self.folder.mkdir()
        with self.process() as services:
            self.storm = storm_of_a_logo(services)

    @contextmanager
    def process(self) -> Iterator[Services]:
        """A process of the machine, with the databases open."""
        services = Services(self.folder)
        services.police.known[made_up("logo").digests.of(Algorithm.SHA1)] = Category.UNSPECIFIED
        try:
            yield services
        finally:
            services.store.close()

    def undo(self) -> None:
        with self.process() as services:
            services.toolkit.undo_storm(self.storm, EVE)

    def release(self) -> None:
        with self.process() as services:
            services.toolkit.release_storm(self.storm, EVE)


def recovered(services: Services) -> None:
    """What the daemon does when it is started."""
    services.desk.recover()
    services.toolkit.recover_storms()


def expect_honest(services: Services) -> None:
    """Nothing is said to be back or offline, by record or log, that is not seen to be so."""
    entries = [(entry.event.kind, entry.event.data.get("case")) for entry in services.audit.entries()]
    for case in services.store.find(CaseQuery()):
        there = (services.tree / str(case.upload.place.path, "ascii")).exists()
        assert there or case.state in {CaseState.OFFLINE, CaseState.RESTORING, CaseState.OPEN}, case.state
        assert not there or case.state is not CaseState.OFFLINE
        last = [kind.partition(".")[0] for kind, about in entries if about == case.id and kind in DONE][-1:]
        assert there or last != ["restore"]
        assert not there or last != ["measure"]


def all_of(services: Services) -> list[Case]:
    return list(services.store.find(CaseQuery()))


def again(machines: Machines, services: Services, *, undo: bool) -> None:
    toolkit = services.toolkit
    (toolkit.undo_storm if undo else toolkit.release_storm)(machines.storm, EVE)


def by_recovery(_machines: Machines, services: Services, *, undo: bool) -> None:
    recovered(services)


@pytest.mark.parametrize("go_on", [again, by_recovery])
@pytest.mark.parametrize("undo", [True, False], ids=["undo", "release"])
def test_a_decision_that_was_killed_anywhere_is_finished(
    tmp_path: Path,
    rounds: Callable[[int, int], int],
    go_on: Callable[..., None],
    *,
    undo: bool,
) -> None:
    machines = Machines(tmp_path)
    decide = machines.undo if undo else machines.release
    decided = StormState.UNDONE if undo else StormState.RELEASED
    for step in killed_at_steps(machines.begin, decide, few=rounds(8, 1000)):
        with machines.process() as services:
            services.desk.recover()
            expect_honest(services)
            on_record = services.storms.get(machines.storm).state is decided
            go_on(machines, services, undo=undo)
            expect_honest(services)
            if not on_record and go_on is by_recovery:
                assert services.contents() == ["logo"] * 2, f"nobody's decision was carried out: step {step}"
                again(machines, services, undo=undo)
            assert services.contents() == (["logo"] * 4 if undo else []), step
            states = {case.state for case in all_of(services)}
            assert states == ({CaseState.RESTORED} if undo else {CaseState.OFFLINE}), step
            assert services.storms.get(machines.storm).state is decided
            assert services.storms.get(machines.storm).decision_holder == 0
            assert services.events(f"storm.{decided}") >= 1
            assert services.audit.verify().ok
