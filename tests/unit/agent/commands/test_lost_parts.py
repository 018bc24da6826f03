"""What is made once and is lost is told everywhere, and a new one is begun by an order that the log knows."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.assembly.audit import issue, witness
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import file_audit_log, pseudonyms
from goodhoster.errors import AuditError, GoodhosterError
from goodhoster.letters.message_ids import LetterCodes
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.settings import Settings, load
from goodhoster.testing.suites.case_store import a_case
from goodhoster_agent.cli import app
from goodhoster_agent.doctor.checks import examine
from goodhoster_agent.doors.accounts import add_client
from goodhoster_agent.doors.api.tokens import Scope, add_token, tokens_file
from goodhoster_agent.doors.hashservice import clients_file
from goodhoster_agent.status.objects import status_object


def use_letters(settings: Settings) -> None:
    (settings.state_dir / "letters").mkdir(exist_ok=True)
    LetterCodes(settings.state_dir / "letters")


def use_record(settings: Settings) -> None:
    with closing(SqliteCaseStore(settings.state_dir / "record.sqlite")):
        pass


PARTS: dict[str, Callable[[Settings], object]] = {
    "audit.key": issue,
    "letters/message-ids.key": use_letters,
    "witness/witness.key": witness,
    "api/tokens.json": lambda settings: add_token(tokens_file(settings.state_dir), "shop", [Scope.CHECK]),
    "hashservice/clients.json": lambda settings: add_client(clients_file(settings.state_dir), "customer"),
    "record.sqlite": use_record,
}
MADE_ANEW = {"letters/message-ids.key", "record.sqlite", "api/tokens.json", "hashservice/clients.json"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    found = load(file)
    with Services(found) as services:
        status_object(services)
    return found


def run(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--config", str(settings.file)])


def told_by_status(settings: Settings) -> list[str]:
    with Services(settings) as services:
        return [line for line in status_object(services)["degraded"] if " lost: " in line]


@pytest.mark.parametrize("name", PARTS)
def test_a_lost_part_is_told_by_status_doctor_and_check_until_the_loss_is_accepted(
    settings: Settings, name: str
) -> None:
    use = PARTS[name]
    use(settings)
    assert told_by_status(settings) == []
    assert run(settings, "state", "check").exit_code == 0
    for suffix in ("", "-wal", "-shm"):
        (settings.state_dir / (name + suffix)).unlink(missing_ok=True)
    for _ in range(2):
        check = run(settings, "state", "check", "--json")
        assert check.exit_code == 1
        problems = json.loads(check.stdout)["problems"]
        assert [each for each in problems if name in each and f"accept-loss {name}" in each]
        assert len(told_by_status(settings)) == 1
        found = [each for each in examine(settings) if not each.ok and f"accept-loss {name}" in each.detail]
        assert found
        if name not in MADE_ANEW:
            with pytest.raises(AuditError, match="are lost"):
                use(settings)
            assert not (settings.state_dir / name).exists()
        elif name.endswith((".key", ".sqlite")):
            use(settings)
    accepted = run(settings, "state", "accept-loss", name, "--reason", "the disk broke", "--json")
    assert json.loads(accepted.stdout)["accepted"] == name
    entry = list(file_audit_log(settings).entries())[-1]
    assert entry.event.kind == ("log.key-begun" if name == "audit.key" else "state.loss-accepted")
    assert entry.event.data["reason"] == "the disk broke"
    assert entry.event.data["actor"]
    use(settings)
    assert told_by_status(settings) == []
    assert run(settings, "state", "check").exit_code == 0
    again = run(settings, "state", "accept-loss", name, "--reason", "again")
    assert isinstance(again.exception, GoodhosterError)


def test_a_lost_log_is_begun_anew_by_order_only(settings: Settings) -> None:
    for name in ("audit.key", "api/tokens.json"):
        PARTS[name](settings)
    with Services(settings) as services:
        services.observe_switch.switch_on(Order("anna", "seen too much"))
    for each in settings.state_dir.glob("audit.log*"):
        each.unlink()
    assert "audit.log" in told_by_status(settings)[0]
    with Services(settings) as services, pytest.raises(AuditError, match="is gone"):
        services.observe_switch.switch_off(Order("anna", "calm again"))
    done = run(settings, "state", "accept-loss", "audit.log", "--reason", "the disk broke")
    assert done.exit_code == 0, done.output
    (entry,) = file_audit_log(settings).entries()
    assert (entry.event.kind, entry.event.data["file"]) == ("state.loss-accepted", "audit.log")
    assert told_by_status(settings) == []
    assert run(settings, "audit", "verify").exit_code == 0
    assert run(settings, "audit", "checkpoint").exit_code == 0


def test_keys_that_only_a_checkpoint_shows_are_missed_too(settings: Settings) -> None:
    issue(settings)
    for name in ("audit.key", "databases.json", "manifest-copy.json", "audit.vkeys"):
        (settings.state_dir / name).unlink()
    assert "audit.key" in told_by_status(settings)[0]
    assert run(settings, "state", "check").exit_code == 1
    verified = run(settings, "audit", "verify", "--json")
    assert verified.exit_code == 3
    assert "accept-loss audit.key" in json.loads(verified.stdout)["unchecked"][0]


KEYS = ("audit.key", "letters/message-ids.key", "witness/witness.key", "api/tokens.json")


def test_a_restore_over_a_directory_with_keys_goes_on_with_them(settings: Settings, tmp_path: Path) -> None:
    for use in PARTS.values():
        use(settings)
    assert run(settings, "state", "backup", str(tmp_path / "backup")).exit_code == 0
    restored = json.loads(run(settings, "state", "restore", str(tmp_path / "backup"), "--replace", "--json").stdout)
    assert set(KEYS) <= set(restored["keys_kept"])
    assert restored["missing"] == []
    assert run(settings, "audit", "checkpoint").exit_code == 0


def test_a_restore_without_keys_says_which_are_missing(settings: Settings, tmp_path: Path) -> None:
    for use in PARTS.values():
        use(settings)
    kept = issue(settings).note
    (tmp_path / "kept").write_bytes(kept.write())
    assert run(settings, "state", "backup", str(tmp_path / "backup")).exit_code == 0
    for name in KEYS:
        (settings.state_dir / name).unlink()
    restored = run(settings, "state", "restore", str(tmp_path / "backup"), "--replace", "--json")
    missing = json.loads(restored.stdout)["missing"]
    for name in KEYS:
        assert [each for each in missing if f"accept-loss {name}" in each], name
    signed = run(settings, "audit", "checkpoint")
    assert isinstance(signed.exception, AuditError)
    assert "--with-keys" in signed.exception.hint
    assert run(settings, "audit", "verify", "--checkpoint", str(tmp_path / "kept")).exit_code == 3
    assert run(settings, "state", "accept-loss", "audit.key", "--reason", "no backup of it").exit_code == 0
    assert run(settings, "audit", "checkpoint").exit_code == 0
    after = run(settings, "audit", "verify", "--checkpoint", str(tmp_path / "kept"), "--json")
    assert json.loads(after.stdout)["unchecked"] == [], "the old public keys are still known"


@pytest.mark.parametrize("how", ["file", "rows"])
def test_records_that_the_log_speaks_of_and_that_vanished_are_told_by_verify(settings: Settings, how: str) -> None:
    with Services(settings) as services:
        services.case_store.add(a_case())
        services.audit.append(AuditEvent("case.opened", {"case": a_case().id, "customer": "anna"}))
    verified = run(settings, "audit", "verify", "--json")
    assert (verified.exit_code, json.loads(verified.stdout)["missing"]) == (0, [])
    file = settings.state_dir / "record.sqlite"
    if how == "rows":
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("DELETE FROM cases")
    else:
        for suffix in ("", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    verified = run(settings, "audit", "verify", "--json")
    assert verified.exit_code == 1
    found = json.loads(verified.stdout)
    assert found["ok"], "the log itself is whole"
    assert f"1 cases that record.sqlite does not have, first of {a_case().id}" in found["missing"][0]
    check = run(settings, "state", "check")
    assert (check.exit_code, a_case().id in check.stdout) == (1, True)
    if how == "file":
        assert run(settings, "state", "accept-loss", "record.sqlite", "--reason", "no backup").exit_code == 0
        assert run(settings, "audit", "verify").exit_code == 0


def test_of_a_customer_who_was_forgotten_nothing_is_missed(settings: Settings) -> None:
    with Services(settings) as services:
        services.audit.append(AuditEvent("suspension.intended", {"suspension": "s1", "customer": "anna"}))
    assert run(settings, "audit", "verify").exit_code == 1
    with closing(pseudonyms(settings)) as keys:
        keys.delete(["customer/anna"])
    assert run(settings, "audit", "verify").exit_code == 0


@pytest.mark.parametrize("command", [("cases", "list"), ("cases", "list", "--json"), ("storms", "list")], ids=" ".join)
def test_a_command_that_finds_nothing_says_that_a_database_is_lost(
    settings: Settings, tmp_path: Path, command: tuple[str, ...]
) -> None:
    config = ("--config", str(tmp_path / "goodhoster.toml"))
    use_record(settings)
    assert CliRunner().invoke(app, [*command, *config]).stderr == ""
    (settings.state_dir / "record.sqlite").unlink()
    assert "record.sqlite" in CliRunner().invoke(app, [*command, *config]).stderr
    assert "record.sqlite" in CliRunner().invoke(app, [*command, *config]).stderr, "also the second time"
