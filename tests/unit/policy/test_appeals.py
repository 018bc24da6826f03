"""Six months from the day informed, and who was never informed is never late."""

from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.model.customers.house_rules import AppealRules
from goodhoster.policy.appeals import decision_due, in_time

RULES = AppealRules()


@pytest.mark.parametrize(
    ("informed", "received", "admitted"),
    [
        (datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 7, 15, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 7, 16, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 8, 31, 9, tzinfo=UTC), datetime(2027, 2, 28, 12, tzinfo=UTC), True),
        (datetime(2026, 8, 31, 9, tzinfo=UTC), datetime(2027, 3, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 31, 9, tzinfo=UTC), datetime(2027, 6, 30, 12, tzinfo=UTC), True),
        (None, datetime(2036, 1, 1, tzinfo=UTC), True),
    ],
)
def test_the_time_for_an_appeal(informed: datetime | None, received: datetime, *, admitted: bool) -> None:
    assert in_time(informed, received, RULES) is admitted


def test_the_time_for_our_decision() -> None:
    received = datetime(2026, 1, 15, 9, tzinfo=UTC)
    assert decision_due(received, RULES) == received + timedelta(days=14)
