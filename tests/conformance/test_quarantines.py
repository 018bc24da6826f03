"""Every quarantine keeps the promises of the port."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.assembly.mover import mover_of
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.ports import Quarantine
from goodhoster.settings import load
from goodhoster.testing.suites.quarantine import QuarantineSuite
from goodhoster_agent.privileged.starter.launch import running_supervisor

pytestmark = pytest.mark.usefixtures("unlocked")


class TestLocal(QuarantineSuite):
    @pytest.fixture
    def quarantine(self, tree: bytes) -> Quarantine:
        return LocalQuarantine((tree,), destroy_after=1.0)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real mover in its own process; it reads the configuration again for each test's tree."""
    file = tmp_path_factory.mktemp("mover") / "goodhoster.toml"
    configure(file, file.parent)
    with running_supervisor(load(file), frozenset()):
        yield file


class TestMover(QuarantineSuite):
    @pytest.fixture
    def quarantine(self, configuration: Path, tree: bytes) -> Quarantine:
        configure(configuration, Path(os.fsdecode(tree)))
        return mover_of(load(configuration))


DESTROY = '[evidence]\ndestroy_quarantined_after = "1s"\n'


def configure(file: Path, tree: Path) -> None:
    file.write_text(f'[agent]\nstate_dir = "{file.parent}"\n[[watch]]\npath = "{tree}"\n{DESTROY}')
