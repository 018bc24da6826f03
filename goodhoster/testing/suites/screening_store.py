"""The conformance suite of `ScreeningStore`: what every record promises, as tests.

Subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, PT012, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.customers.screening import Agreement, FieldComparison, ScreeningDecision, ScreeningFinding
from goodhoster.ports.screening import ScreeningStore, Side

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
NAMES = FieldComparison("name", "Ånna Example", "Anna Example", Agreement.SAME, 97)
FINDING = ScreeningFinding("s20261102-2345678", "police", "entry-1", "anna", (NAMES,), NOON)


class ScreeningStoreSuite:
    """Subclass and give a fixture `store` that is empty."""

    def test_a_finding_is_kept_as_it_was_given(self, store: ScreeningStore) -> None:
        decided = replace(
            FINDING,
            decision=ScreeningDecision.NO_MATCH,
            decided_at=NOON,
            actor="carla",
            reason="born elsewhere",
            asked_again=True,
        )
        for finding in (FINDING, decided):
            store.save(finding)
            assert store.get(finding.id) == finding
        assert list(store.find()) == [decided]

    def test_what_is_not_there_is_refused(self, store: ScreeningStore) -> None:
        with pytest.raises(RefusedError, match="no finding"):
            store.get("s20261102-nothing")

    def test_findings_come_oldest_first_and_each_argument_narrows(self, store: ScreeningStore) -> None:
        late = replace(FINDING, id="s20261103-aaaaaaa", found_at=NOON + timedelta(days=1), customer="bob")
        other = replace(FINDING, id="s20261104-bbbbbbb", found_at=NOON + timedelta(days=2), list_name="sanctions")
        closed = replace(other, id="s20261105-ccccccc", decision=ScreeningDecision.MATCH)
        for finding in (closed, other, late, FINDING):
            store.save(finding)
        assert [one.id for one in store.find()][:3] == [FINDING.id, late.id, *[one.id for one in (other,)]]
        assert [one.id for one in store.find(customer="bob")] == [late.id]
        assert [one.id for one in store.find(list_name="police")] == [FINDING.id, late.id]
        assert [one.id for one in store.find(decisions=frozenset({ScreeningDecision.MATCH}))] == [closed.id]
        assert not list(store.find(decisions=frozenset({ScreeningDecision.MATCH}), list_name="police"))

    @pytest.mark.parametrize("side", ["entry", "customer"])
    def test_what_was_compared_is_remembered_by_list_and_side(self, store: ScreeningStore, side: Side) -> None:
        store.remember("police", side, [("a", b"1"), ("b", b"2")])
        store.remember("police", side, [("b", b"3"), ("c", b"4")])
        store.remember("sanctions", side, [("a", b"9")])
        assert dict(store.fingerprints("police", side)) == {"a": b"1", "b": b"3", "c": b"4"}
        store.forget("police", side, ["a", "nobody"])
        assert dict(store.fingerprints("police", side)) == {"b": b"3", "c": b"4"}
        other: Side = "customer" if side == "entry" else "entry"
        assert not store.fingerprints("police", other)
        assert dict(store.fingerprints("sanctions", side)) == {"a": b"9"}

    def test_findings_are_found_by_entries_and_by_customers_however_many_are_asked_for(
        self, store: ScreeningStore
    ) -> None:
        for number in range(3):
            store.save(replace(FINDING, id=f"s20261102-aaaaaa{number + 2}", entry=f"e{number}", customer=f"c{number}"))
        many = [f"x{number}" for number in range(2000)]
        assert {one.entry for one in store.of_pairs("police", "entry", [*many, "e0", "e2"])} == {"e0", "e2"}
        assert {one.customer for one in store.of_pairs("police", "customer", ["c1", *many])} == {"c1"}
        assert not store.of_pairs("sanctions", "entry", ["e0"])
        assert not store.of_pairs("police", "entry", [])

    def test_an_id_may_be_shortened_where_it_is_no_other(self, store: ScreeningStore) -> None:
        store.save(FINDING)
        store.save(replace(FINDING, id="s20261102-2349999", entry="entry-2"))
        assert store.complete("2345") == FINDING.id
        assert store.complete(FINDING.id) == FINDING.id
        with pytest.raises(RefusedError) as refused:
            store.complete("234")
        assert refused.value.ambiguous
        with pytest.raises(RefusedError, match="no finding"):
            store.complete("zzz")

    def test_what_is_changed_together_is_one_change_or_none(self, store: ScreeningStore) -> None:
        with pytest.raises(KeyboardInterrupt), store.together():
            store.save(FINDING)
            store.remember("police", "entry", [("entry-1", b"1")])
            raise KeyboardInterrupt
        assert not list(store.find())
        assert not store.fingerprints("police", "entry")

    def test_who_looks_and_then_decides_does_so_alone(self, store: ScreeningStore) -> None:
        """Ten at once, each of whom decides only what is open: one does."""
        store.save(FINDING)
        decided: list[int] = []

        def decide(number: int) -> None:
            with store.together():
                found = store.get(FINDING.id)
                if found.decision is ScreeningDecision.OPEN:
                    store.save(replace(found, decision=ScreeningDecision.MATCH, actor=f"person {number}"))
                    decided.append(number)

        threads = [threading.Thread(target=decide, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(decided) == 1
        assert store.get(FINDING.id).actor == f"person {decided[0]}"

    def test_what_is_erased_is_gone_and_others_stay(self, store: ScreeningStore) -> None:
        for customer in ("anna", "bob"):
            store.save(replace(FINDING, id=f"s20261102-{customer}2", customer=customer))
            store.remember("police", "customer", [(customer, b"1")])
        store.remember("police", "entry", [("entry-1", b"1")])
        store.erase_screening("anna")
        store.erase_screening("anna")
        assert [one.customer for one in store.find()] == ["bob"]
        assert dict(store.fingerprints("police", "customer")) == {"bob": b"1"}
        assert store.fingerprints("police", "entry")
