"""Whose turn it is among strangers."""

from goodhoster_agent.doors.rate_limit import RateLimit


def test_an_address_has_one_turn_a_second_and_keeps_no_other_waiting() -> None:
    now = [100.0]
    rate_limit = RateLimit(lambda: now[0])
    assert [rate_limit.admit("10.0.0.1") for _ in range(3)] == [True, False, False]
    assert rate_limit.admit("10.0.0.2")
    now[0] += 1.0
    assert rate_limit.admit("10.0.0.1")


def test_a_million_addresses_are_not_remembered() -> None:
    now = [0.0]
    rate_limit = RateLimit(lambda: now[0])
    for number in range(50_000):
        now[0] += 0.001
        assert rate_limit.admit(str(number))
    assert len(rate_limit._next) <= 10_000


def test_the_addresses_of_one_line_share_a_limit() -> None:
    limit = RateLimit(lambda: 0.0)
    assert limit.admit("2001:db8::1")
    assert not limit.admit("2001:db8::2")
    assert limit.admit("2001:db8:0:1::1")
    assert limit.admit("192.0.2.1")
    assert not limit.admit("::ffff:192.0.2.1")
    assert limit.admit("unix")
