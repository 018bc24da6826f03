"""`state accept-loss` is killed before each of its durable steps, and then given again."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import file_audit_log, lost_parts
from goodhoster.errors import AuditError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.settings import load
from goodhoster_agent.cli import app
from goodhoster_agent.status.objects import status_object
from tests.killed_at_steps import killed_at_steps
from tests.unit.agent.commands.test_lost_parts import PARTS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [*PARTS, "audit.log"])
def test_a_loss_is_told_until_the_log_has_who_accepted_it(tmp_path: Path, name: str) -> None:
    config = tmp_path / "goodhoster.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    settings = load(config)
    with Services(settings) as services:
        status_object(services)
        services.audit.append(AuditEvent("made.up"))
    for use in PARTS.values():
        use(settings)
    for suffix in ("", "-wal", "-shm"):
        (settings.state_dir / (name + suffix)).unlink(missing_ok=True)
    copy = shutil.copytree(settings.state_dir, tmp_path / "as it was")

    def begin() -> None:
        shutil.rmtree(settings.state_dir)
        shutil.copytree(copy, settings.state_dir)

    def accept() -> None:
        words = ["state", "accept-loss", name, "--reason", "the disk broke", "--config", str(config)]
        done = CliRunner().invoke(app, words)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception

    def accepted() -> int:
        kinds = {"state.loss-accepted", "log.key-begun"}
        return sum(entry.event.kind in kinds for entry in file_audit_log(settings).entries())

    for step in killed_at_steps(begin, accept):
        if lost_parts(settings):
            accept()
        else:
            with pytest.raises((RefusedError, AuditError)):
                accept()
        assert lost_parts(settings) == [], step
        assert accepted() >= 1, f"begun anew, and nobody is told why: step {step}"
        file_audit_log(settings).append(AuditEvent("made.up"))
        assert file_audit_log(settings).verify().ok
