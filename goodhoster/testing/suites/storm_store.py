"""The conformance suite of `StormStore` with its `MatchLedger`.

Subclass it in a test and give it a fixture `store`.
"""

# ruff: noqa: PLR2004, S101 - figures are counted out beside, and assert is the point

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from goodhoster.model.storms import Cause, Counted, CountedCase, Storm, StormKind, StormState
from goodhoster.ports import MatchLedger, StormStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGO = Cause(StormKind.CONTENT, "ab" * 32)


class Storms(StormStore, MatchLedger, Protocol):
    """The two ports over one record."""


def storm(storm_id: str, cause: Cause = LOGO) -> Storm:
    """A storm that has just begun."""
    return Storm(storm_id, cause, "seen", NOON, ("police",), ("c1", "c2"))


def a_count(customer: str = "anna", minutes: int = 0, **more: Any) -> Counted:  # noqa: ANN401 - any field
    """A content of a customer, so many minutes after noon."""
    return replace(Counted("source:police", customer, b"1", NOON + timedelta(minutes=minutes)), **more)


class StormStoreSuite:
    """Promises of `ports.StormStore` and `ports.MatchLedger`."""

    def test_what_was_recorded_is_found(self, store: Storms) -> None:
        """Whole."""
        assert store.begin(storm("s1"))
        assert store.get("s1") == storm("s1")
        assert store.newest([LOGO, Cause(StormKind.SOURCE_CAP, "police")]) == {LOGO: storm("s1")}

    def test_one_storm_of_a_cause_brakes_at_most(self, store: Storms) -> None:
        """An undone one brakes, too."""
        store.begin(storm("s1"))
        assert not store.begin(storm("s2"))
        store.replace(
            replace(storm("s1"), state=StormState.UNDONE, decided_at=NOON, actor="eve", decision_reason="harmless")
        )
        assert not store.begin(storm("s2"))
        assert [found.actor for found in store.braking()] == ["eve"]

    def test_after_a_release_another_may_begin(self, store: Storms) -> None:
        """And is the newest."""
        store.begin(storm("s1"))
        store.replace(replace(storm("s1"), state=StormState.RELEASED))
        assert store.braking() == []
        assert store.begin(storm("s2"))
        assert store.newest([LOGO])[LOGO].id == "s2"

    def test_parts_are_listed_with_their_storm_only(self, store: Storms) -> None:
        """They have no alert of their own."""
        part = replace(storm("s2", Cause(StormKind.SOURCE_CAP, "police")), part_of="s1")
        store.begin(storm("s1"))
        store.begin(part)
        assert store.braking() == [storm("s1")]
        assert store.braking("s1") == [part]
        store.replace(replace(part, part_of=""))
        assert [found.id for found in store.braking()] == ["s1", "s2"]

    def test_leading_storms_are_found_by_their_state(self, store: Storms) -> None:
        """Released ones too; not what is part of another."""
        store.begin(storm("s1"))
        store.replace(replace(storm("s1"), state=StormState.RELEASED))
        store.begin(storm("s2"))
        store.begin(replace(storm("s3", Cause(StormKind.SOURCE_CAP, "police")), part_of="s2"))
        assert [found.id for found in store.leading(frozenset({StormState.RELEASED}))] == ["s1"]
        assert [found.id for found in store.leading(frozenset(StormState))] == ["s1", "s2"]

    def test_cases_are_counted_by_source_and_moment(self, store: Storms) -> None:
        """`since` is inside, `until` is not; noted twice is counted once."""
        for minute in range(4):
            at = NOON + timedelta(minutes=minute)
            opened = CountedCase(f"c{minute}", ("police", "own"), at, automatic=minute != 1)
            store.note(opened)
            store.note(opened)
        end = NOON + timedelta(minutes=3)
        assert store.measured("police", NOON, end, 100) == store.measured("", NOON, end, 100) == ("c3", "c2", "c0")
        assert store.measured("police", NOON, end, 2) == ("c3", "c2")
        assert store.measured("police", NOON, NOON + timedelta(minutes=2), 9) == ("c2", "c0")
        assert store.measured("other", NOON, end, 100) == ()
        assert store.matches("own", NOON, end) == 3

    def test_a_content_of_a_customer_counts_once_an_hour(self, store: Storms) -> None:
        """However many copies there are; and again in the next."""
        for minutes in (0, 1, 59):
            store.count(a_count(minutes=minutes))
        store.count(a_count(customer="bob", minutes=1))
        store.count(a_count(sha256=b"2", minutes=1))
        last = NOON + timedelta(minutes=59)
        assert store.counted("source:police", "", last) == 3
        assert store.counted("source:police", "anna", last) == 2
        assert store.counted("source:own", "", last) == store.counted("", "anna", last) == 0
        store.count(a_count(minutes=60))
        assert store.counted("source:police", "anna", NOON + timedelta(minutes=60)) == 2

    def test_an_hour_has_two_ends(self, store: Storms) -> None:
        """Matches that a clock counted that was ahead for a while count in no hour before it."""
        store.count(a_count(minutes=60 * 24 * 365))
        assert store.counted("source:police", "", NOON) == 0
        store.count(a_count(minutes=0))
        assert store.counted("source:police", "", NOON) == 1
        assert store.counted("source:police", "", NOON + timedelta(minutes=59)) == 1
        assert store.counted("source:police", "", NOON + timedelta(minutes=60)) == 0

    def test_of_one_customer_a_share_counts_among_all(self, store: Storms) -> None:
        """One alone cannot fill what is counted for all."""
        for number in range(9):
            store.count(a_count(sha256=b"%d" % number, share=2))
        store.count(a_count(customer="bob", share=2))
        assert store.counted("source:police", "anna", NOON) == 9
        assert store.counted("source:police", "", NOON) == 3

    def test_what_a_person_let_go_on_counts_no_longer(self, store: Storms) -> None:
        """Of that scope alone, or of that customer in it."""
        for scope in ("source:police", "source:own"):
            for customer in ("anna", "bob"):
                store.count(a_count(customer, scope=scope))
        store.forget("source:police")
        store.forget("source:own", "bob")
        assert store.counted("source:police", "", NOON) == store.counted("source:police", "anna", NOON) == 0
        assert (store.counted("source:own", "anna", NOON), store.counted("source:own", "bob", NOON)) == (1, 0)
        store.count(a_count())
        assert store.counted("source:police", "", NOON) == 1

    def test_what_a_storm_held_is_found_again(self, store: Storms) -> None:
        """By its id."""
        store.note(CountedCase("c1", ("police",), NOON, automatic=False, storm="s1"))
        store.note(CountedCase("c2", ("police",), NOON, automatic=False))
        assert store.held("s1") == ("c1",)

    def test_who_asked_about_a_content_is_counted_once_and_not_for_ever(self, store: Storms) -> None:
        """By customer, from the last time that each asked."""
        content, day = b"\1" * 32, timedelta(days=1)
        for customer, at in (("anna", NOON), ("anna", NOON - day), ("bob", NOON - 40 * day)):
            store.ask(content, customer, at)
        store.ask(b"\2" * 32, "carl", NOON)
        assert store.askers(content, NOON - day / 2, NOON + day) == {"anna"}
        assert store.askers(content, NOON - 50 * day, NOON) == {"anna", "bob"}
