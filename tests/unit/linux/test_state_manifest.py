"""A database that was there and is lost is told, also once an empty one was made in its place."""

import json
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts, lost_with_counts
from goodhoster.linux.state_manifest import COPY, FILE, accept_loss, lost, note_lost
from goodhoster.model.audit import AuditEvent
from goodhoster.model.pseudonyms import PersonalValue
from goodhoster.settings import load
from goodhoster_agent.status.objects import status_object
from tests.two_at_once import at_once

NAMES = ["customers.sqlite", "notices.sqlite", "pseudonyms.sqlite", "record.sqlite"]


def use(folder: Path, name: str) -> None:
    """Open a database as everybody does, and make it where it is missing."""
    if name == "pseudonyms.sqlite":
        keys = SqlitePseudonyms(folder / name)
        keys.tokens([PersonalValue("case/1", "path", "/a")])
        keys.close()
        return
    if name == "record.sqlite":
        SqliteCaseStore(folder / name).close()
    elif name == "notices.sqlite":
        SqliteNoticeStore(folder / name).close()
    else:
        customers_file(folder / name).close()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_lost_is_told_before_and_after_an_empty_one_is_made(tmp_path: Path, name: str) -> None:
    for each in NAMES:
        use(tmp_path, each)
        use(tmp_path, each)
    assert lost(tmp_path) == {}
    kept = (tmp_path / name).read_bytes()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / (name + suffix)).unlink(missing_ok=True)
    assert list(lost(tmp_path)) == [name]
    assert "there is no" in lost(tmp_path)[name]
    use(tmp_path, name)
    assert list(lost(tmp_path)) == [name]
    assert "was made anew" in lost(tmp_path)[name]
    assert "restore a backup" in lost(tmp_path)[name]
    for suffix in ("-wal", "-shm"):
        (tmp_path / (name + suffix)).unlink(missing_ok=True)
    (tmp_path / name).write_bytes(kept)
    assert lost(tmp_path) == {}


def test_a_database_of_before_there_were_numbers_is_missed_too(tmp_path: Path) -> None:
    use(tmp_path, "notices.sqlite")
    entries = json.loads((tmp_path / FILE).read_bytes())
    entries["notices.sqlite"]["number"] = 0
    (tmp_path / FILE).write_text(json.dumps(entries))
    assert list(lost(tmp_path)) == ["notices.sqlite"]


def test_a_damaged_manifest_is_told_and_hinders_nothing(tmp_path: Path) -> None:
    use(tmp_path, "notices.sqlite")
    for damaged in ("", "[]", '{"notices.sqlite": {"x": 1}}'):
        (tmp_path / FILE).write_text(damaged)
        use(tmp_path, "record.sqlite")
        assert list(lost(tmp_path)) == [FILE]


def test_all_may_be_made_at_once(tmp_path: Path) -> None:
    def order(wait: object, name: str) -> str:
        assert callable(wait)
        wait()
        use(tmp_path, name)
        return "made"

    at_once(*(lambda wait, name=name: order(wait, name) for name in NAMES))
    assert sorted(json.loads((tmp_path / FILE).read_bytes())) == NAMES
    assert lost(tmp_path) == {}


def test_status_and_checks_tell_it_with_what_the_log_has(tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    settings = load(file)
    with Services(settings) as services:
        services.audit.append(AuditEvent("notice.received", {"notice": "N1", "sha256": "0"}))
        assert services.notices.figures().open == 0
    (tmp_path / "state" / "notices.sqlite").unlink()
    with Services(settings) as services:
        told = [line for line in status_object(services)["degraded"] if "record of notices is lost" in line]
    assert len(told) == 1
    assert told[0].startswith("ALARM")
    assert len(lost_parts(settings)) == 1
    assert "the audit log has entries about 1 notices" in lost_with_counts(settings)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_database_that_is_lost_together_with_the_manifest_is_told(tmp_path: Path, name: str) -> None:
    for each in NAMES:
        use(tmp_path, each)
    for gone in (name, f"{name}-wal", f"{name}-shm", FILE):
        (tmp_path / gone).unlink(missing_ok=True)
    for each in NAMES:
        use(tmp_path, each)
    assert list(lost(tmp_path)) == [name]
    assert "was made anew" in lost(tmp_path)[name]
    (tmp_path / COPY).unlink()
    use(tmp_path, name)
    (tmp_path / FILE).unlink()
    assert list(lost(tmp_path)) == [name], "each is made again from the other"


def test_what_is_accepted_stays_so_when_the_manifest_is_lost(tmp_path: Path) -> None:
    for each in NAMES:
        use(tmp_path, each)
    (tmp_path / "record.sqlite").unlink()
    accept_loss(tmp_path, "record.sqlite")
    (tmp_path / FILE).unlink()
    use(tmp_path, "record.sqlite")
    assert lost(tmp_path) == {}


def test_what_was_lost_together_with_the_manifest_is_told_until_that_is_made_anew(tmp_path: Path) -> None:
    use(tmp_path, "record.sqlite")
    note_lost(tmp_path, "record.sqlite", "the record", "2026-03-02")
    use(tmp_path, "record.sqlite")
    assert "was made anew, and the one that was there since 2026-03-02 is missing" in lost(tmp_path)["record.sqlite"]
    (tmp_path / FILE).unlink()
    (tmp_path / COPY).unlink()
    use(tmp_path, "record.sqlite")
    assert lost(tmp_path) == {}
