"""What one client of a proxy may have under way."""

import asyncio

import pytest

from goodhoster_agent.doors.icap.client_limits import AccountSlots, ClientLimits, client_of


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
    shares = ClientLimits(2, 100)
    with shares.admit("a") as first, shares.admit("a") as second, shares.admit("a") as third:
        assert (first, second, third) == (True, True, False)
        with shares.admit("b") as other:
            assert other
    assert shares.take("a", 100)
    assert not shares.take("a", 1)
    assert shares.take("b", 100)
    shares.give_back("a", 100)
    assert shares.take("a", 100)


def test_an_account_waits_for_a_slot_of_its_own_only() -> None:
    async def run() -> None:
        slots = AccountSlots(1)
        await slots.acquire("a")
        await slots.acquire("b")
        first, second = asyncio.create_task(slots.acquire("a")), asyncio.create_task(slots.acquire("a"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert not second.done()
        slots.release("a")
        await second
        slots.release("a")
        await slots.acquire("a")

    asyncio.run(run())
