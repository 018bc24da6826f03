"""What every store of seen mails promises, as tests: subclass, give the fixture, run by pytest."""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from goodhoster.ports import SeenMails


class SeenMailsSuite:
    """Give a fixture `seen` that is empty."""

    def test_a_fingerprint_belongs_to_its_first_receipt(self, seen: SeenMails) -> None:
        assert seen.first_time(b"one", "r1")
        assert seen.first_time(b"one", "r1")
        assert not seen.first_time(b"one", "r2")
        assert seen.first_time(b"two", "r2")
        assert seen.first_time(b"one", "r1")

    def test_of_many_threads_one_is_first(self, seen: SeenMails) -> None:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda number: seen.first_time(b"raced", f"r{number}"), range(50)))
        assert answers.count(True) == 1
