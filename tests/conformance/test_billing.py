"""Every billing system keeps the promises of the port, over servers that speak the documented APIs."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from goodhoster.adapters.billing.blesta import BlestaBilling
from goodhoster.adapters.billing.fossbilling import FossBilling
from goodhoster.adapters.billing.whmcs import WhmcsBilling
from goodhoster.adapters.counterparts import Endpoint
from goodhoster.errors import GoodhosterError, PassingError, PermanentError, RefusedError
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.ports.panels import Billing
from goodhoster.testing.http_answers import HANGS, OVERSIZED, RESETS, TRUNCATED, CannedResponse, reply
from goodhoster.testing.panels.billing import FakeBilling, FakeBlesta, FakeFossBilling, FakeWhmcs
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD

CLIENTS = 230  # several pages of a hundred, the last one not full


def _whmcs(server: FakeBilling, secret: str = FakeWhmcs.password, seconds: float = 60) -> Billing:
    return WhmcsBilling("billing", Endpoint(server.url, secrets=(secret,), seconds=seconds), server.username, secret)


def _fossbilling(server: FakeBilling, secret: str = FakeFossBilling.password, seconds: float = 60) -> Billing:
    return FossBilling("billing", Endpoint(server.url, account=("admin", secret), secrets=(secret,), seconds=seconds))


def _blesta(server: FakeBilling, secret: str = FakeBlesta.password, seconds: float = 60) -> Billing:
    account = (server.username, secret)
    return BlestaBilling("billing", Endpoint(server.url, account=account, secrets=(secret,), seconds=seconds))


Make = Callable[..., Billing]
KINDS: dict[str, tuple[Callable[[int], FakeBilling], Make]] = {
    "whmcs": (FakeWhmcs, _whmcs),
    "whmcs, flattened keys": (lambda clients: FakeWhmcs(clients, flat=True), _whmcs),
    "fossbilling": (FakeFossBilling, _fossbilling),
    "blesta": (FakeBlesta, _blesta),
}
ODD: dict[str, CannedResponse] = {
    "HTML with status 200": reply(200, b"<!DOCTYPE html><title>Log in"),
    "redirect to a login": reply(302, b"", {"Location": "/login"}),
    "empty": reply(200),
    "a list": reply(200, b"[]"),
    "a text": reply(200, b'"ok"'),
    "unavailable": reply(503),
    "rate limited": reply(429),
    "not found": reply(404, b"{}"),
    "an empty object": reply(200, b"{}"),
    "cut": TRUNCATED,
    "reset": RESETS,
    "hang": HANGS,
    "oversized": OVERSIZED,
    "deep JSON": reply(200, b"[" * 100_000),
    "an error with a secret": reply(
        200,
        b'{"result":"error","message":"password=%b","error":{"message":"token: %b"}}'
        % ((MADE_UP_PASSWORD.encode(),) * 2),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Callable[[int], FakeBilling], Make]:
    return KINDS[request.param]


@pytest.fixture
def make(kind: tuple[Callable[[int], FakeBilling], Make]) -> Make:
    return kind[1]


@pytest.fixture
def server(kind: tuple[Callable[[int], FakeBilling], Make]) -> Iterator[FakeBilling]:
    with kind[0](CLIENTS) as server:
        yield server


@pytest.mark.slow
def test_reads_every_page(server: FakeBilling, make: Make) -> None:
    found = list(make(server).clients())
    assert len({client.id for client in found}) == CLIENTS
    assert all(len(client.services) == 1 for client in found)
    assert found[0].email == "client1@mail.example"
    assert found[0].since == "2024-02-29"
    assert found[0].services[0].domain == "site10.example"


@pytest.mark.slow
def test_keeps_no_password_or_paper(server: FakeBilling, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    billing = make(server)
    assert MADE_UP_PASSWORD not in str([asdict(client) for client in billing.clients()])
    assert MADE_UP_PASSWORD not in str(asdict(billing.account("10")))
    assert MADE_UP_PASSWORD not in caplog.text


def test_suspends_and_unsuspends_a_service(server: FakeBilling, make: Make) -> None:
    billing = make(server)
    billing.suspend(SuspensionTarget("20"), "made-up reason")
    assert billing.account("20").suspended is True
    assert billing.account("10").suspended is False
    billing.unsuspend(SuspensionTarget("20"))
    assert billing.account("20").suspended is False


def test_an_order_without_effect_is_seen_in_the_state(server: FakeBilling, make: Make) -> None:
    server.does_nothing = True
    billing = make(server)
    billing.suspend(SuspensionTarget("20"), "made-up reason")
    assert billing.account("20").suspended is False


@pytest.mark.parametrize("number", ["99990", "x", "-1", "10 20", "١٠", ""])
def test_refuses_a_service_that_is_not_there(server: FakeBilling, make: Make, number: str) -> None:
    with pytest.raises(RefusedError):
        make(server).account(number)


def test_refuses_to_suspend_a_site(server: FakeBilling, make: Make) -> None:
    with pytest.raises(RefusedError):
        make(server).suspend(SuspensionTarget("10", "site10.example"), "made-up reason")
    assert server.orders == []


def test_a_wrong_secret_is_told_and_not_shown(server: FakeBilling, make: Make) -> None:
    with pytest.raises(PermanentError) as told:
        list(make(server, "wrong-secret").clients())
    assert "wrong-secret" not in str(told.value)


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_is_no_empty_list(server: FakeBilling, make: Make, answer: CannedResponse) -> None:
    server.behave = lambda _: answer
    with pytest.raises((PassingError, PermanentError)) as told:
        list(make(server, seconds=1).clients())
    assert MADE_UP_PASSWORD not in str(told.value)


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_is_no_success(server: FakeBilling, make: Make, answer: CannedResponse) -> None:
    server.behave = lambda _: answer
    with pytest.raises(GoodhosterError):
        make(server, seconds=1).suspend(SuspensionTarget("10"), "made-up reason")


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("whmcs", b'{"result":"success","totalresults":"5","clients":"","products":""}'),
        ("fossbilling", b'{"result":{"total":5,"list":[]},"error":null}'),
    ],
)
def test_a_list_that_ends_early_is_an_error(name: str, empty: bytes) -> None:
    start, make = KINDS[name]
    with start(1) as server:
        server.behave = lambda _: reply(200, empty)
        with pytest.raises(PermanentError, match="returned 0 of 5"):
            list(make(server).clients())


def test_whmcs_texts_are_read_as_they_are_meant() -> None:
    with FakeWhmcs(1) as server:
        (client,) = _whmcs(server).clients()
    assert (client.name, client.company, client.services[0].product) == ("An'na Example 1", "A & B", "Hosting & mail")


def test_whmcs_is_told_the_service_by_both_of_its_names() -> None:
    with FakeWhmcs(1) as server:
        _whmcs(server).suspend(SuspensionTarget("10"), "made-up reason")
        assert b"accountid=10&serviceid=10" in server.requests[-1].body


def test_blesta_is_told_to_change_the_server_too() -> None:
    with FakeBlesta(1) as server:
        _blesta(server).suspend(SuspensionTarget("10"), "made-up reason")
        assert server.billed == {}
