"""KvK and VIES: only an explicit answer counts, all else is unchecked."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from goodhoster.adapters.identity.company_registers import CompanyRegisterAccess, Kvk, Vies
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.testing.http_answers import HANGS, RESETS, TRUNCATED, CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
PROFILE: dict[str, object] = {
    "kvkNummer": "12345678",
    "rsin": "001234567",
    "materieleRegistratie": {"datumAanvang": "20190301"},
}


class Register(FakeServer):
    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:  # noqa: ARG002 - the fake server's
        return reply(500)


@pytest.fixture
def server() -> Iterator[Register]:
    with Register() as server:
        yield server


def answers(server: Register, status: int, body: object) -> None:
    answer = reply(status, json.dumps(body).encode())
    server.behave = lambda _: answer


def ended(on: object) -> dict[str, object]:
    return PROFILE | {"materieleRegistratie": {"datumAanvang": "20190301", "datumEinde": on}}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, PROFILE, CheckOutcome.PASSED),
        (200, ended(None), CheckOutcome.PASSED),
        (200, ended("20271231"), CheckOutcome.PASSED),
        (200, ended("20261102"), CheckOutcome.FAILED),
        (200, ended("20200000"), CheckOutcome.FAILED),  # the day is not known
        (200, ended("soon"), CheckOutcome.UNCHECKED),
        (200, ended(20200101), CheckOutcome.UNCHECKED),
        (200, PROFILE | {"kvkNummer": "87654321"}, CheckOutcome.UNCHECKED),
        (200, {"kvkNummer": "12345678"}, CheckOutcome.UNCHECKED),
        (200, {}, CheckOutcome.UNCHECKED),
        (404, {"fout": [{"code": "IPD0005", "omschrijving": "…"}]}, CheckOutcome.FAILED),
        (404, {"fout": [{"code": "IPD1002", "omschrijving": "…"}]}, CheckOutcome.UNCHECKED),
        (404, {"message": "no route"}, CheckOutcome.UNCHECKED),
        (401, {}, CheckOutcome.UNCHECKED),
        (429, {}, CheckOutcome.UNCHECKED),
        (500, {}, CheckOutcome.UNCHECKED),
    ],
)
def test_kvk(server: Register, status: int, body: object, outcome: CheckOutcome) -> None:
    answers(server, status, body)

    answer = Kvk(CompanyRegisterAccess("kvk", server.url, "made-up-key", 1.0), lambda: NOW).look_up(
        "nl.kvk", "12345678"
    )

    assert (answer.number, answer.outcome) == ("nl.kvk:12345678", outcome)
    assert "001234567" not in str(answer)  # the RSIN is not kept
    assert server.requests[0].path == "/api/v1/basisprofielen/12345678"
    assert server.requests[0].headers["apikey"] == "made-up-key"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"countryCode": "EL", "valid": True}, CheckOutcome.PASSED),
        (200, {"valid": False, "userError": "INVALID"}, CheckOutcome.FAILED),
        (200, {"isValid": True, "userError": "VALID"}, CheckOutcome.PASSED),
        (200, {"isValid": True, "valid": False, "userError": "VALID"}, CheckOutcome.UNCHECKED),
        (200, {"isValid": True, "userError": "INVALID"}, CheckOutcome.UNCHECKED),
        (200, {"valid": True, "countryCode": "XX"}, CheckOutcome.UNCHECKED),
        (200, {"valid": True, "vatNumber": "1"}, CheckOutcome.UNCHECKED),
        (200, {"valid": False, "userError": "MS_UNAVAILABLE"}, CheckOutcome.UNCHECKED),
        (200, {"valid": True, "userError": "MS_MAX_CONCURRENT_REQ"}, CheckOutcome.UNCHECKED),
        (200, {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}, CheckOutcome.UNCHECKED),
        (200, {"actionSucceed": False, "valid": False}, CheckOutcome.UNCHECKED),
        (200, {"valid": "true"}, CheckOutcome.UNCHECKED),
        (200, {"valid": 1}, CheckOutcome.UNCHECKED),
        (200, {"valid": None}, CheckOutcome.UNCHECKED),
        (200, {}, CheckOutcome.UNCHECKED),
        (200, [True], CheckOutcome.UNCHECKED),
        (503, {"valid": True}, CheckOutcome.UNCHECKED),
    ],
)
def test_vies(server: Register, status: int, body: object, outcome: CheckOutcome) -> None:
    answers(server, status, body)

    answer = Vies(CompanyRegisterAccess("vies", server.url, within=1.0)).look_up("eu.vat", "EL094259216")

    assert answer.outcome == outcome
    assert json.loads(server.requests[0].body) == {"countryCode": "EL", "vatNumber": "094259216"}


@pytest.mark.parametrize("answer", [HANGS, RESETS, TRUNCATED, reply(200, b"<html>")])
def test_outage_is_unchecked(server: Register, answer: CannedResponse) -> None:
    server.behave = lambda _: answer

    for register in (
        Kvk(CompanyRegisterAccess("kvk", server.url, "k", 1.0), lambda: NOW),
        Vies(CompanyRegisterAccess("vies", server.url, "", 1.0)),
    ):
        found = register.look_up("nl.kvk", "12345678")
        assert found.outcome is CheckOutcome.UNCHECKED
        assert found.reason
