"""An answer that contradicts itself, is a test's, or is about somebody else says nothing: unchecked."""

import json
from datetime import UTC, datetime

import pytest

from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import MappedProvider, ProviderAccount, SessionReport
from goodhoster.adapters.identity.requests import read_object
from goodhoster.adapters.identity.vendors import Onfido, StripeIdentity, Sumsub, Veriff
from goodhoster.errors import UnreadableError
from goodhoster.model.customers.vetting import CheckOutcome

Answer = dict[str, object]
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def provider(make: type[MappedProvider], token: str = "secret", app_id: str = "prd:app") -> MappedProvider:  # noqa: S107
    return make(ProviderAccount("vendor", "https://vendor.example", "secret", token, app_id), lambda: NOW)


def stripe_event(kind: str = "verified", session: Answer | None = None, **more: object) -> Answer:
    about = {"id": "vs_1", "status": "verified", "last_error": None, "livemode": True, **(session or {})}
    whole: Answer = {"id": "evt_1", "created": 1793620800, "livemode": True, "data": {"object": about}}
    return {**whole, "type": f"identity.verification_session.{kind}", **more}


def veriff(**more: object) -> Answer:
    about = {"id": "v", "status": "approved", "code": 9001, "reason": None, "reasonCode": None, **more}
    return {"status": "success", "verification": about}


def onfido(**more: object) -> Answer:
    return {"id": "o", "status": "complete", "result": "clear", "sandbox": False, "paused": False, **more}


def sumsub(result: Answer | None = None, **more: object) -> Answer:
    about = {"reviewAnswer": "GREEN", **(result or {})}
    whole: Answer = {"applicantId": "a", "type": "applicantReviewed", "sandboxMode": False}
    return {**whole, "reviewStatus": "completed", "reviewResult": about, **more}


def neutral(**more: object) -> Answer:
    return {"session": "s", "outcome": "passed", "at": NOW.isoformat(), **more}


def test_what_is_whole_and_true_passes() -> None:
    for told in (
        provider(StripeIdentity).read_message(stripe_event()),
        provider(Veriff).read_answer(veriff()),
        provider(Onfido).read_answer(onfido()),
        provider(Sumsub).read_message(sumsub()),
        provider(NeutralProvider).read_answer(neutral(test=False)),
    ):
        assert told.outcome is CheckOutcome.PASSED


@pytest.mark.parametrize(
    "message",
    [
        stripe_event(livemode=False),
        stripe_event(livemode="false"),
        stripe_event(session={"livemode": False}),
        stripe_event("requires_input"),
        stripe_event("redacted"),
        stripe_event(session={"last_error": {"code": "document_expired"}}),
    ],
)
def test_stripe(message: Answer) -> None:
    told = provider(StripeIdentity).read_message(message)

    assert (told.reference, told.outcome) == ("vs_1", CheckOutcome.UNCHECKED)
    assert told.reason


@pytest.mark.parametrize(
    "answer",
    [
        veriff(code=9102),
        veriff(code=9103),
        veriff(code="9102"),
        veriff(code=None),
        veriff(reasonCode=102),
        veriff(reason="Suspected document tampering"),
        veriff(status="declined"),
        veriff(status="resubmission_requested", code=9102),
        {**veriff(), "status": "fail"},
    ],
)
def test_veriff(answer: Answer) -> None:
    assert provider(Veriff).read_answer(answer).outcome is CheckOutcome.UNCHECKED


def test_a_code_of_veriff_that_is_not_known_leaves_a_refusal_a_refusal() -> None:
    for code in (9102, 9199):
        assert provider(Veriff).read_answer(veriff(status="declined", code=code)).outcome is CheckOutcome.FAILED


@pytest.mark.parametrize(
    "answer",
    [onfido(sandbox=True), onfido(sandbox="true"), onfido(paused=True), onfido(status="odd"), onfido(result="odd")],
)
def test_onfido(answer: Answer) -> None:
    assert provider(Onfido).read_answer(answer).outcome is CheckOutcome.UNCHECKED


def test_a_message_of_onfido_names_one_check() -> None:
    about: Answer = {"id": "o", "completed_at_iso8601": NOW.isoformat()}
    message: Answer = {"payload": {"resource_type": "check", "object": about, "resource": {"id": "another"}}}

    with pytest.raises(UnreadableError, match="two checks"):
        provider(Onfido).read_message(message)


@pytest.mark.parametrize(
    "message",
    [
        sumsub(sandboxMode=True),
        sumsub(sandboxMode="true"),
        sumsub({"rejectLabels": ["FORGERY"]}),
        sumsub({"reviewRejectType": "FINAL"}),
        sumsub(type="applicantActionReviewed"),
        sumsub(type="applicantDeleted"),
        sumsub(type="applicantReset"),
        sumsub(id="another"),
        sumsub(review={"reviewStatus": "completed", "reviewResult": {"reviewAnswer": "RED"}}),
    ],
)
def test_sumsub(message: Answer) -> None:
    assert provider(Sumsub).read_message(message).outcome is CheckOutcome.UNCHECKED


@pytest.mark.parametrize("mark", [True, "true", 1, None])
def test_neutral(mark: object) -> None:
    assert provider(NeutralProvider).read_answer(neutral(test=mark)).outcome is CheckOutcome.UNCHECKED


def test_an_account_for_tests_checks_nobody() -> None:
    review: Answer = {"id": "a", "review": {"reviewStatus": "completed", "reviewResult": {"reviewAnswer": "GREEN"}}}
    session: Answer = {"id": "vs_1", "status": "verified"}
    told: tuple[SessionReport, ...] = (
        provider(Sumsub, app_id="sbx:app").read_answer(review),
        provider(StripeIdentity, "sk_test_1").read_answer(session),
        provider(StripeIdentity, "rk_test_1").read_answer(session),
        provider(Onfido, "api_sandbox.1").read_answer(onfido()),
        provider(Onfido, "api_sandbox_eu.1").read_answer(onfido()),
    )

    assert [(each.outcome, each.reason) for each in told] == [(CheckOutcome.UNCHECKED, "test-mode")] * len(told)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "declined", "status": "approved"}',
        b'{"verification": {"status": "declined", "status": "approved"}}',
    ],
)
def test_a_key_that_stands_twice_is_not_read(body: bytes) -> None:
    assert json.loads(body)

    with pytest.raises(UnreadableError, match="twice"):
        read_object(body)


FULL_STRIPE: Answer = {
    "last_verification_report": {"document": {"status": "verified", "error": None, "issued_date": {"year": 2020}}},
    "metadata": {"reason": "new customer"},
    "redaction": None,
}
FULL_SUMSUB: Answer = {
    "createdAtMs": NOW.isoformat(),
    "levelName": "id-only",
    "metadata": [{"key": "reason", "value": "new customer"}],
    "reviewResult": {"reviewAnswer": "GREEN", "rejectLabels": [], "moderationComment": "", "buttonIds": []},
}
FULL_VERIFF: Answer = {
    "riskLabels": [],
    "highRisk": False,
    "comments": [],
    "document": {"type": "PASSPORT", "validFrom": "2020-01-01", "placeOfIssue": "Utrecht", "dateOfIssue": "2020-01-01"},
}
REASONS: list[Answer] = [
    {"reason": "document_forged"},
    {"reason": ["document_forged"]},
    {"reason": {"code": "document_forged"}},
    {"reason": 102},
    {"reason": True},
    {"reasons": ["document_forged"]},
    {"reason_code": "document_forged"},
    {"Reason": "document_forged"},
    {"details": {"rejection": {"code": 3}}},
    {"rejectLabels": ["FORGERY"]},
    {"reviewRejectType": "FINAL"},
    {"last_error": {"code": "document_expired"}},
    {"errors": [{"message": "face does not match"}]},
    {"warnings": ["blurred"]},
    {"failure": "selfie"},
    {"declined_because": "age"},
    {"moderationComment": "We could not verify your profile"},
    {"riskLabels": [{"label": "document_used_before"}]},
    {"fraud_signals": ["replay"]},
    {"reports": [{"result": "clear"}, {"result": "consider"}]},
    {"breakdown": {"visual_authenticity": {"result": "clear", "sub_result": "suspected"}}},
    {"checks": [{"document": {"status": "unverified"}}]},
]


@pytest.mark.parametrize("more", REASONS, ids=json.dumps)
def test_a_pass_with_reasons_to_refuse_is_unchecked_in_every_adapter(more: Answer) -> None:
    pair = provider(NeutralProvider), provider(Veriff)
    told = [
        pair[0].report_of_answer(neutral(**more)),
        pair[0].report_of_message(neutral(event="e", **more)),
        pair[1].report_of_answer(veriff(**more)),
        provider(StripeIdentity).report_of_message(stripe_event(session=more)),
        provider(StripeIdentity).report_of_answer({"id": "vs_1", "status": "verified", **more}),
        provider(Onfido).report_of_answer(onfido(**more)),
        provider(Sumsub).report_of_message(sumsub(more)),
        provider(Sumsub).report_of_message({**sumsub(), **more}),
    ]

    assert {(each.outcome, each.reason) for each in told} == {(CheckOutcome.UNCHECKED, "contradictory")}


@pytest.mark.parametrize("empty", [None, "", " ", [], {}, False, 0, {"code": None}, [""]])
def test_an_empty_reason_is_none(empty: object) -> None:
    assert provider(NeutralProvider).report_of_answer(neutral(reason=empty)).outcome is CheckOutcome.PASSED


def test_a_full_answer_without_reasons_passes() -> None:
    for told in (
        provider(StripeIdentity).report_of_message(stripe_event(session=FULL_STRIPE)),
        provider(Veriff).report_of_answer(veriff(**FULL_VERIFF)),
        provider(Onfido).report_of_answer(onfido(tags=[], report_ids=["r1"], reports=[{"result": "clear"}])),
        provider(Sumsub).report_of_message({**sumsub(), **FULL_SUMSUB}),
        provider(NeutralProvider).report_of_answer(neutral(document_type="passport", reason="", test=False)),
    ):
        assert told.outcome is CheckOutcome.PASSED


def test_a_refusal_keeps_its_reason() -> None:
    told = provider(NeutralProvider).report_of_answer(neutral(outcome="failed", reason="document_forged"))

    assert (told.outcome, told.reason) == (CheckOutcome.FAILED, "document_forged")
