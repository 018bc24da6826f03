"""After a customer was forgotten no byte of its id, path or address is in log or state; verification is unchanged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from goodhoster.adapters.stores.alerts import SqliteAlertQueue
from goodhoster.assembly.audit import verify_audit_log
from goodhoster.assembly.reports.maker import ReportMaker
from goodhoster.assembly.reports.outcomes import check_outcomes
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lists_directory
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.own_lists import ListImportOrder
from goodhoster.model.alerts import Alert, AlertKind
from goodhoster.model.attempts import Attempt
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.customers.register import Contact
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import Decided, DecisionVerb, ItemState, Notice, NoticeItem, NoticeState, Receipt
from goodhoster.model.notices import Carrier, NoticeFormat, ReadItem, ReadNotice
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Category
from goodhoster.reports.periods import Period, month_before
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
                ListImportOrder([self.folder / "list.txt"], "demo", Category.ILLEGAL, None, replace=True), "a test"
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
            services.toolkit.restore([held, answer.reference], Order("eve", f"{self.customer} is not a storm"))
            self.report(services, restored)
            services.customers.personal_data.note_access(self.customer, "eve", "show")
            outbox = services.notices.outbox
            outbox.put(Letter("20260101-a", LetterKind.STATEMENT, self.address, "about", f"{self.tree}/{self.file}"))
            outbox.deliver(Taking())
            self.alert(Alert("k", AlertKind.ALARM, self.customer, f"{self.customer} is braked", "", datetime.now(UTC)))
            imported(services.customers.store, [BOB], replace=True)
        return restored, kept

    def report(self, services: Services, case: str) -> None:
        """Two notices about a URL that names the customer, one of which came back; one about another, not done yet."""
        here, other = f"https://www.{self.customer}.example/{self.file}", f"http://shop.{self.customer}.example/"
        services.notices.store.add(self.notice("N1", here, case, reopened=1))
        services.notices.store.add(self.notice("N2", here, case))
        services.notices.store.add(replace(self.notice("N3", other, ""), state=NoticeState.OPEN))
        about = {"notice": "N1", "url": here, "seen": f"https {self.customer} answers"}
        for kind in ("item.inaccessible", "item.reopened", "item.inaccessible"):
            services.audit.append(AuditEvent(kind, {**about, "found_at": f"{here}/again"}))
        services.audit.append(AuditEvent("block.lifted", {"url": here}))
        services.audit.append(AuditEvent("notice.confirmed", {"notice": "N1", "reason": f"{self.customer} again"}))
        services.audit.append(AuditEvent("item.inaccessible", {"notice": "N2", "url": "https://bob.example/b"}))

    def notice(self, notice_id: str, url: str, case: str, reopened: int = 0) -> Notice:
        """A notice about a file of the customer, at a host that names it."""
        place = Place(os.fsencode(self.tree), f"{self.customer}/{self.file}".encode())
        now = datetime.now(UTC)
        cases = (case,) if case else ()
        item = NoticeItem(ReadItem((url,), note=self.file), url, ItemState.INACCESSIBLE, self.customer, place, cases)
        item = replace(item, reason=self.file, gone_at=now, reopened=reopened, found_at=(f"{url}/again",))
        read = ReadNotice(NoticeFormat.URL_LIST, subject=f"about {self.customer}")
        receipt = Receipt(notice_id, now - timedelta(hours=30), Carrier.MAIL, b"")
        decided = Decided(DecisionVerb.CONFIRMED, "eve", f"{self.customer} again", now, done=True)
        return Notice(receipt, NoticeState.DONE, read, items=(item,), stopped_at=now, decided=decided)

    def norm(self, *, domains: bool = True) -> dict[str, object]:
        """The figures of the mirror, but for the names of the groups, and who each customer was."""
        with self.services() as services:
            data = dict(ReportMaker(services, Period()).make("norm").data)
            by = cast("dict[str, dict[str, object]]", data.pop("by"))
            del by["customer"], data["as_of"]
            by |= {} if domains else {"domain": {}}
            groups = {name: sorted(json.dumps(each, default=dict) for each in of.values()) for name, of in by.items()}
        rounded = json.dumps([data, groups], default=str)
        return cast("dict[str, object]", json.loads(rounded))

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


@pytest.mark.slow
@settings(max_examples=3, deadline=None, phases=[Phase.generate])  # an example takes a second: none is made smaller
@given(customer=NAME, file=NAME)
def test_nothing_of_a_forgotten_customer_is_left(
    tmp_path_factory: pytest.TempPathFactory, customer: str, file: str
) -> None:
    host = Host(tmp_path_factory.mktemp("host"), customer, file)
    put_back, kept = host.live()
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
    norm, without_domains = host.norm(), host.norm(domains=False)
    runner = CliRunner()
    done = runner.invoke(app, ["customers", "forget", customer, "--reason", "asked", "--config", str(host.config)])
    assert (done.exit_code, kept in done.stdout, "N3" in done.stdout) == (0, True, True), (done.output, done.exception)
    assert put_back in done.stdout, "its file is online: the next check goes by what a person decided about it"
    assert host.norm(domains=False) == without_domains, "no figure changes, but for the domain, half of which is kept"
    with host.services() as services:
        urls = [item.url for name in ("N1", "N2", "N3") for item in services.notices.store.get(name).items]
        assert (urls[0], customer in urls[2]) == (urls[1], True), "what is not done keeps its URL"
        again = services.toolkit
        place = services.case_store.get(put_back).upload.place
        with again.examine(place) as examined:
            assert again.act(customer, place, examined).case in {None, services.case_store.get(put_back)}
        assert (host.tree / customer / host.file).exists()
        open_one = services.notices.store.get("N3")
        services.notices.store.replace(replace(open_one, state=NoticeState.DONE), expected=NoticeState.OPEN)
        case = services.case_store.get(kept)
        assert case.upload.customer == customer  # its file lies in quarantine: it must be possible to put it back
        services.toolkit.restore([kept], Order("eve", "the contract has ended"))
        for name in (host.file, f"other-{host.file}", f"third-{host.file}"):
            (host.tree / customer / name).unlink()
    done = runner.invoke(app, ["customers", "forget", customer, "--reason", "asked", "--config", str(host.config)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert host.named_in() == []
    assert host.norm() == norm, "no figure changes"
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
