import time
from collections.abc import Iterator

import pytest

from goodhoster.adapters.key_records.nameservers import DnsKeyRecords, NameServers
from goodhoster.errors import PassingError
from goodhoster.testing.name_server import FakeNameServer

NAME = "s._domainkey.known.example"


@pytest.fixture
def server() -> Iterator[FakeNameServer]:
    with FakeNameServer({NAME: "v=DKIM1; p=AAAA"}) as running:
        yield running


def records(server: FakeNameServer, seconds: float = 30) -> DnsKeyRecords:
    return DnsKeyRecords(NameServers(["127.0.0.1"], server.port, seconds))


@pytest.mark.parametrize("mood", ["silent", "failing", "garbage"])
def test_no_answer_is_not_the_same_as_no_record(server: FakeNameServer, mood: str) -> None:
    server.mood = mood
    began = time.monotonic()
    with pytest.raises(PassingError, match=f"no name server answered for {NAME}"):
        records(server, seconds=0.5).texts(NAME)
    assert time.monotonic() - began < 30


def test_an_answer_is_remembered_and_a_failure_is_not(server: FakeNameServer) -> None:
    asking = records(server, seconds=2)
    server.mood = "failing"
    with pytest.raises(PassingError):
        asking.texts(NAME)
    server.mood = "fine"
    assert asking.texts(NAME) == asking.texts(NAME) == ("v=DKIM1; p=AAAA",)
    asked = server.asked
    asking.texts(NAME)
    assert server.asked == asked
