"""The conformance suite of `CaseStore`: what every record of cases promises, as tests.

Subclass, give the fixture `store`, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.cases import Case, CaseState, Claim, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import Exemption
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, SourceAnswer
from goodhoster.ports import CaseQuery, CaseStore
from goodhoster.testing.suites.hash_source import made_up

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LARGEST = 2**64 - 1
"""Some file systems number inodes that far."""

A_CLAIM = Claim(7, 812, NOON, NOON + timedelta(minutes=2))


def a_case(
    name: str = "20260301-abcdefg", *, customer: str = "anna", path: bytes = b"anna/\xff\n.jpg", content: str = "known"
) -> Case:
    """A case with something in every field."""
    upload = Upload(Place(b"/srv", path), customer, FileState(2049, LARGEST, 7, 1_500_000_000_123_456_789, -1))
    other = replace(upload, place=Place(b"/srv", path + b"-150x150.jpg"))
    return Case(
        id=name,
        state=CaseState.OPEN,
        upload=upload,
        digests=made_up(content).digests,
        matches=(
            Match("police", Algorithm.SHA1, Category.BASELINE, 0),
            Match("police", "pdq", Category.OTHER, 3, Exemption("wordpress", Algorithm.MD5, made_up("inside").digests)),
        ),
        opened_at=NOON,
        measures=(
            Measure(MeasureKind.QUARANTINE, MeasureState.INTENDED, "é"),
            Measure(MeasureKind.QUARANTINE, MeasureState.FAILED, copy=Copy(other, b"\x01" * 32)),
        ),
        closed_at=NOON + timedelta(seconds=1),
        reason="known to police",
        actor="eve",
        notice="N1",
        notifier="hotline",
        answered=(SourceAnswer("police", "2026-02-28", 50), SourceAnswer("own")),
    )


class CaseStoreSuite:
    """Subclass and give a fixture `store` that is empty."""

    def test_what_was_added_reads_back(self, store: CaseStore) -> None:
        store.add(a_case())
        assert store.get(a_case().id) == a_case()
        assert list(store.find(CaseQuery())) == [a_case()]

    def test_measures_are_counted_by_kind_and_state(self, store: CaseStore) -> None:
        assert store.measures() == {}
        store.add(a_case())
        store.add(a_case("20260301-other", path=b"anna/other.jpg"))
        quarantine = MeasureKind.QUARANTINE
        assert store.measures() == {(quarantine, MeasureState.INTENDED): 2, (quarantine, MeasureState.FAILED): 2}

    def test_what_is_not_there_is_refused(self, store: CaseStore) -> None:
        with pytest.raises(RefusedError):
            store.get("20260301-nothing")
        with pytest.raises(RefusedError):
            store.replace(a_case(), expected=CaseState.OPEN)

    def test_a_part_of_an_id_is_enough_where_it_is_the_only_one(self, store: CaseStore) -> None:
        for name in ("20260301-abcdefg", "20260301-abd2345", "20260302-xyz2345"):
            store.add(a_case(name, path=name.encode()))
        assert store.complete("xyz") == store.complete("20260302") == "20260302-xyz2345"
        assert store.complete("20260301-abcdefg") == "20260301-abcdefg"
        for several in ("20260301", "202603"):
            with pytest.raises(RefusedError, match="short for") as caught:
                store.complete(several)
            assert "20260301-abcdefg" in caught.value.hint
        for none in ("", "xy", "cdefg", "%", "20260301-abcdefgh"):
            with pytest.raises(RefusedError, match="there is no case"):
                store.complete(none)

    def test_an_id_is_used_once(self, store: CaseStore) -> None:
        store.add(a_case())
        with pytest.raises(RefusedError):
            store.add(a_case(path=b"anna/other.jpg"))

    def test_a_file_in_one_state_has_one_case(self, store: CaseStore) -> None:
        store.add(a_case())
        with pytest.raises(RefusedError):
            store.add(a_case("20260301-another"))
        assert store.count(CaseQuery()) == 1

    def test_replacing_needs_the_state_that_was_seen(self, store: CaseStore) -> None:
        store.add(a_case())
        more = (*a_case().matches, Match("hotline", Algorithm.MD5))
        offline = replace(a_case(), state=CaseState.OFFLINE, reason="done", actor="", closed_at=None, matches=more)
        with pytest.raises(RefusedError):
            store.replace(offline, expected=CaseState.HELD)
        assert store.get(a_case().id) == a_case()
        store.replace(offline, expected=CaseState.OPEN)
        assert store.get(a_case().id) == offline

    def test_a_file_is_found_by_its_bytes_also_as_a_copy(self, store: CaseStore) -> None:
        case = a_case()
        store.add(case)
        (copy,) = [measure.copy for measure in case.measures if measure.copy]
        for sha256 in (case.digests.sha256, copy.sha256):
            assert store.find(CaseQuery(content=sha256)) == [case]
        assert store.find(CaseQuery(content=b"\x09" * 32)) == []

    def test_changes_together_are_one_change(self, store: CaseStore) -> None:
        """Seen inside, and gone when it is left by an error."""

        def break_off() -> None:
            with store.together():
                store.add(a_case())
                assert store.get(a_case().id) == a_case()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()
        assert store.find(CaseQuery()) == []
        with store.together():
            store.add(a_case())
            store.replace(replace(a_case(), state=CaseState.OFFLINE), expected=CaseState.OPEN)
        assert store.get(a_case().id).state is CaseState.OFFLINE

    def test_changes_together_may_be_nested(self, store: CaseStore) -> None:
        """And all of it is gone when the outer one is left by an error."""

        def break_off() -> None:
            with store.together():
                with store.together():
                    store.add(a_case())
                store.claim([a_case().id], A_CLAIM)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()
        assert store.find(CaseQuery()) == []
        assert store.claim_of(a_case().id) is None

    def test_a_claim_is_known_until_it_is_dropped(self, store: CaseStore) -> None:
        store.add(a_case())
        assert store.claim_of(a_case().id) is None
        store.claim([a_case().id], A_CLAIM)
        assert store.claim_of(a_case().id) == A_CLAIM
        assert list(store.claimed()) == [a_case().id]
        store.claim([a_case().id], replace(A_CLAIM, holder=8))
        assert store.claim_of(a_case().id) == replace(A_CLAIM, holder=8)
        assert (list(store.claimed(8)), list(store.claimed(A_CLAIM.holder))) == ([a_case().id], [])
        store.unclaim([a_case().id, "another"])
        assert store.claim_of(a_case().id) is None

    def test_of_many_who_replace_at_once_one_does(self, store: CaseStore) -> None:
        store.add(a_case())

        def replaced(number: int) -> bool:
            try:
                store.replace(replace(a_case(), state=CaseState.OFFLINE, actor=str(number)), expected=CaseState.OPEN)
            except RefusedError:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(replaced, range(32))) == 1

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (CaseQuery(), {"a", "b", "c"}),
            (CaseQuery(states=frozenset({CaseState.HELD, CaseState.GONE})), {"b"}),
            (CaseQuery(customer="bob"), {"c"}),
            (CaseQuery(place=Place(b"/srv", b"anna/2.jpg")), {"b"}),
            (CaseQuery(place=Place(b"/srv", b"anna/1.jpg-150x150.jpg")), {"a"}),
            (CaseQuery(beside=Place(b"/srv", b"anna/1-150x150.jpg")), {"a"}),
            (CaseQuery(beside=Place(b"/srv", b"anna/1.jpg.jpg")), {"a"}),
            (CaseQuery(beside=Place(b"/srv", b"anna/.jpg")), set()),
            (CaseQuery(beside=Place(b"/home", b"anna/1-150x150.jpg")), set()),
            (CaseQuery(beside=Place(b"/srv", b"anna/1.txt")), set()),
            (CaseQuery(digest=made_up("other").digests.of(Algorithm.MD5)), {"c"}),
            (CaseQuery(digest=made_up("known").digests.of(Algorithm.SHA256)), {"a", "b"}),
            (CaseQuery(opened_since=NOON), {"b", "c"}),
            (CaseQuery(opened_before=NOON), {"a"}),
            (CaseQuery(source="police"), {"a", "b", "c"}),
            (CaseQuery(source="polic"), set()),
            (CaseQuery(category=Category.BASELINE), {"a", "b", "c"}),
            (CaseQuery(category=Category.INVESTIGATIVE), set()),
            (CaseQuery(newest=2), {"b", "c"}),
            (CaseQuery(newest=9), {"a", "b", "c"}),
            (CaseQuery(customer="anna", newest=1), {"b"}),
            (CaseQuery(notifier="hotline"), {"a", "b", "c"}),
            (CaseQuery(notifier="authority"), set()),
            (CaseQuery(automatic=True), {"c"}),
            (CaseQuery(customer="anna", opened_since=NOON), {"b"}),
            (CaseQuery(customer="anna", digest=made_up("other").digests.of(Algorithm.SHA1)), set()),
        ],
    )
    def test_every_field_of_a_query_narrows(self, store: CaseStore, query: CaseQuery, found: set[str]) -> None:
        self._three(store)
        assert {case.id for case in store.find(query)} == found
        assert store.count(query) == len(found)
        assert list(store.ids(query)) == [case.id for case in store.find(query)]
        assert list(store.each(query)) == list(store.find(query))

    def test_the_oldest_comes_first(self, store: CaseStore) -> None:
        self._three(store)
        assert [case.id for case in store.find(CaseQuery())] == ["a", "b", "c"]

    def test_several_are_had_in_the_order_asked_for(self, store: CaseStore) -> None:
        self._three(store)
        assert [case.id for case in store.get_all(["b", "c", "b", "a"])] == ["b", "c", "b", "a"]
        assert list(store.get_all([])) == []
        with pytest.raises(RefusedError):
            store.get_all(["a", "nothing"])

    def test_customers_with_a_match_are_counted_once(self, store: CaseStore) -> None:
        self._three(store)
        store.add(replace(a_case("d", customer="dora", path=b"dora/1.jpg"), matches=()))
        known, day = made_up("known").digests.sha256, timedelta(days=1)
        assert store.customers_with(known, NOON - day, NOON + day) == {"anna"}
        assert store.customers_with(made_up("nobody's").digests.sha256, NOON - day, NOON + day) == set()

    def test_customers_of_long_ago_or_of_a_clock_ahead_do_not_count(self, store: CaseStore) -> None:
        known, day = made_up("known").digests.sha256, timedelta(days=1)
        store.add(replace(a_case("old", path=b"anna/1.jpg"), opened_at=NOON - timedelta(days=700)))
        store.add(replace(a_case("ahead", customer="bob", path=b"bob/1.jpg"), opened_at=NOON + timedelta(days=400)))
        assert store.customers_with(known, NOON - day, NOON + day) == set()
        store.add(replace(a_case("again", path=b"anna/2.jpg")))
        assert store.customers_with(known, NOON - day, NOON + day) == {"anna"}

    def test_a_file_that_was_rewritten_is_found_in_its_new_state(self, store: CaseStore) -> None:
        store.add(a_case())
        rewritten = replace(a_case().upload, state=replace(a_case().upload.state, ctime_ns=9))
        store.replace(replace(a_case(), upload=rewritten), expected=CaseState.OPEN)
        assert store.get(a_case().id).upload == rewritten

    @staticmethod
    def _three(store: CaseStore) -> None:
        store.add(replace(a_case("c", customer="bob", path=b"bob/1.jpg", content="other"), actor=""))
        store.add(replace(a_case("b", path=b"anna/2.jpg"), state=CaseState.HELD))
        store.add(replace(a_case("a", path=b"anna/1.jpg"), opened_at=NOON - timedelta(seconds=1)))
