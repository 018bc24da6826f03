"""Notes on cases and notices, and who works on them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goodhoster.adapters.stores.casework import FILE, CaseworkTraces, SqliteCaseworkStore
from goodhoster.assembly.retention import apply_retention
from goodhoster.assembly.services import Services
from goodhoster.casework import Casework
from goodhoster.errors import AuditError, RefusedError
from goodhoster.model.casework import LONGEST_NOTE, Assignment, Note
from goodhoster.ports import ForgottenCustomer
from goodhoster.ports.customers import ForgottenUrl
from goodhoster.settings import load

CASE, OTHER = "20260302-abcdefg", "20260302-zzzzzzz"
NOTICE, OPEN = "N20260302-abcdefg", "N20260302-zzzzzzz"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    file = tmp_path / "goodhoster.toml"
    (tmp_path / "srv").mkdir()
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/srv"\n')
    with Services(load(file)) as services:
        yield services


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteCaseworkStore]:
    with closing(SqliteCaseworkStore(tmp_path / FILE)) as store:
        yield store


def events(services: Services) -> list[tuple[str, dict[str, Any]]]:
    found = [(entry.event.kind, dict(entry.event.data)) for entry in services.audit.entries()]
    return [each for each in found if each[0].startswith("casework.")]


def test_a_note_is_kept_and_the_log_has_who_wrote_it_but_not_its_words(services: Services) -> None:
    services.casework.note(CASE, "alice", "  anna called: it is her own picture \n")
    assert [(note.author, note.text) for note in services.casework.store.notes(CASE)] == [
        ("alice", "anna called: it is her own picture")
    ]
    assert events(services) == [("casework.noted", {"case": CASE, "actor": "alice"})]
    assert b"anna" not in (services.state_dir / "audit.log").read_bytes()


@pytest.mark.parametrize("text", ["", "   \n", "x" * (LONGEST_NOTE + 1)])
def test_a_note_that_says_nothing_or_too_much_is_refused(services: Services, text: str) -> None:
    with pytest.raises(RefusedError, match="nothing was written"):
        services.casework.note(CASE, "alice", text)
    assert events(services) == []
    assert not services.casework.store.notes(CASE)


def test_nothing_is_made_before_the_first_note(services: Services) -> None:
    assert not services.casework_in_use
    services.make_all()
    assert not (services.state_dir / FILE).exists()


def test_what_somebody_has_is_taken_over_knowingly_only(services: Services) -> None:
    work = services.casework
    assert work.take(NOTICE, "alice").person == "alice"
    assert work.take(NOTICE, "alice").person == "alice"
    with pytest.raises(RefusedError, match="alice works on") as refused:
        work.take(NOTICE, "bob")
    assert "--from alice" in refused.value.hint
    with pytest.raises(RefusedError, match="alice works on"):
        work.take(NOTICE, "bob", from_person="carol")
    assert work.take(NOTICE, "bob", from_person="alice").person == "bob"
    assert work.hand_over(NOTICE, "bob", "carol") == work.store.assignment(NOTICE)
    assert work.store.assigned() == {NOTICE: "carol"}
    told = [(data["actor"], data["before"], data["to"]) for _, data in events(services)]
    assert told == [("alice", "", "alice"), ("bob", "alice", "bob"), ("bob", "bob", "carol")]


def test_of_two_that_take_at_once_one_is_told(store: SqliteCaseworkStore) -> None:
    store.assign(Assignment(CASE, "alice", "alice", NOON), expected="")
    with pytest.raises(RefusedError, match="alice works on"):
        store.assign(Assignment(CASE, "bob", "bob", NOON), expected="")
    assert store.assigned() == {CASE: "alice"}


def test_the_log_is_written_first(services: Services) -> None:
    (services.state_dir / "audit.log").mkdir()
    with pytest.raises(AuditError):
        services.casework.note(CASE, "alice", "x")
    assert not services.casework.store.notes(CASE)


def test_notes_go_with_their_retention(services: Services) -> None:
    store = services.casework.store
    store.add(Note(CASE, "alice", "old", NOON - timedelta(days=3 * 365)))
    store.add(Note(CASE, "alice", "new", NOON - timedelta(days=10)))
    store.assign(Assignment(CASE, "alice", "alice", NOON - timedelta(days=3 * 365)), expected="")
    apply_retention(services, NOON - timedelta(days=1), lambda: False)
    result = apply_retention(services, NOON, lambda: False)
    assert [note.text for note in store.notes(CASE)] == ["new"]
    assert store.assignment(CASE) is None
    assert result.deleted == {"casework": 2}


def test_forgetting_a_customer_erases_what_was_noted_on_its_cases_and_settled_notices(
    store: SqliteCaseworkStore, tmp_path: Path
) -> None:
    for subject in (CASE, OTHER, NOTICE, OPEN):
        store.add(Note(subject, "alice", f"about {subject}: a secret word", NOON))
        store.assign(Assignment(subject, "alice", "alice", NOON), expected="")
    urls = tuple(ForgottenUrl(notice, "http://anna.example/a.jpg", "drawn") for notice in (NOTICE, OPEN))
    forgotten = ForgottenCustomer(
        ("anna", "former"), "forgotten-1", (CASE,), kept=(OTHER,), urls=urls, notices_kept=(OPEN,)
    )
    traces = CaseworkTraces(store)
    assert traces.unlink(forgotten) == 4
    assert traces.unlink(forgotten) == 0
    assert not store.notes(CASE)
    assert not store.notes(NOTICE)
    assert store.assigned() == {OTHER: "alice", OPEN: "alice"}
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert b"about " + CASE.encode() not in content
    assert b"about " + OTHER.encode() in content


def test_casework_needs_no_more_than_its_ports(store: SqliteCaseworkStore, services: Services) -> None:
    work = Casework(store, services.audit, lambda: NOON)
    assert work.note(CASE, "alice", "x").at == NOON
