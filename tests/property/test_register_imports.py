"""Whatever a list holds: importing it again changes nothing, and chains of resellers end."""

import csv
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.memory_customers import MemoryCustomerStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.importing.importer import ImportResult, RegisterImporter, RegisterImportOrder
from goodhoster.customers.register import Register
from goodhoster.linux.file_lock import FileLock
from goodhoster.policy.register_guard import RegisterGuard
from goodhoster.ports import CustomerQuery, CustomerStore

IDS = st.sampled_from(["a", "b", "c", "d", "e", "F", "ü", "", "x/y"])
COLUMNS = {
    "customer_id": IDS,
    "name": st.text(max_size=8),
    "reseller": IDS,
    "email": st.sampled_from(["", "a@b.example", "no"]),
    "status": st.sampled_from(["", "active", "suspended", "ended"]),
    "domain": st.sampled_from(["", "a.example", "b.example www.b.example", "*.c.example", "ü.example", "!"]),
    "docroot": st.sampled_from(["", "/srv/a", "/srv/a/b", "x"]),
    "previous_id": st.sampled_from(["", "", "a", "old"]),
}
LISTS = st.lists(st.fixed_dictionaries(COLUMNS), max_size=12)
ORIGINS = st.sampled_from(["billing", "panel"])
ANYTHING_GOES = RegisterGuard(share=1, always=100, allowed_customers=100, allowed_sites=100)


def written(folder: Path, rows: list[dict[str, str]]) -> Path:
    file = folder / "list.csv"
    with file.open("w", newline="", encoding="utf-8", errors="replace") as opened:
        out = csv.DictWriter(opened, list(COLUMNS))
        out.writeheader()
        out.writerow(dict.fromkeys(COLUMNS, "") | {"customer_id": "always"})
        out.writerows(rows)
    return file


def importing(
    store: CustomerStore, folder: Path, rows: list[dict[str, str]], origin: str, *, replace: bool
) -> ImportResult:
    importer = RegisterImporter(
        store, FileAuditLog(folder / "audit.log"), FileLock(folder / "lock"), lambda: datetime(2026, 11, 2, tzinfo=UTC)
    )
    order = RegisterImportOrder(origin, "tester", replace=replace, guard=ANYTHING_GOES)
    return importer.import_file(written(folder, rows), order)


def everything(store: CustomerStore) -> list[object]:
    ids = list(store.ids(CustomerQuery()))
    kept = [(store.get(of), store.entries_of(of), list(store.past_sites_of(of)), store.former_ids(of)) for of in ids]
    return [ids, kept, list(store.sites())]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ORIGINS, LISTS, st.booleans()), min_size=1, max_size=4))
def test_importing_again_changes_nothing_and_both_stores_agree(
    imports: list[tuple[str, list[dict[str, str]], bool]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(customers_file(folder / "customers.sqlite")) as record:
            sqlite, memory = SqliteCustomerStore(record), MemoryCustomerStore()
            for origin, rows, replace in imports:
                results = [importing(store, folder, rows, origin, replace=replace) for store in (sqlite, memory)]
                assert results[0] == results[1]
                assert everything(sqlite) == everything(memory)
            before = everything(sqlite)
            again = importing(sqlite, folder, rows, origin, replace=replace)
            assert everything(sqlite) == before
            found = again.difference
            assert (found.added, found.changed, found.ended, found.sites_added, found.sites_changed) == (0, 0, 0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ORIGINS, LISTS, st.booleans()), min_size=1, max_size=3))
def test_every_chain_of_resellers_ends_and_names_nobody_twice(
    imports: list[tuple[str, list[dict[str, str]], bool]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        store, folder = MemoryCustomerStore(), Path(name)
        for origin, rows, replace in imports:
            importing(store, folder, rows, origin, replace=replace)
        register = Register(store)
        for customer in store.find(CustomerQuery()):
            chain = [customer.id, *(above.id for above in register.resellers_above(customer))]
            assert len(set(chain)) == len(chain)
            below = [one.id for one in register.customers_below(customer.id)]
            assert len(set(below)) == len(below)
            assert customer.id not in below
