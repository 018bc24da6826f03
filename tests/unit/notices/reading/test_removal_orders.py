"""By when an order wants it gone, as people write it."""

import pytest

from goodhoster.model.notices import Carrier, RawNotice, RemovalOrder
from goodhoster.notices.reading.reader import read


def order(lines: str) -> RemovalOrder:
    text = f"From: a@authority.example\nSubject: Removal order\n\nRemoval order\n{lines}\nhttps://anna.example/a.jpg\n"
    found = read(RawNotice(Carrier.MAIL, text.replace("\n", "\r\n").encode())).order
    assert found
    return found


@pytest.mark.parametrize(
    ("written", "deadline", "hours"),
    [
        ("1 hour", None, 1),
        ("Binnen 12 uur na ontvangst", None, 12),
        ("2026-11-28T15:00:00+01:00", "2026-11-28T15:00:00+01:00", None),
        ("2026-11-28 15:00", "2026-11-28T15:00:00+02:00", None),
        ("28-11-2026 om 15.00 uur", "2026-11-28T15:00:00+02:00", None),
        ("28/11/2026, 15:00 uur", "2026-11-28T15:00:00+02:00", None),
        ("Sat, 28 Nov 2026 15:00:00 +0100", "2026-11-28T15:00:00+01:00", None),
        ("99-99-9999 15:00", None, None),
        ("soon", None, None),
    ],
)
def test_terms_and_moments(written: str, deadline: str | None, hours: int | None) -> None:
    found = order(f"Deadline: {written}")
    assert (found.deadline.isoformat() if found.deadline else None) == deadline
    assert found.term == (hours * 3600.0 if hours else None)


def test_a_term_from_the_end_of_time_breaks_nothing() -> None:
    assert order("Date of issue: 9999-12-31T23:59:59Z\nDeadline: 999 hours").deadline is None
