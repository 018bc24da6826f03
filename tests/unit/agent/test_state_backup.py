"""A backup of the state directory tells what hindered it, and is made of a directory that nobody may write to."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.errors import PermanentError
from goodhoster.linux.state_manifest import enroll_file, lost
from goodhoster_agent.state_backup import back_up, restore
from tests.two_at_once import at_once

MADE = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute("CREATE TABLE notices (id)")
with db:
    db.execute("INSERT INTO notices VALUES ('N1')")
os._exit(0)  # as a process that is killed: what it wrote last is in the write-ahead log alone
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    subprocess.run([sys.executable, "-c", MADE, folder / "notices.sqlite"], check=True)
    assert (folder / "notices.sqlite-wal").stat().st_size
    yield folder
    folder.chmod(0o700)


def test_of_several_with_the_same_name_one_is_made_and_the_others_are_told_why(state: Path, tmp_path: Path) -> None:
    def order(wait: object) -> str:
        assert callable(wait)
        wait()
        back_up(state, tmp_path / "backup.tar.gz", "1")
        return "made"

    made, *refused = sorted(at_once(*[order] * 4))
    assert made == "done: made"
    assert all("exists already" in answer for answer in refused), refused


def _backed_up_by_nobody(state: Path, file: Path) -> None:
    """As a user who may read all and write nothing in the state directory."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            back_up(state, file, "1")
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_directory_that_is_read_only_is_backed_up_with_its_write_ahead_log(state: Path, tmp_path: Path) -> None:
    (state / "notices.sqlite-shm").unlink()
    for file in state.iterdir():
        file.chmod(0o444)
    state.chmod(0o555)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    _backed_up_by_nobody(state, tmp_path / "backup.tar.gz")
    assert sorted(os.listdir(state)) == ["notices.sqlite", "notices.sqlite-wal"]
    assert sorted(os.listdir(tmp_path)) == ["backup.tar.gz", "state"]
    restore(tmp_path / "backup.tar.gz", tmp_path / "restored")
    with closing(sqlite3.connect(tmp_path / "restored" / "notices.sqlite")) as db:
        assert db.execute("SELECT id FROM notices").fetchall() == [("N1",)]


def test_a_target_without_a_directory_is_told_as_that(state: Path, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be written to") as error:
        back_up(state, tmp_path / "nowhere" / "backup.tar.gz", "1")
    assert error.value.hint == "make its directory first"


def test_a_database_that_is_none_is_named(state: Path, tmp_path: Path) -> None:
    (state / "customers.sqlite").write_bytes(b"no database, and longer than its header would be" * 10)
    with pytest.raises(PermanentError, match=r"customers\.sqlite cannot be copied"):
        back_up(state, tmp_path / "backup.tar.gz", "1")


class TestKeysOfTheDirectoryThatIsReplaced:
    @pytest.fixture
    def keyed(self, state: Path) -> Path:
        (state / "audit.key").write_bytes(b"the signing key")
        (state / "api").mkdir()
        (state / "api/tokens.json").write_bytes(b"{}")
        enroll_file(state, state / "audit.key", "the key of the audit log", b"the signing key")
        return state

    def test_stay_in_use_where_the_backup_has_none(self, keyed: Path, tmp_path: Path) -> None:
        back_up(keyed, tmp_path / "backup", "1")
        restored = restore(tmp_path / "backup", keyed, replace=True)
        assert restored.keys_kept == ("audit.key", "api/tokens.json")
        assert (keyed / "audit.key").read_bytes() == b"the signing key"
        assert (keyed / "audit.key").stat().st_mode & 0o777 == 0o600
        assert lost(keyed) == {}
        assert restored.aside is not None
        assert (restored.aside / "audit.key").exists(), "nothing is taken from what is put aside"

    def test_do_not_where_the_backup_knows_others(self, keyed: Path, tmp_path: Path) -> None:
        """As on another host, which made keys of its own at its first start."""
        back_up(keyed, tmp_path / "backup", "1")
        (keyed / "audit.key").write_bytes(b"another host's")
        restored = restore(tmp_path / "backup", keyed, replace=True)
        assert restored.keys_kept == ("api/tokens.json",)
        assert not (keyed / "audit.key").exists()
        assert "audit.key" in lost(keyed)

    def test_do_not_where_the_backup_has_its_own(self, keyed: Path, tmp_path: Path) -> None:
        back_up(keyed, tmp_path / "backup", "1", keys=True)
        (keyed / "audit.key").write_bytes(b"another host's")
        (keyed / "new.key").write_bytes(b"made later")
        restored = restore(tmp_path / "backup", keyed, replace=True)
        assert restored.keys_kept == ()
        assert (keyed / "audit.key").read_bytes() == b"the signing key"
        assert not (keyed / "new.key").exists()
