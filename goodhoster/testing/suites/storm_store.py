"""What every `StormStore` with its `MatchLedger` must do. Subclass it in a test and give it a fixture `store`."""

# ruff: noqa: PLR2004, S101 - figures are counted out beside, and assert is the point

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from goodhoster.model.storms import Cause, Opened, Storm, StormKind, StormState
from goodhoster.ports import MatchLedger, StormStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGO = Cause(StormKind.CONTENT, "ab" * 32)


class Storms(StormStore, MatchLedger, Protocol):
    """Both ports over one record."""


def storm(storm_id: str, cause: Cause = LOGO) -> Storm:
    """A storm that has just begun."""
    return Storm(storm_id, cause, "seen", NOON, ("police",), ("c1", "c2"))


class StormStoreSuite:
    """Promises of `ports.StormStore` and `ports.MatchLedger`."""

    def test_what_was_recorded_is_found(self, store: Storms) -> None:
        """Whole."""
        assert store.begin(storm("s1"))
        assert store.get("s1") == storm("s1")
        assert store.newest([LOGO, Cause(StormKind.CAP)]) == {LOGO: storm("s1")}

    def test_one_storm_of_a_cause_brakes_at_most(self, store: Storms) -> None:
        """An undone one brakes, too."""
        store.begin(storm("s1"))
        assert not store.begin(storm("s2"))
        store.replace(replace(storm("s1"), state=StormState.UNDONE, ended_at=NOON, actor="eve", word="harmless"))
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
        part = replace(storm("s2", Cause(StormKind.CAP)), part_of="s1")
        store.begin(storm("s1"))
        store.begin(part)
        assert store.braking() == [storm("s1")]
        assert store.braking("s1") == [part]
        store.replace(replace(part, part_of=""))
        assert [found.id for found in store.braking()] == ["s1", "s2"]

    def test_cases_are_counted_by_source_and_moment(self, store: Storms) -> None:
        """`since` is inside, `until` is not; noted twice is counted once."""
        for minute in range(4):
            at = NOON + timedelta(minutes=minute)
            opened = Opened(f"c{minute}", ("police", "own"), at, automatic=minute != 1)
            store.note(opened)
            store.note(opened)
        assert store.measures("police", NOON, 100) == store.measures("", NOON, 100) == 3
        assert store.measures("police", NOON, 2) == 2
        assert store.measures("other", NOON, 100) == 0
        assert store.matches("own", NOON, NOON + timedelta(minutes=3)) == 3
        assert store.measured("police", NOON + timedelta(minutes=1), 5) == ("c3", "c2")

    def test_what_a_storm_held_is_found_again(self, store: Storms) -> None:
        """By its id."""
        store.note(Opened("c1", ("police",), NOON, automatic=False, storm="s1"))
        store.note(Opened("c2", ("police",), NOON, automatic=False))
        assert store.held("s1") == ("c1",)
