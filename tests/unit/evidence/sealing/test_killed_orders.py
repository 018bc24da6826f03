"""Each order about evidence is killed before each of its durable steps, and then given again."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.evidence.sealing.custody import CustodyDesk, PersonalOrder
from goodhoster.model.sealed_evidence import EvidenceState, Person, SealedEvidence, TwoPersonAction
from tests.killed_at_steps import killed_at_steps
from tests.unit.evidence.sealing.conftest import Sealing

ANNE = PersonalOrder(Person("anne", 2001), "ordered by the court")
BEN = PersonalOrder(Person("ben", 2002), "I have seen the order")
DESTROY, EXPORT = TwoPersonAction.DESTROY, TwoPersonAction.EXPORT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unlocked")]


@dataclass
class Machines:
    """A machine with one sealed piece for each time that an order is killed."""

    folder: Path
    before: Callable[[CustodyDesk, str], object] = lambda *_: None

    def __post_init__(self) -> None:
        self._numbers = count()

    def begin(self) -> None:
        here = self.folder / str(next(self._numbers))
        here.mkdir()
        self.sealing = Sealing(here)
        self.name = self.sealing.sealed().id
        self.before(self.desk, self.name)
        self.sealing.services.store.close()  # a child must not use its parent's database, and custody needs none

    @property
    def desk(self) -> CustodyDesk:
        return self.sealing.custody()

    @property
    def now(self) -> SealedEvidence:
        return self.sealing.store.get(self.name)

    @property
    def is_there(self) -> bool:
        return self.sealing.store.ciphertext(self.name).exists()

    def logged(self, kind: str) -> int:
        return self.sealing.events().count(f"evidence.{kind}")


def test_a_hold_that_was_killed_stands_or_is_put_by_the_same_order(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    for step in killed_at_steps(machines.begin, lambda: machines.desk.hold(machines.name, ANNE)):
        if machines.now.custody.holds:
            assert machines.logged("held") == 1, step
        machines.desk.hold(machines.name, ANNE)
        assert machines.now.state is EvidenceState.HELD
        assert machines.sealing.services.audit.verify().ok


def test_a_release_that_was_killed_is_none_or_is_made_by_the_same_order(tmp_path: Path) -> None:
    machines = Machines(tmp_path, lambda desk, name: desk.hold(name, ANNE))
    for step in killed_at_steps(machines.begin, lambda: machines.desk.release(machines.name, BEN)):
        if machines.now.custody.holds:
            machines.desk.release(machines.name, BEN)
        else:
            assert machines.logged("released") == 1, step
            with pytest.raises(RefusedError, match="it was released by ben"):
                machines.desk.release(machines.name, BEN)
        assert machines.now.state is EvidenceState.SEALED


@pytest.mark.parametrize("action", [DESTROY, EXPORT])
def test_a_request_that_was_killed_waits_or_is_made_by_the_same_order(tmp_path: Path, action: TwoPersonAction) -> None:
    machines = Machines(tmp_path)
    for step in killed_at_steps(machines.begin, lambda: machines.desk.ask(machines.name, action, ANNE)):
        if machines.now.custody.requests:
            assert machines.logged(f"{action}-asked") == 1, step
            with pytest.raises(RefusedError, match="anne asked for that already"):
                machines.desk.ask(machines.name, action, ANNE)
        else:
            machines.desk.ask(machines.name, action, ANNE)
        assert [one.person.name for one in machines.now.custody.requests] == ["anne"]
        assert machines.is_there


def test_a_destruction_that_was_killed_is_finished_by_the_same_order(tmp_path: Path) -> None:
    machines = Machines(tmp_path, lambda desk, name: desk.ask(name, DESTROY, ANNE))
    for step in killed_at_steps(machines.begin, lambda: machines.desk.destroy(machines.name, BEN)):
        said, there = machines.logged("destroyed"), machines.is_there
        assert not (said and there), f"said to be destroyed, and there: step {step}"
        assert there or machines.logged("destroying"), f"gone before the log knew: step {step}"
        if machines.now.state is EvidenceState.DESTROYED:
            assert not there
            with pytest.raises(RefusedError, match="is destroyed, by ben"):
                machines.desk.destroy(machines.name, BEN)
        else:
            assert machines.desk.destroy(machines.name, BEN).state is EvidenceState.DESTROYED
        assert (machines.is_there, machines.now.state) == (False, EvidenceState.DESTROYED)
        assert machines.logged("destroyed") >= 1


def test_an_export_that_was_killed_is_finished_by_the_same_order(tmp_path: Path) -> None:
    machines, to = Machines(tmp_path, lambda desk, name: desk.ask(name, EXPORT, ANNE)), tmp_path / "export"

    def begin() -> None:
        shutil.rmtree(to, ignore_errors=True)
        machines.begin()

    for step in killed_at_steps(begin, lambda: machines.desk.export(machines.name, to, BEN)):
        if to.exists():
            assert whole(to, machines.name), f"half an export under the name of a whole one: step {step}"
        assert whole(to, machines.name) or not machines.logged("exported"), f"said, and not done: step {step}"
        if to.exists():  # whole, and not said to be done: the request stays, or it was said
            with pytest.raises(RefusedError, match="exists already" if machines.now.custody.requests else "by ben"):
                machines.desk.export(machines.name, to, BEN)
            if machines.now.custody.requests:
                shutil.rmtree(to)
        if machines.now.custody.requests:
            machines.desk.export(machines.name, to, BEN)
        assert whole(to, machines.name)
        assert machines.logged("exported") >= 1
        assert machines.is_there


def whole(directory: Path, name: str) -> bool:
    """Whether all that is exported is there, as it was sealed."""
    manifest, ciphertext = directory / f"{name}.json", directory / f"{name}.age"
    if not (manifest.exists() and ciphertext.exists()):
        return False
    return hashlib.sha256(ciphertext.read_bytes()).hexdigest() in manifest.read_text()


def test_a_change_of_recipients_that_was_killed_is_made_by_the_same_order(tmp_path: Path) -> None:
    machines = Machines(tmp_path)

    def begin() -> None:
        machines.begin()
        machines.desk.ask_recipients(machines.sealing.names(1, 2), ANNE)

    def change() -> None:
        machines.desk.change_recipients(machines.sealing.names(1, 2), BEN)

    for step in killed_at_steps(begin, change):
        if set(machines.sealing.store.in_force().recipients) == set(machines.sealing.names(1, 2)):
            assert machines.logged("recipients-set") == 2, step
            with pytest.raises(RefusedError, match="nothing to change"):
                change()
        else:
            change()
        assert set(machines.sealing.store.in_force().recipients) == set(machines.sealing.names(1, 2))


def test_retention_that_was_killed_announces_before_it_destroys(tmp_path: Path) -> None:
    machines = Machines(tmp_path)

    def retain() -> None:
        machines.sealing.custody().apply_retention()

    def begin() -> None:
        machines.begin()
        machines.sealing.services.now += machines.now.manifest.keep_until - machines.sealing.services.now

    for step in killed_at_steps(begin, retain):
        assert machines.is_there, step
        retain()
        assert machines.now.state is EvidenceState.DUE
        assert machines.logged("due") >= 1
