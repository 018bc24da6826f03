"""What one client of a proxy may have under way."""

import pytest

from goodhoster_agent.doors.icap.shares import ClientShares, client_of


@pytest.mark.parametrize(
    ("stated", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1:ffff::2", "2001:db8:0:1::/64"),
        ("", "127.0.0.1"),
        ("nobody", "127.0.0.1"),
        ("010.000.000.001", "127.0.0.1"),
    ],
)
def test_who_counts_as_one_client(stated: str, client: str) -> None:
    assert client_of(stated, "127.0.0.1") == client


def test_a_client_has_its_share_of_messages_and_bytes() -> None:
    shares = ClientShares(2, 100)
    with shares.one_more("a") as first, shares.one_more("a") as second, shares.one_more("a") as third:
        assert (first, second, third) == (True, True, False)
        with shares.one_more("b") as other:
            assert other
    assert shares.take("a", 100)
    assert not shares.take("a", 1)
    assert shares.take("b", 100)
    shares.give_back("a", 100)
    assert shares.take("a", 100)
