"""What customers and identity providers ask for is behind the door of notices, and only where it is set."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.assembly.customer_services import FILE
from goodhoster.assembly.services import Services
from goodhoster.letters.message_ids import appeal_link
from goodhoster.model.cases import Order
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.settings import load
from goodhoster.testing.identity_provider import FakeIdentityProvider
from goodhoster.testing.suites.customer_store import imported
from goodhoster_agent.background.notices import NoticeWork
from goodhoster_agent.doors.http_server import HttpThread

PROVIDER = """
[[identity_provider]]
kind = "neutral"
name = "idp"
url = "{url}"
webhook_secret_file = "webhook.secret"
token_file = "idp.token"
"""


@pytest.fixture
def server() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as server:
        yield server


def services_of(folder: Path, more: str = "") -> Services:
    (folder / "state").mkdir(mode=0o700)
    for name, secret in (
        ("webhook.secret", FakeIdentityProvider.secret),
        ("idp.token", FakeIdentityProvider.token),
    ):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    config = folder / "goodhoster.toml"
    config.write_text(f'[agent]\nstate_dir = "{folder}/state"\n[notices]\nlisten = "127.0.0.1:0"\n{more}')
    with closing(customers_file(folder / "state" / FILE)) as record:
        imported(SqliteCustomerStore(record), [Customer("anna", "Anna Example", "person")])
    return Services(load(config))


def ask(services: Services, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    work = NoticeWork(services.notices, services.settings)
    (way,) = work._ways_in
    assert isinstance(way, HttpThread)
    way.start()
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", way.port, timeout=120)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
    finally:
        way.stop()


def test_a_signed_message_reaches_the_record(tmp_path: Path, server: FakeIdentityProvider) -> None:
    with services_of(tmp_path, PROVIDER.format(url=server.url)) as services:
        now = services.notices.clock()
        server.set("s1", "pending", now - timedelta(hours=1))
        services.customers.vetting.open_session("anna", "idp", "s1", Order("jan", "sent the link"))
        server.set("s1", "passed", now)
        headers, body = server.message("s1", "e1", now)
        assert ask(services, "POST", "/identity/idp", headers, body)[0] == 200
        assert services.customers.vetting._parts.store.evidence_of("anna")[-1].outcome is CheckOutcome.PASSED
        assert ask(services, "POST", "/identity/idp", {}, body)[0] == 401


def test_without_a_provider_there_is_no_such_door_and_the_others_are_there(tmp_path: Path) -> None:
    with services_of(tmp_path) as services:
        assert ask(services, "POST", "/identity/idp", {}, b"{}")[0] == 404
        status, page = ask(services, "GET", "/contact/made-up", {})
        assert (status, "This link is not valid" in page) == (404, True)
        link = appeal_link("https://x.example", services.notices.outbox.codes, "20260101-222222222222")
        for path in ("/appeal/20260101-222222222222/made-up", link.removeprefix("https://x.example")):
            status, page = ask(services, "GET", path, {})
            assert (status, "This page is not available" in page) == (404, True)
