"""A person's decision about a notice is killed before each of its durable steps, and then gone on with."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.notice_status import DecisionVerb, ItemState, NoticeState
from goodhoster.model.notices import TrustLevel
from goodhoster.ports import CaseQuery, NoticeQuery
from tests.killed_at_steps import killed_at_steps
from tests.unit.takedowns.test_desk import Services

ANNA = Order("anna", "called the hotline back")
DONE = {"measure.done", "measure.found-done"}
FILES = ("anna/p.jpg", "bert/q.jpg")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unlocked")]


class Machines:
    """A machine with a stranger's notice about two files for each time that a decision is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()

    def begin(self) -> None:
        self.folder = self._folder / str(next(self._numbers))
        self.folder.mkdir()
        with self.process() as services:
            self.notice = services.mail(*map(services.file, FILES)).id

    @contextmanager
    def process(self) -> Iterator[Services]:
        """A process of the machine, with the databases open."""
        services = Services(self.folder, outside=False)
        services.level = TrustLevel.UNAUTHENTICATED
        with closing(services.store), closing(services.cases), closing(services.keys):
            yield services

    def decide(self, verb: DecisionVerb) -> None:
        with self.process() as services:
            decision(services, verb, self.notice)


def decision(services: Services, verb: DecisionVerb, notice: str) -> None:
    (services.desk.confirm if verb is DecisionVerb.CONFIRMED else services.desk.dismiss)(notice, ANNA)


def recovered(services: Services) -> None:
    """What the daemon does when it is started, and in the minutes after."""
    services.case_desk.recover()
    services.later(minutes=10)


def expect_honest(services: Services) -> None:
    """Nothing is said to be gone, by notice, record or log, that is online."""
    there = {name for name in FILES if (services.tree / name).exists()}
    for case in services.cases.find(CaseQuery(states=frozenset({CaseState.OFFLINE}))):
        assert str(case.upload.place.path, "ascii") not in there
    (notice,) = services.store.find(NoticeQuery())
    for name, item in zip(FILES, notice.items, strict=True):
        assert name not in there or item.state not in {ItemState.OFFLINE, ItemState.INACCESSIBLE, ItemState.GONE}
    done = {entry.event.data["case"] for entry in services.audit.entries() if entry.event.kind in DONE}
    assert len(done) <= len(FILES) - len(there)


@pytest.mark.parametrize("go_on", ["the same order", "the daemon"])
@pytest.mark.parametrize("verb", [DecisionVerb.CONFIRMED, DecisionVerb.DISMISSED])
def test_a_decision_that_was_killed_anywhere_is_finished(
    tmp_path: Path, rounds: Callable[[int, int], int], verb: DecisionVerb, go_on: str
) -> None:
    machines = Machines(tmp_path)
    confirming = verb is DecisionVerb.CONFIRMED
    for step in killed_at_steps(machines.begin, lambda: machines.decide(verb), few=rounds(8, 1000)):
        with machines.process() as services:
            expect_honest(services)
            on_record = services.store.get(machines.notice).decided is not None
            if go_on == "the daemon":
                recovered(services)
                expect_honest(services)
                if not on_record:
                    assert all((services.tree / name).exists() for name in FILES), f"nobody's decision: step {step}"
            if go_on != "the daemon" or not on_record:
                with suppress(RefusedError):  # it was carried out already: "it was confirmed by anna"
                    decision(services, verb, machines.notice)
            recovered(services)
            expect_honest(services)
            after = services.store.get(machines.notice)
            assert after.decided, step
            assert (after.decided.verb, after.decided.actor, after.decided.done) == (verb, "anna", True), step
            assert after.state is NoticeState.DONE, step
            assert [(services.tree / name).exists() for name in FILES] == [not confirming] * 2, step
            wanted = ItemState.INACCESSIBLE if confirming else ItemState.DISPUTED
            assert [item.state for item in after.items] == [wanted] * 2, step
            assert sorted(services.letters()) == ["receipt", "result", *["statement"] * (2 if confirming else 0)], step
            assert services.audit.verify().ok
