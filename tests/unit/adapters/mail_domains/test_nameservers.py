"""Mail addresses against a real name server on loopback."""

from collections.abc import Iterator

import pytest

from goodhoster.adapters.mail_domains.nameservers import DnsMailDomains
from goodhoster.model.customers.contact_requests import Deliverability
from goodhoster.testing.name_server import FakeNameServer

ZONE = {
    ("mail.example", "MX"): ["10 mx1.mail.example.", "20 mx2.mail.example."],
    ("null.example", "MX"): ["0 ."],
    ("xn--lschung-90a.example", "MX"): ["10 mx."],
    ("host.example", "A"): ["192.0.2.1"],
    ("six.example", "AAAA"): ["2001:db8::1"],
    ("nothing.example", "CAA"): ['0 issue "ca.example"'],
}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeNameServer]:
    with FakeNameServer({}, ZONE) as server:
        yield server


@pytest.fixture
def domains(server: FakeNameServer) -> DnsMailDomains:
    server.mood = "fine"
    return DnsMailDomains(("127.0.0.1",), server.port, 1.5)


@pytest.mark.parametrize(
    ("address", "result"),
    [
        ("eva@mail.example", Deliverability.DELIVERABLE),
        ("Löschung@löschung.example", Deliverability.DELIVERABLE),
        ("eva@host.example", Deliverability.DELIVERABLE),
        ("eva@six.example", Deliverability.DELIVERABLE),
        ("eva@null.example", Deliverability.UNDELIVERABLE),
        ("eva@nothing.example", Deliverability.UNDELIVERABLE),
        ("eva@missing.example", Deliverability.UNDELIVERABLE),
        ("eva", Deliverability.UNDELIVERABLE),
        ("eva@", Deliverability.UNDELIVERABLE),
        ("a b@mail.example", Deliverability.UNDELIVERABLE),
        ("eva@mail.example\nBcc: all@mail.example", Deliverability.UNDELIVERABLE),
        ("eva@a..example", Deliverability.UNDELIVERABLE),
    ],
)
def test_form_and_domain(domains: DnsMailDomains, address: str, result: Deliverability) -> None:
    check = domains.check(address)
    assert check.result is result, check
    assert bool(check.why) is (result is Deliverability.UNDELIVERABLE)


@pytest.mark.parametrize("mood", ["silent", "failing", "garbage"])
def test_no_answer_says_nothing_against_an_address(domains: DnsMailDomains, server: FakeNameServer, mood: str) -> None:
    server.mood = mood
    check = domains.check("eva@mail.example")
    assert check.result is Deliverability.UNCHECKED
    assert "mail.example" in check.why


def test_nobody_listens(domains: DnsMailDomains) -> None:
    assert DnsMailDomains(("127.0.0.1",), 1, 1.0).check("eva@mail.example").result is Deliverability.UNCHECKED
