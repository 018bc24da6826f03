"""A backup of the state directory, made while a daemon works, and brought back."""

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until

KNOWN = made_up_picture(1, blocks=2)


@pytest.fixture
def backed_up(host: Host) -> Host:
    """A host with a file offline, a backup of it in `folder / "backup"`, and no daemon any more."""
    host.service.known = {sha1_of(KNOWN)}
    upload = host.upload("anna/known.png", KNOWN)
    host.start()
    assert wait_until(lambda: not upload.exists())
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"])
    made = json.loads(host.run("state", "backup", str(host.folder / "backup"), "--with-keys", "--json"))
    assert made["files"] > 3
    assert (host.folder / "backup").stat().st_mode & 0o777 == 0o600
    host.stop()
    return host


def state_dir(host: Host) -> Path:
    return host.folder / "state"


def test_a_lost_state_directory_comes_back_with_its_cases_and_its_log(backed_up: Host) -> None:
    (case,) = backed_up.cases()
    shutil.rmtree(state_dir(backed_up))
    backed_up.run("state", "restore", str(backed_up.folder / "backup"))
    assert json.loads(backed_up.run("state", "check", "--json"))["ok"]
    assert [found["id"] for found in backed_up.cases()] == [case["id"]]
    backed_up.start()
    backed_up.run("cases", "restore", str(case["id"]), "--reason", "the list was wrong")
    assert (backed_up.customers / "anna/known.png").read_bytes() == KNOWN
    assert json.loads(backed_up.run("audit", "verify", "--json"))["ok"]


def test_what_is_there_is_kept_aside_and_only_where_that_is_said(backed_up: Host) -> None:
    backup = str(backed_up.folder / "backup")
    assert "--replace" in backed_up.run("state", "restore", backup, code=2)
    before = sorted(path.name for path in state_dir(backed_up).iterdir())
    aside = json.loads(backed_up.run("state", "restore", backup, "--replace", "--json"))["aside"]
    assert sorted(path.name for path in Path(aside).iterdir()) == before
    assert json.loads(backed_up.run("state", "check", "--json"))["ok"]


def test_a_running_daemon_is_not_replaced_and_no_backup_is_written_over(backed_up: Host) -> None:
    backup = str(backed_up.folder / "backup")
    backed_up.start()
    assert "daemon is using" in backed_up.run("state", "restore", backup, "--replace", code=2)
    assert "exists already" in backed_up.run("state", "backup", backup, code=2)
    backed_up.stop()


def test_a_backup_that_is_not_as_it_was_made_changes_nothing(backed_up: Host) -> None:
    backup = backed_up.folder / "backup"
    whole = backup.read_bytes()
    before = {path: path.read_bytes() for path in state_dir(backed_up).rglob("*") if path.is_file()}
    for damaged in (whole[: len(whole) // 2], whole[:2000] + b"x" + whole[2001:], b"", b"no archive"):
        backup.write_bytes(damaged)
        assert "backup" in backed_up.run("state", "restore", str(backup), "--replace", code=2)
    for name, kind in (("../outside", tarfile.REGTYPE), ("/absolute", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)):
        with tarfile.open(backup, "w:gz") as archive:
            header = tarfile.TarInfo(name)
            header.type, header.linkname, header.size = kind, "/etc/passwd", 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(header, BytesIO(b"x"))
        assert "not a backup" in backed_up.run("state", "restore", str(backup), "--replace", code=2)
    assert {path: path.read_bytes() for path in state_dir(backed_up).rglob("*") if path.is_file()} == before
    assert not (backed_up.folder / "outside").exists()
    assert list(state_dir(backed_up).parent.glob(f".{state_dir(backed_up).name}.*")) == []


def test_keys_go_along_only_where_that_is_said(backed_up: Host) -> None:
    (state_dir(backed_up) / "made-up.key").write_text("secret")
    for options, there in (((), False), (("--with-keys",), True)):
        file = backed_up.folder / f"keys-{there}"
        backed_up.run("state", "backup", str(file), *options)
        with tarfile.open(file) as archive:
            names = archive.getnames()
        assert ("made-up.key" in names) is there
        assert not [name for name in names if name.startswith("index.sqlite") or name.endswith((".lock", ".sock"))]


def test_the_keys_of_references_come_after_the_log_so_that_each_entry_has_its_own(backed_up: Host) -> None:
    with tarfile.open(backed_up.folder / "backup") as archive:
        assert archive.getnames()[-3:-1] == ["audit.log", "pseudonyms.sqlite"]


def test_a_damaged_database_is_found(backed_up: Host) -> None:
    record = state_dir(backed_up) / "record.sqlite"
    with closing(sqlite3.connect(record)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(record.read_bytes())
    content[4096:8192] = b"\xaa" * 4096
    record.write_bytes(content)
    problems = json.loads(backed_up.run("state", "check", "--json", code=1))["problems"]
    assert [problem for problem in problems if "record.sqlite" in problem]
