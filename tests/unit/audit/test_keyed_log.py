"""Entries carry keyed hashes in place of persons and places; without the key nobody can tell whom they are about."""

import hashlib
import hmac
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
from goodhoster.audit.keyed_log import READABLE, KeyedAuditLog, scope_of, tokens_in
from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.pseudonyms import is_token

TAKEN = AuditEvent(
    "measure.intended",
    {"case": "C1", "customer": "anna", "path": "/srv/anna/a.jpg", "sha256": "ab", "reason": "known to police"},
)
FAILED = AuditEvent("measure.failed", {"case": "C1", "reason": "/srv/anna/a.jpg is gone", "copy": "1"})


class Logged:
    """A log with its keys."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "audit.log"
        self.keys = SqlitePseudonyms(folder / "pseudonyms.sqlite")
        self.plain = FileAuditLog(self.file)
        self.log = KeyedAuditLog(self.plain, self.keys)

    @property
    def read(self) -> list[dict[str, object]]:
        return [dict(entry.event.data) for entry in self.log.entries()]


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    made = Logged(tmp_path)
    yield made
    made.keys.close()


def test_an_entry_has_references_and_is_read_with_what_they_stand_for(logged: Logged) -> None:
    logged.log.append_all([TAKEN, FAILED])
    raw = logged.file.read_bytes()
    for secret in (b"anna", b"a.jpg", b"known to police"):
        assert secret not in raw
    assert b'"case":"C1"' in raw
    assert logged.read == [dict(TAKEN.data), dict(FAILED.data)]


def test_the_reference_is_what_the_decision_says(logged: Logged) -> None:
    logged.log.append(TAKEN)
    token = str(next(logged.plain.entries()).event.data["path"])
    assert is_token(token)
    disclosed = logged.keys.disclosed("case/C1", {token})
    assert disclosed
    key, rows = disclosed
    assert rows == [(token, "path", "/srv/anna/a.jpg")]
    digest = hmac.new(key.secret, b"path\0/srv/anna/a.jpg", hashlib.sha256).hexdigest()
    assert token == f"~{key.id}:{digest[:32]}"


def test_one_value_of_a_case_is_one_reference_and_of_two_cases_are_two(logged: Logged) -> None:
    other = AuditEvent(TAKEN.kind, {**TAKEN.data, "case": "C2"})
    logged.log.append_all([TAKEN, TAKEN, other])
    first, second, third = (entry.event.data["customer"] for entry in logged.plain.entries())
    assert first == second
    assert first != third


def test_without_its_key_an_entry_tells_nothing_and_the_log_is_whole(logged: Logged) -> None:
    other = AuditEvent(TAKEN.kind, {**TAKEN.data, "case": "C2", "customer": "bob", "path": "/srv/bob/b.jpg"})
    logged.log.append_all([TAKEN, FAILED, other])
    before = logged.log.verify()
    assert logged.keys.delete(["case/C1"]) == 1
    assert logged.log.verify() == before
    first, second, third = logged.read
    assert (first["case"], first["sha256"]) == ("C1", "ab")
    assert str(first["customer"]).startswith("forgotten-")
    assert str(second["reason"]).startswith("forgotten-")
    assert third["customer"] == "bob"
    for file in logged.file.parent.iterdir():
        assert b"anna" not in file.read_bytes(), file


def test_who_is_named_in_any_case_is_found_by_the_value(logged: Logged) -> None:
    logged.log.append_all([TAKEN, AuditEvent("gate.answered", {"gate": "upload", "customer": "anna", "answer": "no"})])
    assert logged.keys.delete(["case/C9"], [("customer", "anna")], kept=["case/C1"]) == 1
    assert next(entry["customer"] for entry in logged.read) == "anna"
    assert logged.keys.delete([], [("customer", "anna")]) == 1
    assert logged.keys.delete([], [("customer", "anna")]) == 0


def test_entries_of_before_are_read_as_they_are(logged: Logged) -> None:
    logged.plain.append(TAKEN)
    assert logged.read == [dict(TAKEN.data)]
    logged.keys.delete(["case/C1"])
    assert logged.read == [dict(TAKEN.data)]


def test_an_entry_about_nobody_is_written_as_it_is_and_needs_no_key(logged: Logged) -> None:
    event = AuditEvent("mode.observe", {"actor": "eve", "reason": "a flood of hits"})
    logged.log.append(event)
    assert b"a flood of hits" in logged.file.read_bytes()
    assert not (logged.file.parent / "pseudonyms.sqlite").exists()


def test_no_entry_without_its_key(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is durable before the entry: a crash in between leaves a key that nobody needs."""
    known: list[int] = []

    def stop(_: object) -> None:
        with closing(sqlite3.connect(logged.file.parent / "pseudonyms.sqlite")) as db:
            known.extend(db.execute("SELECT count(*) FROM pseudonyms").fetchone())
        raise AuditError("crash")

    monkeypatch.setattr(logged.plain, "append_all", stop)
    with pytest.raises(AuditError, match="crash"):
        logged.log.append(TAKEN)
    assert known == [3]
    assert not logged.file.exists()


def test_where_the_keys_cannot_be_written_nothing_is_logged(tmp_path: Path) -> None:
    (tmp_path / "pseudonyms.sqlite").mkdir()
    logged = Logged(tmp_path)
    with pytest.raises(AuditError, match="keys of the audit log"):
        logged.log.append(TAKEN)
    assert not logged.file.exists()


def test_threads_write_at_once_and_each_entry_has_its_key(logged: Logged) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            logged.log.append(AuditEvent("gate.answered", {"customer": f"c{number}", "path": f"/{number}/{turn}"}))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = logged.read
    assert len(read) == 80
    assert {(str(each["customer"]), str(each["path"])) for each in read} == {
        (f"c{number}", f"/{number}/{turn}") for number in range(16) for turn in range(5)
    }


def test_two_processes_share_the_keys(logged: Logged) -> None:
    other = Logged(logged.file.parent)
    logged.log.append(TAKEN)
    other.log.append(TAKEN)
    assert len({entry.event.data["path"] for entry in logged.plain.entries()}) == 1
    logged.keys.delete(["case/C1"])
    other.log.append(TAKEN)  # a new key: what was deleted is not used again
    paths = [str(each["path"]) for each in logged.read]
    assert paths[2] == "/srv/anna/a.jpg"
    assert paths[0] == paths[1] != paths[2]
    other.keys.close()


NAMES = st.text(min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(
    data=st.dictionaries(
        st.sampled_from([*sorted(READABLE), "customer", "path", "name", "peer", "reason", "detail", "anything new"]),
        st.one_of(
            st.just("PLANTED"), st.lists(st.just("PLANTED"), max_size=2), st.integers(), st.booleans(), st.none()
        ),
    ),
    scope=st.sampled_from(["case", "customer", "notice"]),
)
def test_only_fields_that_are_listed_are_readable(
    data: dict[str, str | int | bool | list[str] | None],
    scope: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = {name: value for name, value in data.items() if name not in {"case", "customer", "notice"}}
    logged = Logged(tmp_path_factory.mktemp("log"))
    logged.log.append(AuditEvent("new.kind", data | {scope: "somebody"}))
    [entry] = logged.plain.entries()
    readable = {name for name, value in entry.event.data.items() if value in ("PLANTED", ["PLANTED"], ["PLANTED"] * 2)}
    assert readable <= READABLE
    assert logged.read == [data | {scope: "somebody"}]
    logged.keys.close()


def test_the_key_is_of_the_case_then_of_the_customer_then_of_the_url() -> None:
    assert scope_of({"case": "C", "customer": "a"}) == "case/C"
    assert scope_of({"customer": "a", "notice": "N", "url": "u"}) == "customer/a"
    assert scope_of({"notice": "N", "url": "u", "customer": ""}) == "notice/N/u"
    assert scope_of({"url": "u"}) == "notice/u"
    assert scope_of({"actor": "eve"}) == ""


def test_what_looks_like_a_reference_and_is_none_is_told_as_unlinked(logged: Logged) -> None:
    logged.plain.append(AuditEvent("case.opened", {"case": "C", "path": "~0123456789abcdef:" + "0" * 32}))
    assert logged.read[0]["path"] == "forgotten-000000000000"
    assert list(tokens_in({"a": ["~x", 1]})) == []  # type: ignore[list-item]
    assert json.dumps(logged.read)
