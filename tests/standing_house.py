"""A hoster for tests of standing: real desks, stores, outbox and audit log; clock, panel and contacts for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from goodhoster.adapters.mailers.memory import MemoryMailer
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.customers.standing import SqliteStandingStore
from goodhoster.adapters.stores.customers.suspensions import SqliteSuspensionStore
from goodhoster.adapters.stores.memory import MemoryCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.register import Register
from goodhoster.customers.standing.appeals import AppealDesk, AppealParts
from goodhoster.customers.standing.desk import StandingDesk, StandingParts
from goodhoster.customers.standing.facts import CaseFacts
from goodhoster.customers.standing.gates import GateParts, UploadGates
from goodhoster.errors import PassingError
from goodhoster.letters.customer_letters import CustomerLetters, LetterParts, Recipient
from goodhoster.letters.list_owners.reports import ListOwnerReports
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.observed_time import TimeReading
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState, Order
from goodhoster.model.customers.gates import GateAnswer, GateFinding
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.register import Customer, RegisterImport, Service
from goodhoster.model.customers.standing import Rung, Step
from goodhoster.model.customers.suspensions import SuspensionState
from goodhoster.model.digests import Algorithm
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match
from goodhoster.ports.standing import ContactFinding, MeasureSeen
from goodhoster.testing.suites.hash_source import made_up

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANNA = Order("anna", "looked into it")


class Time:
    """The clocks of one machine, moved by tests."""

    def __init__(self) -> None:
        self.real = 0.0
        """Seconds that really passed."""
        self.set_by = timedelta(0)
        """How far the system's clock was set."""

    def __call__(self) -> datetime:
        return BEGIN + timedelta(seconds=self.real) + self.set_by

    def reading(self) -> TimeReading:
        return TimeReading("boot", self.real, self().timestamp())

    def pass_(self, **time: float) -> None:
        self.real += timedelta(**time).total_seconds()


@dataclass
class Panel:
    """What suspends customers: answers by itself, or is away."""

    suspended: set[tuple[str, Rung]] = field(default_factory=set)
    away: str = ""

    def suspend(self, step: Step, order: Order) -> MeasureSeen:
        return self._do(lambda: self.suspended.add((step.customer, step.rung)), "suspended, seen", order)

    def lift(self, step: Step, order: Order) -> MeasureSeen:
        return self._do(lambda: self.suspended.discard((step.customer, step.rung)), "back, seen", order)

    def _do(self, act: Callable[[], None], seen: str, order: Order) -> MeasureSeen:
        assert order.reason
        if self.away:
            return MeasureSeen(done=False, detail=self.away)
        act()
        return MeasureSeen(done=True, detail=seen)


class Providers:
    """Vetting, contacts and relay; any may be away."""

    def __init__(self) -> None:
        self.down = False
        self.no_contact: set[str] = set()
        self.unvetted: set[str] = set()
        self.relay: dict[str, datetime] = {}

    def vetting_of(self, customer: str) -> GateFinding:
        self._up()
        return GateFinding(GateAnswer.NO if customer in self.unvetted else GateAnswer.YES, "by the papers")

    def contact_of(self, customer: str) -> ContactFinding:
        self._up()
        known = customer not in self.no_contact
        answer = GateAnswer.YES if known else GateAnswer.NO
        return ContactFinding(GateFinding(answer, "by token mail"), timedelta(hours=2) if known else None)

    def address_of(self, customer: str) -> str:
        return "" if customer in self.no_contact else f"abuse@{customer}.example"

    def last_used(self, customer: str) -> datetime | None:
        self._up()
        return self.relay.get(customer)

    def _up(self) -> None:
        if self.down:
            raise PassingError("the provider is down")


class House:
    """One hoster."""

    def __init__(self, directory: Path, rules: CustomerRules, customers: Iterable[Customer] = ()) -> None:
        self.directory = directory
        self.time = Time()
        self.rules = rules
        self.record = customers_file(directory / "customers.sqlite")
        # The disk of a test need not survive a power cut, and a year has many writes.
        self.record.rows("PRAGMA synchronous = OFF")
        self.store = SqliteStandingStore(self.record)
        self.suspensions = SqliteSuspensionStore(self.record)
        self.cases = MemoryCaseStore()
        self.panel, self.providers, self.mailer = Panel(), Providers(), MemoryMailer()
        self.audit = FileAuditLog(directory / "audit.log", self.time)
        self.outbox = Outbox(directory / "letters", self.time, 1000)
        self.reports = ListOwnerReports(directory / "reports", self.time)
        self.confidential: set[str] = set()
        self.told_by_notice: set[str] = set()
        self.in_storms: set[str] = set()
        self._numbers = count(1)
        self.register = Register(self._registered(customers))
        facts = CaseFacts(self.cases, self.store, lambda: frozenset(self.in_storms), lambda _: "site.example")
        self.letters = CustomerLetters(
            LetterParts(
                outbox=self.outbox,
                store=self.store,
                head=Letterhead("Hoster", "abuse@hoster.example", "en", rules.statement, rules.appeals.months),
                rules=rules,
                recipient=lambda customer: Recipient(self.providers.address_of(customer), self._language(customer)),
                case=self.cases.get,
                told_by_notice=lambda case: case.id in self.told_by_notice,
                confidential=lambda subject: subject in self.confidential,
                clock=self.time,
            )
        )
        self.desk = StandingDesk(
            StandingParts(
                store=self.store,
                register=self.register,
                facts=facts,
                measures=self.panel,
                letters=self.letters,
                audit=self.audit,
                lock=FileLock(directory / "standing.lock"),
                clock=self.time,
                read_time=self.time.reading,
            ),
            rules,
        )
        self.appeals = AppealDesk(
            AppealParts(
                store=self.store,
                cases=self.cases,
                steps=self.desk,
                letters=self.letters,
                audit=self.audit,
                lock=FileLock(directory / "appeals.lock"),
                clock=self.time,
                rules=rules.appeals,
                restore=self.restore,
                suspension=self.suspensions.get,
                lift=self.lift,
                tell_owners=lambda case: self.reports.queue_mistake_reports(case.matches, case.digests),
            )
        )
        self.gates = UploadGates(
            GateParts(self.register, self.store, self.providers, self.providers, self.providers, self.audit, self.time),
            rules,
        )

    def _registered(self, customers: Iterable[Customer]) -> SqliteCustomerStore:
        store = SqliteCustomerStore(self.record)
        with store.stage("test") as staged:
            for one in customers:
                staged.add(one)
            staged.difference(replace=False)
            staged.apply(RegisterImport("test", self.time(), "anna", "test", 0, 0))
        return store

    def _language(self, customer: str) -> str:
        known = self.register.store.known(customer)
        return known.language if known else ""

    def offline(self, customer: str, *, notifier: str = "", source: str = "police") -> Case:
        """A new case of that customer: known material that went offline by itself."""
        return self.case(customer, CaseState.OFFLINE, notifier=notifier, source=source)

    def case(self, customer: str, state: CaseState, *, notifier: str = "", source: str = "police") -> Case:
        number = next(self._numbers)
        self.time.pass_(minutes=1)
        place = Place(b"/srv", f"{customer}/{number}.jpg".encode())
        case = Case(
            id=f"k{number}",
            state=state,
            upload=Upload(place, customer, FileState(1, number, 1, 1, 1)),
            digests=made_up(str(number)).digests,
            matches=() if notifier else (Match(source, Algorithm.SHA1, Category.BASELINE, 0),),
            opened_at=self.time(),
            measures=(Measure(MeasureKind.QUARANTINE, MeasureState.DONE),),
            notice="n1" if notifier else "",
            notifier=notifier,
        )
        self.cases.add(case)
        return case

    def restore(self, case_ids: Sequence[str], order: Order) -> Mapping[str, str]:
        for case_id in case_ids:
            case = self.cases.get(case_id)
            restored = replace(case, state=CaseState.RESTORED, actor=order.actor, reason=order.reason)
            self.cases.replace(replace(restored, closed_at=self.time()), expected=case.state)
        return {}

    def lift(self, suspension_id: str, order: Order) -> str:
        """Lift a suspension; the panel may be away."""
        if self.panel.away:
            return self.panel.away
        found = self.suspensions.get(suspension_id)
        lifted = replace(
            found,
            state=SuspensionState.LIFTED,
            lift_reason=order.reason,
            lift_actor=order.actor,
            closed_at=self.time(),
        )
        self.suspensions.replace(lifted, expected=found.state)
        return ""

    def deliver(self) -> None:
        """Let the mail server take what waits."""
        self.outbox.deliver(self.mailer)

    def day(self, customer: str, days: int = 1) -> None:
        """So many days, with the mail and a review each day."""
        for _ in range(days):
            self.time.pass_(days=1)
            self.deliver()
            self.desk.review(customer)

    def events(self) -> list[str]:
        """The audit log, by kinds."""
        return [entry.event.kind for entry in self.audit.entries()]

    def close(self) -> None:
        self.record.close()


def customer(name: str, *, reseller: str = "", inspectable: bool = True, language: str = "nl") -> Customer:
    services = (Service("s", inspectable=inspectable),)
    return Customer(name, name.title(), reseller=reseller, language=language, services=services)
