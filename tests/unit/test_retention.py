"""Nothing grows for ever: what is over is deleted by kind, and what somebody may still need stays."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import goodhoster
import goodhoster_agent
from goodhoster.adapters.stores import expired_rows
from goodhoster.adapters.stores.alerts import SqliteAlertQueue
from goodhoster.adapters.stores.attempt_counts import FILE, SqliteAttemptCounts
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.adapters.stores.expired_rows import delete_expired
from goodhoster.adapters.stores.seen_mails import EXPIRING, SqliteSeenMails
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.assembly.retention import ExpiringFile, RetentionResult, apply_retention, expiring_files
from goodhoster.assembly.services import Services
from goodhoster.errors import PermanentError
from goodhoster.model.alerts import Alert, AlertKind, DeliveryState
from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import NoticeState, Receipt
from goodhoster.model.notices import Carrier, RawNotice, SeenMail
from goodhoster.model.storms import CountedCase, StormState
from goodhoster.settings import load
from goodhoster.testing.suites.notice_store import a_notice
from goodhoster.testing.suites.storm_store import storm
from goodhoster_agent.background.retention import RetentionTask
from goodhoster_agent.doors.usage_figures import EXPIRING as FIGURES_EXPIRING
from goodhoster_agent.doors.usage_figures import FIGURES, Figures, RequestOutcome, figures_file, read_figures

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)
YEAR, DAY = timedelta(days=365), timedelta(days=1)
LONG_AGO, LATELY = NOW - 11 * YEAR, NOW - 10 * DAY

BOUNDED = {
    "directories, uploads, scans": "files, directories and trees of this host",
    "checks, left_out": "two months, by hour: see census.py",
    "compared, answer_sets": "lists of now, and the answers that a file of now has: forget_unused_answer_sets",
    "clock, observed_time, register_generation": "one row",
    "copy_contents": "as cases",
    "purges": "never deleted: they are a case's, as its measures are",
    "position": "one row",
    "cases, case_copies, matched_customers": "never deleted: a case decides about its content for good",
    "attempt_customers": "never deleted: a case decides about its content for good",
    "notices, notice_items": "never deleted: reports and duplicates rest on them",
    "keys, pseudonyms": "customers and files that the audit log names; `customers forget` erases them",
    "objects, listings": "objects and buckets of now: see object_queue.py",
    "hints": "a hundred thousand: see object_queue.py",
    "claims": "cases that somebody is at work on",
    "storms, held_cases, counted_cases": "[retention] storms",
    "measure_counts, counted_contents": "a day: see _forget_old",
    "first_seen": "[retention] seen_mails",
    "alert, delivery": "[retention] alerts",
    "notes, assignments": "[retention] casework",
    "condition": "what lasts: see SqliteAlertQueue.see",
    "attempts, figures": "[retention] counters",
    "last_days": "accounts of the hash service",
    "customers, customer_entries, sites, site_aliases, former_ids": "the register",
    "past_sites, register_imports": "[retention] register",
    "contact_requests": "[retention] contacts",
    "legal_basis": "trees and sources",
    "standing_steps, standing_statements, appeals, suspensions": "never deleted: orders about a customer",
    "gate_answers": "customers",
    "house_rules": "changes of the configuration",
    "unlogged_erasures": "until the audit log has each",
    "vetting_evidence, vetting_facts, vetting_sessions": "a customer's vetting; `customers forget` erases it",
    "screening_entries, screening_customers, screening_findings": "the lists of now, and decisions",
    "temp.staged_customers, temp.staged_sites, temp.staged_former": "one import",
    "temp.kept, temp.customer_changes, temp.site_changes": "the same",
}
"""Every table of ours, and what keeps it from growing for ever."""


def test_of_every_table_it_is_said_what_bounds_it() -> None:
    sources = [*Path(goodhoster.__path__[0]).rglob("*.py"), *Path(goodhoster_agent.__path__[0]).rglob("*.py")]
    made = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?([\w.]+)")
    there = {name for source in sources for name in made.findall(source.read_text(encoding="utf-8"))}
    renamed = re.compile(r"ALTER TABLE (\w+) RENAME TO (\w+)")
    names = dict(pair for source in sources for pair in renamed.findall(source.read_text(encoding="utf-8")))
    there = {names.get(name, name) for name in there}
    there -= {"answers"}  # half a million at most: see answer_cache.py
    assert there == {name for names in BOUNDED for name in names.split(", ")}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    file = tmp_path / "goodhoster.toml"
    (tmp_path / "srv").mkdir()
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/srv"\n')
    with Services(load(file)) as services:
        yield services


def go(services: Services, now: datetime = NOW) -> RetentionResult:
    """A round after one on the day before, which noted the time."""
    apply_retention(services, now - DAY, lambda: False)
    return apply_retention(services, now, lambda: False, [_figures(services)])


def _figures(services: Services) -> ExpiringFile:
    return ExpiringFile("counters", figures_file(services.state_dir), FIGURES, FIGURES_EXPIRING)


def age(file: Path, at: datetime) -> None:
    os.utime(file, (at.timestamp(), at.timestamp()))


def kept(services: Services, state: NoticeState, at: datetime) -> Receipt:
    receipt = services.notices.spool.keep(RawNotice(Carrier.MAIL, b"From: a@b.example\n\nx"))
    services.notices.spool.taken(receipt.id)
    (file,) = (services.state_dir / "notices/kept").rglob(receipt.id + "*")
    age(file, at)
    services.notices.store.add(replace(a_notice(receipt.id), state=state, receipt=receipt))
    return receipt


def test_raw_notices_that_are_settled_go_and_those_that_are_not_stay(services: Services) -> None:
    old, open_, new = (
        kept(services, NoticeState.DONE, LONG_AGO),
        kept(services, NoticeState.OPEN, LONG_AGO),
        kept(services, NoticeState.DONE, LATELY),
    )
    assert go(services).deleted == {"raw_notices": 1}
    assert services.notices.spool.raw(open_).content
    assert services.notices.spool.raw(new).content
    with pytest.raises(PermanentError) as gone:
        services.notices.spool.raw(old)
    assert "[retention] raw_notices" in gone.value.hint
    (entry,) = [entry for entry in services.audit.entries() if entry.event.kind == "retention.applied"]
    assert entry.event.data == {"raw_notices": 1}


def test_what_nobody_took_into_the_record_stays(services: Services) -> None:
    receipt = services.notices.spool.keep(RawNotice(Carrier.MAIL, b"x"))
    age(next((services.state_dir / "notices/waiting").iterdir()), LONG_AGO)
    assert not go(services).deleted
    assert services.notices.spool.raw(receipt).content == b"x"


def letter(services: Services, folder: str, name: str, *, limited: bool = False) -> Path:
    outbox = services.notices.outbox
    outbox.put(Letter(name, LetterKind.RECEIPT, f"{name}@a.example", "x", "x", limited=limited))
    waiting = services.state_dir / "letters/waiting" / f"{name}.json"
    target = services.state_dir / "letters" / folder / waiting.name
    target.parent.mkdir(exist_ok=True)
    waiting.rename(target)
    age(target, LONG_AGO)
    return target


def test_letters_that_wait_for_the_mail_server_or_for_a_person_stay(services: Services) -> None:
    stays = [letter(services, "waiting", "one"), letter(services, "refused", "two")]
    goes = [letter(services, "sent/20190101", "three"), letter(services, "refused", "four", limited=True)]
    assert services.notices.outbox.refused() == 1
    assert go(services).deleted == {"letters": 2}
    assert [file.exists() for file in (*stays, *goes)] == [True, True, False, False]
    assert services.notices.outbox.refused() == 1


def test_a_refused_letter_is_counted_whenever_it_comes_and_goes(services: Services) -> None:
    outbox = services.notices.outbox
    first = letter(services, "refused", "one")
    assert outbox.refused() == 1
    second = letter(services, "refused", "two")
    assert outbox.refused() == 2
    first.rename(services.state_dir / "letters/waiting/one.json")
    assert outbox.refused() == 1
    second.unlink()
    assert outbox.refused() == 0


def test_refused_letters_are_not_read_again_with_every_look(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = services.notices.outbox
    names = [letter(services, "refused", f"l{number}") for number in range(9)]
    age(names[0].parent, LATELY.replace(year=2026))
    assert outbox.refused() == 9
    opened: list[object] = []
    monkeypatch.setattr(Path, "read_text", lambda self, **_: opened.append(self))
    assert outbox.refused() == 9
    assert not opened


def test_released_storms_go_and_those_that_brake_stay(services: Services) -> None:
    record = services.case_store.record
    storms = SqliteStormStore(record)
    for name, state in (("s1", StormState.RELEASED), ("s2", StormState.UNDONE), ("s3", StormState.OPEN)):
        cause = replace(storm(name).cause, about=name)
        storms.begin(replace(storm(name), cause=cause, state=state, decided_at=LONG_AGO, started_at=LONG_AGO))
        storms.note(CountedCase(f"case of {name}", ("police",), LONG_AGO, automatic=True, storm=name))
    storms.note(CountedCase("new", ("police",), LATELY, automatic=True))
    assert go(services).deleted == {"storms": 1 + 1 + 2 * 3}  # the storm, what it held, and all old matches by time
    assert [row[0] for row in record.rows("SELECT id FROM storms ORDER BY id")] == ["s2", "s3"]
    assert [row[0] for row in record.rows("SELECT storm FROM held_cases ORDER BY storm")] == ["s2", "s3"]
    assert storms.matches("police", LONG_AGO, NOW) == 1


def test_alerts_that_somebody_has_yet_to_be_told_of_stay(services: Services) -> None:
    with closing(SqliteAlertQueue(services.state_dir / "alerts.sqlite")) as queue:
        for key, at in (("told", LONG_AGO), ("waits", LONG_AGO), ("new", LATELY)):
            queue.add(Alert(key, AlertKind.ALARM, "", key, "", at), [("rule", at)])
        for delivery in queue.deliveries():
            if delivery.alert.key == "told":
                queue.end(delivery)
        assert go(services).deleted == {"alerts": 2}
        assert {each.alert.key for each in queue.deliveries(tuple(DeliveryState))} == {"waits", "new"}


def test_the_counts_of_other_years_go(services: Services) -> None:
    with closing(SqliteAttemptCounts(services.state_dir / FILE)) as counts:
        for at in (LONG_AGO, LATELY):
            counts.add(at.date(), {"accepted": 2})
    figures_file(services.state_dir).parent.mkdir()
    for at in (LONG_AGO, LATELY):
        with closing(Figures(figures_file(services.state_dir), lambda at=at: at)) as figures:
            figures.count("anna", RequestOutcome.NO)
    assert go(services).deleted == {"counters": 2}
    assert [figure.week for figure in read_figures(figures_file(services.state_dir))] == ["2030-W08"]


def test_contacts_and_register_keep_their_last_word(services: Services) -> None:
    with closing(customers_file(services.state_dir / "customers.sqlite")) as record:
        contacts = services.customers.contacts._parts.store
        for name, address, at in (("1", "a@a.example", 0), ("2", "a@a.example", 1), ("3", "b@a.example", 0)):
            asked = LONG_AGO + at * DAY
            contacts.add(ContactRequest(name, RequestKind.DRILL, "anna", address, asked, asked, asked, name.encode()))
        rows = [("panel", '{"at":"2019-01-01T00:00:00+00:00"}')] * 2 + [("csv", '{"at":"2018-01-01T00:00:00+00:00"}')]
        with record.changing() as db:
            db.executemany("INSERT INTO register_imports (origin, body) VALUES (?, ?)", rows)
            db.executemany(
                "INSERT INTO past_sites VALUES (?, 'anna', NULL, ?)",
                [("old.example", LONG_AGO.isoformat()), ("new.example", LATELY.isoformat())],
            )
        assert go(services).deleted == {"contacts": 1, "register": 2}
        assert [request.id for request in contacts.of_customer("anna")] == ["3", "2"]
        assert [row[0] for row in record.rows("SELECT number FROM register_imports ORDER BY number")] == [2, 3]
        assert [row[0] for row in record.rows("SELECT host FROM past_sites")] == ["new.example"]


def seen(file: Path, rows: int) -> None:
    with closing(SqliteSeenMails(file)) as mails:
        for number in range(rows):
            at = LONG_AGO if number % 2 else LATELY
            mails.first(number.to_bytes(4), SeenMail(f"r{number}", at))


def test_rows_are_deleted_page_by_page_and_nothing_is_locked_between(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired_rows, "PAGE", 4)
    file = services.state_dir / "seen.sqlite"
    seen(file, 30)
    others: list[int] = []
    with closing(SqliteSeenMails(file)) as elsewhere:

        def pause() -> bool:
            others.append(len(others))
            elsewhere.first(b"other" + bytes([len(others)]), SeenMail("r", LATELY))  # another writer has its turn
            return len(others) == 3

        (each,) = [one for one in expiring_files(services.state_dir) if one.kind == "seen_mails"]
        with closing(RecordFile(file, each.schema)) as record:
            assert delete_expired(record, EXPIRING[0], NOW - YEAR, pause) == 6  # it stopped where it was told to
            assert delete_expired(record, EXPIRING[0], NOW - YEAR, lambda: False) == 9


def test_a_clock_that_leaps_ahead_deletes_nothing(services: Services) -> None:
    kept(services, NoticeState.DONE, LATELY)
    go(services)
    assert not apply_retention(services, NOW + 20 * YEAR, lambda: False).deleted
    assert not apply_retention(services, NOW + DAY, lambda: False).deleted  # set right again
    assert not apply_retention(services, NOW + 2 * DAY, lambda: False).deleted
    assert apply_retention(services, NOW + 2 * DAY + 3 * YEAR, lambda: False).deleted == {}
    assert apply_retention(services, NOW + 3 * DAY + 3 * YEAR, lambda: False).deleted == {"raw_notices": 1}


def test_never_is_never(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.write_text(file.read_text() + "[retention]\nraw_notices = 0\n")
    kept(services, NoticeState.DONE, LONG_AGO)
    with Services(load(file)) as configured:
        assert not go(configured).deleted


def test_the_daemon_begins_later_and_ends_in_the_middle(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    task = RetentionTask(services)
    assert task._run_once() > 60
    task.task.stopping.set()
    assert task._pause()
    assert task._run_once() > 60


def test_a_table_that_cannot_be_read_keeps_no_other(services: Services) -> None:
    (services.state_dir / "seen.sqlite").write_bytes(b"no database" * 200)
    with closing(SqliteAttemptCounts(services.state_dir / FILE)) as counts:
        counts.add(LONG_AGO.date(), {"accepted": 2})
    result = go(services)
    assert result.deleted == {"counters": 1}
    assert len(result.failed) == 1
    assert "seen_mails" in result.failed[0]
