"""After a customer was forgotten no byte of its id, path or address is in log or state; verification is unchanged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from goodhoster.adapters.stores.alerts import SqliteAlertQueue
from goodhoster.assembly.audit import verify_audit_log
from goodhoster.assembly.reports import ReportMaker, check_outcomes
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lists_directory
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.own_lists import ImportOrder
from goodhoster.model.alerts import Alert, AlertKind
from goodhoster.model.attempts import Attempt
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.customers.register import Contact
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState, Receipt
from goodhoster.model.notices import Carrier, ReadItem
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Category
from goodhoster.reports.periods import month_before
from goodhoster.settings import load
from goodhoster.testing.suites.customer_store import ANNA, BOB, imported
from goodhoster.uploads.rows import Arrival, Priority
from goodhoster_agent.cli import app

CONFIGURATION = """
[agent]
state_dir = "{0}/state"
[[watch]]
path = "{0}/customers"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
measures_per_hour = 2
source_measures_per_hour = 100
storm_customers = 100
"""
NAME = st.text("ghijklmnopqrstuvwxyz", min_size=9, max_size=14)
"""Found only where it was written: long, and no hexadecimal digits."""


def known(name: str) -> bytes:
    """A content of its own that is on the list."""
    return b"\x89PNG\r\n\x1a\n made up, and on the list: " + hashlib.sha256(name.encode()).digest()


class Host:
    """A host with one customer of whom much is held, and another."""

    def __init__(self, folder: Path, customer: str, file: str) -> None:
        self.folder, self.customer, self.file = folder, customer, f"{file}.png"
        self.address = f"{file}@{customer}.example"
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.config = folder / "goodhoster.toml"
        self.config.write_text(CONFIGURATION.format(folder))
        self.settings = load(self.config)
        names = (self.file, "b.png", f"other-{self.file}", f"third-{self.file}", "an attempt")
        digests = (hashlib.sha256(known(name)).hexdigest() for name in names)
        (folder / "list.txt").write_text("\n".join(digests))

    @contextmanager
    def services(self) -> Iterator[Services]:
        with Services(self.settings) as services:
            yield services

    def upload(self, services: Services, customer: str, name: str) -> str:
        path = self.tree / customer / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(known(name))
        place = Place(os.fsencode(self.tree), f"{customer}/{name}".encode())
        services.index.expect([Arrival(place, customer, 0.0, Priority.FRESH)], 0.0)
        with services.toolkit.examine(place) as examined:
            case = services.toolkit.act(customer, place, examined).case
        assert case
        return case.id

    def live(self) -> tuple[str, str]:
        """Everything that happens; returns a case that ended and one whose file lies in quarantine."""
        with self.services() as services:
            lists = RecordedLists(lists_directory(self.settings), services.audit)
            lists.import_files(
                ImportOrder([self.folder / "list.txt"], "demo", Category.ILLEGAL, None, replace=True), "a test"
            )
            anna = replace(ANNA, id=self.customer, contacts=(Contact("email", self.address, "abuse"),))
            imported(services.customers.store, [anna, BOB])
            restored = self.upload(services, self.customer, self.file)
            services.toolkit.restore([restored], Order("eve", f"{self.customer} is a family"))
            self.upload(services, "bob", "b.png")
            kept = self.upload(services, self.customer, f"other-{self.file}")
            held = self.upload(services, self.customer, f"third-{self.file}")  # a storm: the cap of the customer
            assert services.case_store.get(held).state is CaseState.HELD
            answer = services.attempts.check(
                known("an attempt"), Attempt(self.customer, "wordpress", self.file, "api", self.address)
            )
            services.toolkit.restore([held, answer.reference], Order("eve", f"{self.customer} is no storm"))
            services.notices.store.add(self.notice(restored))
            services.customers.personal_data.note_access(self.customer, "eve", "show")
            outbox = services.notices.outbox
            outbox.put(Letter("20260101-a", LetterKind.STATEMENT, self.address, "about", f"{self.tree}/{self.file}"))
            outbox.deliver(Taking())
            self.alert(Alert("k", AlertKind.ALARM, self.customer, f"{self.customer} is braked", "", datetime.now(UTC)))
            imported(services.customers.store, [BOB], replace=True)
        return restored, kept

    def notice(self, case: str) -> Notice:
        """A notice about a file of the customer, at a host that does not name it."""
        url, place = "https://site.example/a", Place(os.fsencode(self.tree), f"{self.customer}/{self.file}".encode())
        item = NoticeItem(
            ReadItem((url,)), url, ItemState.INACCESSIBLE, self.customer, place, (case,), reason=self.file
        )
        return Notice(Receipt("N1", datetime.now(UTC), Carrier.MAIL, b""), NoticeState.DONE, items=(item,))

    def alert(self, alert: Alert) -> None:
        queue = SqliteAlertQueue(self.settings.state_dir / "alerts.sqlite")
        queue.add(alert, [])
        queue.close()

    def named_in(self) -> list[str]:
        """The files of the state directory in which anything of the customer stands."""
        words = [word.encode() for word in (self.customer, self.file, self.address)]
        words += [word.hex().encode() for word in words]
        files = [file for file in self.settings.state_dir.rglob("*") if file.is_file()]
        assert len(files) > 10
        return [file.name for file in files if any(word in file.read_bytes() for word in words)]


class Taking:
    """A mail server that takes everything."""

    def send(self, letter: Letter) -> None:
        """Take it."""

    def close(self) -> None:
        """Nothing is open."""


@settings(max_examples=3, deadline=None, phases=[Phase.generate])  # an example takes a second: none is made smaller
@given(customer=NAME, file=NAME)
def test_nothing_of_a_forgotten_customer_is_left(
    tmp_path_factory: pytest.TempPathFactory, customer: str, file: str
) -> None:
    host = Host(tmp_path_factory.mktemp("host"), customer, file)
    _, kept = host.live()
    assert set(host.named_in()) >= {
        "record.sqlite",
        "index.sqlite",
        "customers.sqlite",
        "pseudonyms.sqlite",
        "notices.sqlite",
    }
    before = verify_audit_log(host.settings).finding
    assert before.ok
    assert customer.encode() not in (host.settings.state_dir / "audit.log").read_bytes()
    assert file.encode() not in (host.settings.state_dir / "audit.log").read_bytes()
    runner = CliRunner()
    done = runner.invoke(app, ["customers", "forget", customer, "--reason", "asked", "--config", str(host.config)])
    assert (done.exit_code, kept in done.stdout) == (0, True), (done.output, done.exception)
    with host.services() as services:
        case = services.case_store.get(kept)
        assert case.upload.customer == customer  # its file lies in quarantine: it must be possible to put it back
        services.toolkit.restore([kept], Order("eve", "the contract has ended"))
        (host.tree / customer / f"other-{host.file}").unlink()
    done = runner.invoke(app, ["customers", "forget", customer, "--reason", "asked", "--config", str(host.config)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert host.named_in() == []
    with host.services() as services:
        log = list(services.audit.entries())
        assert services.audit.verify().ok
        check = check_outcomes(services)
        assert (check.comparison.findings, check.unchecked) == ((), ())
        ReportMaker(services, month_before(datetime.now(UTC).date())).make("weekly")
    after = verify_audit_log(host.settings)
    assert after.finding.ok
    assert (after.unchecked, after.finding.entries) == ((), len(log))
    shown = runner.invoke(app, ["audit", "show", "--config", str(host.config)])
    assert shown.exit_code == 0
    assert "bob" in shown.stdout
    assert customer not in shown.stdout
