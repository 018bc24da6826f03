"""Whose request it is, behind a proxy and without one."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from goodhoster_agent.doors.client_address import ClientAddresses


def request(peer: str, *forwarded: str) -> web.Request:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    made = make_mocked_request("GET", "/", CIMultiDict(headers))
    return made.clone(remote=peer)


@pytest.mark.parametrize(
    ("header", "peer", "forwarded", "address"),
    [
        ("X-Forwarded-For", "127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("X-Forwarded-For", "127.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("X-Forwarded-For", "127.0.0.1", ["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        ("X-Forwarded-For", "::1", ["2001:DB8::1"], "2001:db8::1"),
        ("X-Forwarded-For", "127.0.0.1", ["nobody"], "127.0.0.1"),
        ("X-Forwarded-For", "127.0.0.1", [], "127.0.0.1"),
        ("X-Forwarded-For", "198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        (None, "127.0.0.1", ["192.0.2.1"], "127.0.0.1"),
    ],
    ids=["named", "the last", "the last field", "IPv6", "no address", "none", "no proxy of ours", "no setting"],
)
def test_the_address_of_a_client(header: str | None, peer: str, forwarded: list[str], address: str) -> None:
    assert ClientAddresses(header).of(request(peer, *forwarded)) == address
