"""What the record of customers says in the reports on conduct and transparency."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goodhoster.assembly.reports.maker import ReportMaker
from goodhoster.assembly.services import Services
from goodhoster.customers.vetting.desk import Checked
from goodhoster.model.cases import Order
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState, Rung, Step, StepState
from goodhoster.model.customers.vetting import CheckOutcome, VettingEvidenceKind
from goodhoster.reports.periods import Period
from goodhoster.settings import load
from goodhoster.testing.suites.customer_store import imported
from tests.unit.reports.test_reports_of_a_machine import CONFIGURATION

NOW = datetime.now(UTC)
PAID = Checked(VettingEvidenceKind.PAYMENT_METHOD, CheckOutcome.PASSED, "invoice")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    (tmp_path / "customers").mkdir()
    (tmp_path / "rules.toml").write_text('mode = "enforce"\n')
    file = tmp_path / "goodhoster.toml"
    more = '[house_rules]\nfile = "rules.toml"\n[vetting]\nrequired_normal = ["payment-method"]\n'
    file.write_text(CONFIGURATION.format(tmp_path) + more)
    with Services(load(file)) as services:
        yield services


def norms(services: Services) -> dict[str, tuple[str, str]]:
    found = ReportMaker(services, Period()).make("conduct").data["norms"]
    return {norm["norm"]: (norm["standing"], norm["proof"]) for norm in found}


def complaints(services: Services, period: Period) -> list[Any]:
    data = ReportMaker(services, period).make("transparency").data
    return [row["value"] for row in data["sections"]["1.5 complaints"][:3]]


def an_appeal(number: int, state: AppealState, hours: float | None = None, days_ago: int = 10) -> Appeal:
    at = NOW - timedelta(days=days_ago)
    decided = at + timedelta(hours=hours) if hours is not None else None
    text, deadline = "it is my holiday", at + timedelta(days=14)
    return Appeal(
        f"a{number}", "anna", "case:x", AppealChannel.FORM, at, deadline, text, state=state, decided_at=decided
    )


def a_step(number: int, state: StepState, announced_days_ago: int) -> Step:
    at = NOW - timedelta(days=announced_days_ago)
    imposed = at if state is StepState.IMPOSED else None
    return Step(f"m{number}", "anna", Rung.WARN, state, ("case:x",), at, "", imposed_at=imposed)


def test_without_a_register_nothing_is_claimed(services: Services) -> None:
    assert complaints(services, Period()) == [None, None, None]
    assert {norms(services)[norm][0] for norm in ("know-customers", "agreements", "consequences")} == {"unproven"}
    assert not services.customers.in_use


def test_complaints_are_those_of_the_period(services: Services) -> None:
    store = services.customers.standing.store
    assert complaints(services, Period()) == [0, 0, None]
    store.add_appeal(an_appeal(1, AppealState.UPHELD, 10))
    store.add_appeal(an_appeal(2, AppealState.REJECTED, 30))
    store.add_appeal(an_appeal(3, AppealState.OPEN))
    store.add_appeal(an_appeal(4, AppealState.WITHDRAWN, 500))
    store.add_appeal(an_appeal(5, AppealState.UPHELD, 1, days_ago=100))
    period = Period(NOW - timedelta(days=30), NOW + timedelta(days=1), "lately")
    assert complaints(services, period) == [4, 1, 20]


def test_norms_about_customers_rest_on_their_record(services: Services) -> None:
    imported(services.customers.store, [Customer("anna"), Customer("bob"), Customer("gone", status="ended")])
    found = norms(services)
    assert found["know-customers"][0] == "unproven"  # nobody was ever checked: it is not used for that
    assert found["agreements"][1].endswith("0 of 2 abuse contacts proven to answer")
    services.customers.vetting.record("anna", PAID, Order("jan", "seen"))
    assert norms(services)["know-customers"] == (
        "falls-short",
        "1 of 2 customers are vetted: goodhoster customers vetting-due",
    )
    services.customers.vetting.record("bob", PAID, Order("jan", "seen"))
    assert norms(services)["know-customers"][0] == "met"

    services.customers.standing.store.add_step(a_step(1, StepState.IMPOSED, 40))
    services.customers.standing.store.add_step(a_step(2, StepState.WAITING, 3))
    expected = "1 steps imposed in this period, 1 wait for a person"
    assert norms(services)["consequences"] == ("met", expected)
    services.customers.standing.store.add_step(a_step(3, StepState.WAITING, 40))
    assert norms(services)["consequences"][0] == "falls-short"
