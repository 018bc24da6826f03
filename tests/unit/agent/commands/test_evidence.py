"""Evidence of which what is written is gone is told by each command that looks."""

from pathlib import Path

from typer.testing import CliRunner

from goodhoster.assembly.state import file_audit_log
from goodhoster.model.audit import AuditEvent
from goodhoster.settings import load
from goodhoster_agent.cli import app
from goodhoster_agent.doctor.evidence import evidence_findings

NAME = "20261130-aaaaaaa"


def test_a_piece_without_its_manifest_is_told(tmp_path: Path) -> None:
    config = tmp_path / "goodhoster.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    settings = load(config)
    folder = tmp_path / "state" / "evidence"
    folder.mkdir(mode=0o700, parents=True)
    (tmp_path / "state").chmod(0o700)
    file_audit_log(settings).append(AuditEvent("evidence.sealed", {"evidence": NAME}))
    (folder / f"{NAME}.age").write_bytes(b"sealed")
    checked = CliRunner().invoke(app, ["state", "check", "--config", str(config)])
    assert (checked.exit_code, NAME in checked.stdout) == (1, True), checked.output
    assert [NAME in one.detail for one in evidence_findings(settings) if not one.ok] == [True]
    (folder / f"{NAME}.custody").write_text("{}")
    listed = CliRunner().invoke(app, ["evidence", "list", "--config", str(config)])
    assert (listed.exit_code, NAME in listed.output) == (3, True), listed.output
