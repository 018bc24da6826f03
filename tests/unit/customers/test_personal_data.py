"""What is held of a customer can be exported and erased, with the log whole, and what stays is told."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.personal_data import SqlitePersonalData
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.adapters.stores.memory import MemoryCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.personal_data import KEPT, UNFINISHED, PersonalData
from goodhoster.customers.register import Register
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.cases import CaseState
from goodhoster.testing.suites.case_store import a_case
from goodhoster.testing.suites.customer_store import ANNA, BOB, a_site, imported

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
WITHOUT_PERSONS = {
    "screening_entries",
    "register_imports",
    "register_generation",
    "legal_basis",
    "observed_time",
    "house_rules",
    "unlogged_erasures",
}
"""Tables that name no customer."""


class Held:
    """Personal data of anna, who has ended and had another id, and of bob, who has not."""

    def __init__(self, folder: Path, record: RecordFile) -> None:
        self.folder, self.record = folder, record
        self.store = SqliteCustomerStore(record)
        self.cases = MemoryCaseStore()
        self.audit = FileAuditLog(folder / "audit.log")
        lock = FileLock(folder / "lock")
        self.data = PersonalData(Register(self.store), SqlitePersonalData(record), self.cases, self.audit, lock)
        imported(self.store, [ANNA, BOB], [a_site("anna.example", "anna", b"/srv/\xff", "www.anna.example")])
        imported(self.store, [BOB], [a_site("bob.example", "bob")], replace=True)

    @property
    def kinds(self) -> list[str]:
        return [entry.event.kind for entry in self.audit.entries()]


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        yield Held(tmp_path, record)


def test_every_table_that_names_customers_is_covered(held: Held) -> None:
    """A new subject calls its column `customer`, or is named above."""
    tables = {name for (name,) in held.record.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    covered = {table for table, _, _ in SqlitePersonalData(held.record)._tables()}
    aliases = {"site_aliases"}  # go with their site
    assert tables - covered - aliases - WITHOUT_PERSONS == set()


def test_an_export_has_all_of_it_and_is_in_the_log(held: Held) -> None:
    held.cases.add(a_case())
    found = held.data.export("anna", "tester")
    text = json.dumps(found)
    for word in ("Anna Example", "abuse@anna.example", "nl.kvk:12345678", "anna.example", "+31201234567"):
        assert word in text
    assert "bob" not in text.replace("bob@", "")
    assert held.kinds == ["customer.accessed"]
    assert [case["id"] for case in found["cases"]] == [a_case().id]  # type: ignore[attr-defined]


def test_who_is_forgotten_is_in_no_file_any_more_and_the_log_is_whole(held: Held) -> None:
    before = held.data.forget("anna", "tester", "asked for it", preview=True)
    assert (before.done, held.store.known("anna") is None, held.kinds) == (False, False, [])
    found = held.data.forget("anna", "tester", "asked for it")
    assert found.rows == before.rows
    assert held.store.known("anna") is None
    assert held.store.get("bob").name == "Bob"
    assert held.kinds == ["customer.forget-intended", "customer.forgotten"]
    assert held.audit.verify().ok
    for file in held.folder.iterdir():
        assert b"Anna Example" not in file.read_bytes(), file
        assert b"abuse@anna.example" not in file.read_bytes(), file
    with pytest.raises(RefusedError):
        held.data.forget("anna", "tester", "again")


def test_whom_a_source_still_names_is_not_forgotten(held: Held) -> None:
    with pytest.raises(RefusedError, match="is active") as error:
        held.data.forget("bob", "tester", "asked for it")
    assert "billing" in error.value.hint
    assert (held.store.get("bob").name, held.kinds) == ("Bob", [])


def test_whom_a_source_still_names_as_ended_is_not_forgotten(held: Held) -> None:
    imported(held.store, [replace(ANNA, status="ended")])
    with pytest.raises(RefusedError, match="still named by a source") as error:
        held.data.forget("anna", "tester", "asked for it")
    assert "billing" in error.value.hint
    assert held.store.get("anna").name == "Anna Example"
    imported(held.store, [BOB], replace=True)
    assert held.data.forget("anna", "tester", "asked for it").done


@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_whose_case_is_unfinished_is_not_forgotten(held: Held, state: CaseState) -> None:
    held.cases.add(replace(a_case(), state=state))
    with pytest.raises(RefusedError, match="1 unfinished case"):
        held.data.forget("anna", "tester", "asked for it")
    assert held.store.get("anna").name == "Anna Example"


def test_the_documentation_tells_all_that_is_kept() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to-customers.md").read_text()
    for kept in KEPT:
        row = f"| {kept.what} | {kept.why} | {kept.how_long} | {'erased' if kept.forgotten else 'stays'} |"
        assert row in page
