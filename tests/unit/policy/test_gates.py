"""The gate of uploads: unknown never passes, and a no is a no whatever else is unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.model.customers.gates import GateAnswer, GateFacts, GateFinding
from goodhoster.model.customers.house_rules import CustomerRules, UploadGate
from goodhoster.policy.gates import may_upload

NOW = datetime(2026, 7, 1, tzinfo=UTC)
YES = GateFinding(GateAnswer.YES, "proven")
GOOD = GateFacts(vetting=YES, contact=YES, answered_within=timedelta(hours=3), inspectable=True)
RULES = CustomerRules(enforce=True)


def test_a_customer_who_keeps_everything_may() -> None:
    assert may_upload(GOOD, RULES, NOW).answer is GateAnswer.YES


def test_of_whom_nothing_is_known_is_unchecked() -> None:
    found = may_upload(GateFacts(), RULES, NOW)
    assert found.answer is GateAnswer.UNCHECKED
    assert len(found.reasons) == 4


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        (replace(GOOD, vetting=GateFinding(GateAnswer.UNCHECKED, "the provider is down")), GateAnswer.UNCHECKED),
        (replace(GOOD, vetting=GateFinding(GateAnswer.NO, "the document expired")), GateAnswer.NO),
        (replace(GOOD, contact=GateFinding(GateAnswer.NO, "it bounced")), GateAnswer.NO),
        (replace(GOOD, inspectable=None), GateAnswer.UNCHECKED),
        (replace(GOOD, inspectable=False), GateAnswer.NO),
        (replace(GOOD, inspectable=False, relay_known=False), GateAnswer.UNCHECKED),
        (replace(GOOD, inspectable=False, relay_used_at=NOW - timedelta(days=7)), GateAnswer.YES),
        (replace(GOOD, inspectable=False, relay_used_at=NOW - timedelta(days=7, seconds=1)), GateAnswer.NO),
        (replace(GOOD, answered_within=timedelta(hours=48)), GateAnswer.YES),
        (replace(GOOD, answered_within=timedelta(hours=49)), GateAnswer.NO),
        (replace(GOOD, answered_within=None), GateAnswer.UNCHECKED),
        (replace(GOOD, answered_within=None, contact_silent=True), GateAnswer.NO),
        (replace(GOOD, restricted="measure s1: uploads are restricted"), GateAnswer.NO),
        (replace(GOOD, ended="the contract has ended"), GateAnswer.NO),
        (GateFacts(restricted="measure s1: uploads are restricted"), GateAnswer.NO),
    ],
)
def test_each_condition_has_its_answer_and_reason(changed: GateFacts, answer: GateAnswer) -> None:
    found = may_upload(changed, RULES, NOW)
    assert found.answer is answer
    assert bool(found.reasons) is (answer is not GateAnswer.YES)


def test_mode_observe_answers_yes_and_says_what_it_would_be() -> None:
    found = may_upload(replace(GOOD, inspectable=False), CustomerRules(), NOW)
    assert (found.answer, found.observed) == (GateAnswer.YES, GateAnswer.NO)
    assert found.reasons == ("hash check: our relay was never used",)


def test_what_the_house_does_not_ask_is_not_asked() -> None:
    nothing = UploadGate(vetted=False, hash_check_within=None, contact_proven=False, contact_answers_within=None)
    assert may_upload(GateFacts(), replace(RULES, upload=nothing), NOW).answer is GateAnswer.YES
