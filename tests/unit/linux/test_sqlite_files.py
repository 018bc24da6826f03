"""SQLite's temporary files: a large sort works where only the state directory may be written."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.linux import sqlite_files
from goodhoster.linux.sqlite_files import connect, explained
from tests.two_at_once import Order, at_once

SOURCES = (Path(__file__).parents[3] / "goodhoster", Path(__file__).parents[3] / "agent")
FOREIGN = "sqlite_tables.py"
"""Reads lists that others made, and sorts nothing."""
SORTING = """
import resource, sys
from pathlib import Path
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.adapters.stores.record import RECORD
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.plan import DaemonTerms

state_dir = Path(sys.argv[1])
if give_up(DaemonTerms(frozenset(), frozenset({state_dir}), frozenset()), state_dir):
    sys.exit("no Landlock")
file = RecordFile(state_dir / "record.sqlite", RECORD)
with file.changing() as db:
    db.execute("CREATE TABLE big (key INTEGER, word BLOB)")
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) "
        "INSERT INTO big SELECT abs(random()), randomblob(5000) FROM n"
    )
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(first,) = file.rows("SELECT key FROM (SELECT key, word FROM big ORDER BY word || key) LIMIT 1 OFFSET 7999")
print("sorted", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_large_sort_needs_neither_other_folders_nor_its_size_in_memory(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SORTING, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    if run.stderr.strip() == "no Landlock":
        pytest.skip("this machine has no Landlock")
    assert run.returncode == 0, run.stderr
    word, kibibytes = run.stdout.split()
    assert word == "sorted"
    assert int(kibibytes) < 25 * 1024, "40 MB were sorted"


def test_every_database_of_ours_is_opened_at_one_place() -> None:
    files = [file for folder in SOURCES for file in folder.rglob("*.py")]
    opening = {file.name for file in files if re.search(r"sqlite3\.connect\(", file.read_text())}
    assert opening == {"sqlite_files.py", FOREIGN}


def test_a_file_is_only_read_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "what? 100%#.sqlite"
    with closing(connect(file)) as db, db:
        db.execute("CREATE TABLE t (x)")
    with closing(connect(file, read_only=True)) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("INSERT INTO t VALUES (1)")


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as raised:
        connect(tmp_path / "none" / "record.sqlite")
    assert "temporary" in explained(raised.value, tmp_path / "none" / "record.sqlite")


@pytest.mark.parametrize(
    ("code", "disk", "said"),
    [
        (sqlite3.SQLITE_FULL, "has room", "its disk is full (words)"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "full", "its disk is full (words)"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "has room", "words"),
        (sqlite3.SQLITE_CORRUPT, "full", "words"),
    ],
)
def test_a_full_disk_is_told_from_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, disk: str, said: str
) -> None:
    monkeypatch.setattr(sqlite_files, "has_no_room", lambda _: disk == "full")
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = code
    assert explained(error, tmp_path / "record.sqlite") == said


@pytest.mark.slow
def test_processes_that_open_a_new_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """One of them was refused at once: "database is locked". Some thirty rounds showed it."""

    def opening(file: Path) -> Order:
        def order(ready: Callable[[], None]) -> object:
            ready()
            customers_file(file).close()
            return "opened"

        return order

    for number in range(60):
        file = tmp_path / f"{number}.sqlite"
        assert at_once(opening(file), opening(file)) == ["done: opened"] * 2
