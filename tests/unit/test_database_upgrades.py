"""Every database upgrades itself from every form it ever had, with a copy of it as it was, and says when it cannot."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.attempt_counts import SqliteAttemptCounts
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.standing import SqliteStandingStore
from goodhoster.adapters.stores.notices import NOTICES, SqliteNoticeStore
from goodhoster.adapters.stores.record import RECORD
from goodhoster.adapters.stores.seen_mails import SEEN_MAILS, SqliteSeenMails
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.errors import ConfigurationError
from goodhoster.linux.sqlite_migrations import Migration, Schema, backup_of, upgrade, version_of
from goodhoster.model.cases import CaseState
from goodhoster.model.storms import StormState
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import SourceAnswer, Verdict, VerdictKind
from goodhoster.ports import CaseQuery, NoticeQuery
from goodhoster.testing.suites.case_store import NOON, a_case
from goodhoster.testing.suites.notice_store import a_notice
from goodhoster.testing.suites.seen_mails import a_mail
from goodhoster.uploads.database import INDEX
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.object_queue import ObjectQueue
from goodhoster_agent.doors.usage_figures import FIGURES, Figures, read_figures
from tests.open_databases import all_closed

FORMS = sorted(path for path in (Path(__file__).parents[1] / "databases").iterdir() if path.is_dir())
SCHEMAS = {
    "record.sqlite": RECORD,
    "notices.sqlite": NOTICES,
    "seen.sqlite": SEEN_MAILS,
    "index.sqlite": INDEX,
    "hashservice.sqlite": FIGURES,
}
OPENED: dict[str, Callable[[Path], object]] = {
    "record.sqlite": SqliteCaseStore,
    "notices.sqlite": SqliteNoticeStore,
    "seen.sqlite": SqliteSeenMails,
    "index.sqlite": UploadIndex,
    "hashservice.sqlite": lambda file: Figures(file, lambda: NOON),
}


@pytest.fixture(params=FORMS, ids=lambda path: path.name)
def form(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state directory as that version left it."""
    return Path(shutil.copytree(request.param, tmp_path / "state"))


@pytest.fixture
def record(form: Path) -> Iterator[SqliteCaseStore]:
    with closing(SqliteCaseStore(form / "record.sqlite")) as store:
        yield store


def test_every_case_is_as_it_was(record: SqliteCaseStore) -> None:
    states = {case.id: case.state for case in record.find(CaseQuery())}
    assert states == {
        "20240301-old": CaseState.RESTORED,
        "20260301-open": CaseState.OPEN,
        "20260301-offline": CaseState.OFFLINE,
        "20260301-held": CaseState.HELD,
        "20260301-notice": CaseState.OFFLINE,
    }
    before = a_case("20260301-open", path=b"anna/open.jpg")
    after = record.get("20260301-open")
    assert (after.upload, after.digests, after.measures) == (before.upload, before.digests, before.measures)
    assert (after.answered, record.claim_of(after.id)) == ((), None)
    assert record.customers_with(after.digests.sha256, NOON, NOON) == {"anna", "bob"}


def test_copies_with_bytes_of_their_own_are_found_by_them(record: SqliteCaseStore) -> None:
    copies = [(case, m.copy) for case in record.find(CaseQuery()) for m in case.measures if m.copy]
    assert copies
    for case, copy in copies:
        assert case in record.find(CaseQuery(content=copy.sha256))


def test_storms_are_part_of_the_record_now(record: SqliteCaseStore) -> None:
    storms = SqliteStormStore(record.record)
    (storm,) = storms.braking()
    assert (storm.id, storm.state, storm.measures) == ("S20260301-a", StormState.OPEN, ("c1", "c2"))
    assert storms.measured("police", NOON, NOON, 9) == storms.measured("", NOON, NOON, 9) == ("20260301-offline",)


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """A state directory from before fields got the names that they have now."""
    return Path(shutil.copytree(FORMS[0].with_name("2026-11-30"), tmp_path / "state"))


def test_a_decision_about_a_storm_is_kept_under_the_new_names(renamed: Path) -> None:
    with closing(SqliteCaseStore(renamed / "record.sqlite")) as cases:
        storms = SqliteStormStore(cases.record)
        storm = storms.get("S20260201-b")
        assert (storm.started_at, storm.decided_at) == (NOON - timedelta(days=28), NOON)
        assert (storm.actor, storm.decision_reason, storm.alert_delivered) == ("eve", "the list is right", True)
        assert storms.being_decided() == [storm]
        assert storm.decision_holder == 7
        assert storms.askers(b"a" * 32, NOON, NOON) == {"anna"}


def test_steps_are_kept_under_the_new_names(renamed: Path) -> None:
    with closing(customers_file(renamed / "customers.sqlite")) as record:
        steps = SqliteStandingStore(record)
        told, untold = steps.step("20260301-told"), steps.step("20260301-untold")
    assert (told.notified_at, told.notified_observed) == (NOON + timedelta(hours=1), 3600.5)
    assert (told.not_notified, untold.not_notified) == ("", "no proven contact")
    assert (untold.notified_at, untold.notified_observed) == (None, None)
    assert backup_of(renamed / "customers.sqlite", 2).exists()


def test_a_case_that_there_never_was_is_in_no_storm_any_more(record: SqliteCaseStore) -> None:
    """A crash between the two files left one; the storm could not be undone then."""
    assert SqliteStormStore(record.record).held("S20260301-a") == ("20260301-held",)


def test_notices_mails_and_figures_are_as_they_were(form: Path) -> None:
    with closing(SqliteNoticeStore(form / "notices.sqlite")) as notices:
        assert list(notices.find(NoticeQuery())) == [a_notice()]
    with closing(SqliteSeenMails(form / "seen.sqlite")) as mails:
        assert mails.first(b"one", a_mail("r2")) == a_mail("r1")
    with closing(Figures(form / "hashservice.sqlite", lambda: NOON)):
        (figure,) = read_figures(form / "hashservice.sqlite")
    assert (figure.client, figure.checks, figure.matches) == ("anna", 2, 1)


def test_the_index_goes_on_and_notes_who_answered(form: Path) -> None:
    now, place = NOON.timestamp(), Place(b"/srv", b"anna/a.jpg")
    with closing(UploadIndex(form / "index.sqlite")) as index:
        figures = index.figures()
        assert (figures.waiting, figures.verdicts) == (1, {"clear": 1})
        assert index.answered(place) == ()
        index.expect([Arrival(place, "anna", now, Priority.ORDERED)], now)
        (job,) = index.take(now + 1, 1)
        asked = (SourceAnswer("own", "3"), SourceAnswer("police", share=50))
        index.record(job, job.remembered or (None, None), Verdict(VerdictKind.CLEAR, answered=asked), now)
        assert index.answered(place) == asked


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_is_as_new_afterwards(form: Path, tmp_path: Path, name: str) -> None:
    """The same tables, columns and indexes as those of a file that was made anew."""
    upgraded, made = form / name, tmp_path / name
    for file in (upgraded, made):
        opened = OPENED[name](file)
        opened.close()  # type: ignore[attr-defined]
    assert _form(upgraded) == _form(made)
    assert _form(made)[0] == SCHEMAS[name].version


@pytest.mark.parametrize("name", [name for name, schema in SCHEMAS.items() if schema.backup])
def test_the_file_is_kept_as_it_was(form: Path, name: str) -> None:
    file = form / name
    before, rows = _form(file), _rows(file)
    OPENED[name](file).close()  # type: ignore[attr-defined]
    if before[0] == SCHEMAS[name].version:
        return
    backup = backup_of(file, before[0])
    assert (_form(backup), _rows(backup)) == (before, rows)
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    OPENED[name](file).close()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")
    before = _rows(file)
    with pytest.raises(ConfigurationError, match="written by a newer goodhoster: its format is 99") as error:
        OPENED[name](file)
    assert "install the newer goodhoster again" in error.value.hint
    assert (_form(file)[0], _rows(file)) == (99, before)


OPENED_LATER: dict[str, Callable[[Path], object]] = {
    "attempts.sqlite": lambda file: SqliteAttemptCounts(file).add(NOON.date(), {"clear": 1}),
    "objects.sqlite": lambda file: ObjectQueue(file).hint("pictures", ["a.png"]),
}
"""Those that are opened when they are first needed."""


@pytest.mark.parametrize("name", [*OPENED, *OPENED_LATER])
def test_a_file_that_is_refused_is_closed(tmp_path: Path, name: str) -> None:
    with closing(sqlite3.connect(tmp_path / name)) as db:
        db.execute("PRAGMA user_version = 99")
    with all_closed(), pytest.raises(ConfigurationError, match="written by a newer goodhoster"):
        (OPENED | OPENED_LATER)[name](tmp_path / name)


def test_after_a_downgrade_the_copy_from_before_is_named(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    SqliteCaseStore(file).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")
    backup_of(file, RECORD.version).touch()
    with pytest.raises(ConfigurationError) as error:
        SqliteCaseStore(file)
    assert f"record.sqlite.version-{RECORD.version} is how it was before" in error.value.hint


def test_a_file_from_before_all_that_is_known_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript("CREATE TABLE cases (id TEXT); PRAGMA user_version = 1;")
    with pytest.raises(ConfigurationError, match="too old"):
        SqliteCaseStore(file)


ONE = Migration(1, ("CREATE TABLE one (n INTEGER);\nINSERT INTO one VALUES (1);",))


def _fails(_: sqlite3.Connection, __: Path) -> None:
    raise sqlite3.OperationalError("the disk is full")


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file.sqlite"
    with closing(sqlite3.connect(file)) as db:
        upgrade(db, file, Schema("it", (ONE,)))
        with pytest.raises(sqlite3.OperationalError, match="full"):
            upgrade(db, file, Schema("it", (ONE, Migration(2, ("ALTER TABLE one ADD COLUMN m;", _fails)))))
        assert version_of(db) == 1
        assert [row[1] for row in db.execute("PRAGMA table_info (one)")] == ["n"]
        upgrade(db, file, Schema("it", (ONE, Migration(2, ("ALTER TABLE one ADD COLUMN m;",)))))
        assert db.execute("SELECT * FROM one").fetchall() == [(1, None)]


def _on_a_full_disk(db: sqlite3.Connection, _: Path) -> None:
    """SQLite rolls the whole transaction back by itself then, and after many a fault of a disk."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    db.execute("INSERT INTO first VALUES (zeroblob(100000))")


def _told_to_end(db: sqlite3.Connection, _: Path) -> None:
    """What comes from outside, such as a signal, may come when everything is written already."""
    db.execute("COMMIT")
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "error"), [(_on_a_full_disk, sqlite3.OperationalError), (_told_to_end, KeyboardInterrupt)]
)
def test_where_nothing_is_left_to_roll_back_the_reason_is_told_all_the_same(
    tmp_path: Path, step: Callable[[sqlite3.Connection, Path], None], error: type[BaseException]
) -> None:
    """It said "cannot rollback - no transaction is active" in place of what had happened."""
    file = tmp_path / "made-up.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        with pytest.raises(error) as raised:
            upgrade(db, file, Schema("a file", (Migration(1, ("CREATE TABLE first (a);",)), Migration(2, (step,)))))
        assert "rollback" not in str(raised.value)


def test_processes_that_start_together_upgrade_once(form: Path) -> None:
    code = """
import sys
from pathlib import Path
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.ports import CaseQuery
sys.stdin.readline()
store = SqliteCaseStore(Path(sys.argv[1]))
print(store.count(CaseQuery()))
"""
    argv = [sys.executable, "-c", code, str(form / "record.sqlite")]
    started = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate("\n", timeout=60)[0] for process in started] == ["5\n"] * 4


def test_measures_of_the_past_hour_count_after_the_upgrade(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    shutil.copy(FORMS[0] / "record.sqlite", file)
    recent = datetime.now(UTC) - timedelta(minutes=10)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE cases SET opened_at = ? WHERE id = '20260301-notice'", (recent.isoformat(),))
    SqliteCaseStore(file).close()
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT scope, customer, minute, count FROM measure_counts ORDER BY customer").fetchall()
    minute = int(recent.timestamp()) // 60
    assert rows == [("notifier:hotline", "", minute, 1), ("notifier:hotline", "bob", minute, 1)]


def _form(file: Path) -> tuple[int, set[tuple[str, str]], dict[str, list[tuple[object, ...]]]]:
    """Version, what there is, and the columns of each table."""
    with closing(sqlite3.connect(file)) as db:
        found = set(db.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))
        tables = [name for kind, name in found if kind == "table"]
        columns = {name: [row[1:] for row in db.execute(f"PRAGMA table_info ({name})")] for name in tables}
        return version_of(db), found, columns


def _rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608 - our own texts
