"""The conformance suite of `SeenMails`: what every store of seen mails promises, as tests.

Subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from goodhoster.model.notices import SeenMail
from goodhoster.ports import SeenMails


def a_mail(receipt: str) -> SeenMail:
    """A mail that was received at a made-up moment."""
    return SeenMail(receipt, datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC))


class SeenMailsSuite:
    """Subclass and give a fixture `seen` that is empty."""

    def test_a_fingerprint_belongs_to_its_first_receipt(self, seen: SeenMails) -> None:
        first, second = a_mail("r1"), a_mail("r2")
        assert seen.first(b"one", first) == first
        assert seen.first(b"one", first) == first
        assert seen.first(b"one", second) == first
        assert seen.first(b"two", second) == second

    def test_of_many_threads_one_is_first(self, seen: SeenMails) -> None:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda number: seen.first(b"raced", a_mail(f"r{number}")), range(50)))
        assert len(set(answers)) == 1
