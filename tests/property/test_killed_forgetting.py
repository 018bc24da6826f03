"""`customers forget` is killed before each of its durable steps, and then given again."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from goodhoster.assembly.audit import verify_audit_log
from goodhoster.errors import RefusedError
from goodhoster.model.cases import Order
from goodhoster.model.notice_status import NoticeState
from goodhoster_agent.cli import app
from tests.killed_at_steps import killed_at_steps
from tests.property.test_forgetting import Host

ORDER = Order("eve", "the contract has ended")
CUSTOMER, FILE = "horstmoritz", "sonnenurlaub"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unlocked")]


class Machine(Host):
    """A host of which all that is held is put back as it was before each kill."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CUSTOMER, FILE)
        _, kept = self.live()
        with self.services() as services:  # nothing of the customer is needed any more
            services.toolkit.restore([kept], ORDER)
            open_one = services.notices.store.get("N3")
            services.notices.store.replace(replace(open_one, state=NoticeState.DONE), expected=NoticeState.OPEN)
        for file in (self.tree / CUSTOMER).iterdir():
            file.unlink()
        self._copy = folder / "as it was"
        shutil.copytree(self.settings.state_dir, self._copy, symlinks=True)

    def begin(self) -> None:
        shutil.rmtree(self.settings.state_dir)
        shutil.copytree(self._copy, self.settings.state_dir, symlinks=True)

    def forget(self) -> Result:
        words = ["customers", "forget", CUSTOMER, "--reason", "asked", "--config", str(self.config)]
        return CliRunner().invoke(app, words)

    def logged(self, kind: str) -> int:
        with self.services() as services:
            return sum(entry.event.kind == kind for entry in services.audit.entries())


def test_it_is_finished_by_the_same_order(tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    machine = Machine(tmp_path)

    def forget() -> None:
        assert machine.forget().exit_code == 0

    for step in killed_at_steps(machine.begin, forget, few=rounds(15, 1000)):
        if machine.logged("customer.forgotten"):
            assert machine.named_in() == [], f"said to be forgotten, and was not: step {step}"
        if step % 2:  # the daemon comes first
            with machine.services() as services:
                services.customers.personal_data.complete()
        again = machine.forget()
        assert again.exit_code == 0 or isinstance(again.exception, RefusedError), (step, again.output, again.exception)
        assert machine.named_in() == [], step
        assert machine.logged("customer.forgotten") == 1, f"forgotten, and nobody said so: step {step}"
        verified = verify_audit_log(machine.settings)
        assert (verified.finding.ok, verified.unchecked) == (True, ()), step
