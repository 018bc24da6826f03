"""What a person names is one thing that a panel suspends, or is refused."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.importing.importer import RegisterImporter, RegisterImportOrder
from goodhoster.customers.importing.panel_rows import billing_rows, panel_rows
from goodhoster.customers.importing.rows import ListReport
from goodhoster.customers.register import Register
from goodhoster.customers.suspension.targets import FoundTarget, target_of
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.customers.panels import BillingClient, PanelAccount, PanelSite, SuspensionTarget

PANELS = ("Web1", "web2")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        store = SqliteCustomerStore(record)
        log = FileAuditLog(tmp_path / "audit.log")
        importer = RegisterImporter(store, log, FileLock(tmp_path / "lock"), lambda: datetime(2026, 1, 1, tzinfo=UTC))
        anna = PanelAccount(
            "anna", suspended=False, sites=(PanelSite("anna.example", b"/home/anna", ("www.anna.example",)),)
        )
        for name, account in (("Web1", anna), ("web2", PanelAccount("bob", suspended=True))):
            rows = panel_rows(name, [account], report := ListReport())
            importer.import_rows(rows, RegisterImportOrder(name, "carla", replace=True), report, name=name)
        clients = billing_rows("billing", [BillingClient("7", "Dora")])
        importer.import_rows(
            clients, RegisterImportOrder("billing", "carla", replace=True), ListReport(), name="billing"
        )
        yield Register(store)


def test_a_site_is_found_by_its_host(register: Register) -> None:
    expected = FoundTarget("Web1", SuspensionTarget("anna", "anna.example"), "anna")
    assert target_of("anna.example", register, PANELS) == expected


def test_a_customer_is_found_by_its_id_whatever_the_case_of_the_panels_name(register: Register) -> None:
    assert target_of("anna", register, PANELS) == FoundTarget("Web1", SuspensionTarget("anna"), "anna")


def test_an_unknown_name_is_an_account_of_the_named_panel(register: Register) -> None:
    assert target_of("zed", register, PANELS, "web2") == FoundTarget("web2", SuspensionTarget("zed"))


def test_the_number_of_a_client_is_never_taken_for_a_service(register: Register) -> None:
    with pytest.raises(RefusedError):
        target_of("billing-7", register, PANELS)


def test_what_nobody_knows_is_refused(register: Register) -> None:
    with pytest.raises(RefusedError):
        target_of("nobody.example", register, PANELS)
