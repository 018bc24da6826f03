"""The gate asks, answers with its reasons, and does not fill the audit log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.model.customers.gates import GateAnswer
from goodhoster.model.customers.house_rules import CustomerRules
from tests.standing_house import House, customer


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, CustomerRules(enforce=True), [customer("bob"), customer("eve", inspectable=False)])
    yield made
    made.close()


def test_a_provider_that_is_down_is_unchecked_and_never_yes(house: House) -> None:
    assert house.gates.may_upload("bob").answer is GateAnswer.YES
    house.providers.down = True
    found = house.gates.may_upload("bob")
    assert found.answer is GateAnswer.UNCHECKED
    assert "identity: the provider is down" in found.reasons


def test_a_customer_whose_servers_we_cannot_look_into_must_have_used_the_relay(house: House) -> None:
    assert house.gates.may_upload("eve").answer is GateAnswer.NO
    house.providers.relay["eve"] = house.time()
    assert house.gates.may_upload("eve").answer is GateAnswer.YES
    house.time.pass_(days=8)
    assert house.gates.may_upload("eve").answer is GateAnswer.NO


def test_a_customer_nobody_knows_is_unchecked(house: House) -> None:
    assert house.gates.may_upload("nobody").answer is GateAnswer.UNCHECKED


def test_being_asked_does_not_let_the_log_grow(house: House) -> None:
    for number in range(200):
        house.gates.may_upload("bob")
        house.gates.may_upload(f"made-up-{number}")
    assert house.events() == ["gate.answered", "gate.answered"]


def test_an_answer_that_flaps_is_logged_a_few_times_a_day(house: House) -> None:
    for number in range(100):
        house.providers.down = bool(number % 2)
        house.gates.may_upload("bob")
    assert len(house.events()) == 4
    house.time.pass_(days=1)
    house.gates.may_upload("bob")
    assert len(house.events()) == 5
