"""The conformance suite of `VettingStore`: what every record of vetting promises, as tests.

Subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, PLR2004, PT012, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.customers.vetting import CheckOutcome, RiskFact, StatedFact, VettingEvidence, VettingEvidenceKind
from goodhoster.ports.vetting import VettingStore

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
PASSPORT = VettingEvidence(
    "anna",
    VettingEvidenceKind.IDENTITY_DOCUMENT,
    CheckOutcome.PASSED,
    NOON,
    checker="carla",
    detail="passport",
    reference="session-1",
    reason="seen in the office",
    document_date=date(2030, 5, 1),
)
UPLOADS = StatedFact("anna", RiskFact.OPEN_UPLOAD, holds=True, at=NOON, by="carla", reason="looked at the site")


class VettingStoreSuite:
    """Subclass and give a fixture `store` that is empty."""

    def test_evidence_is_kept_as_it_was_given(self, store: VettingStore) -> None:
        assert store.add(PASSPORT)
        assert list(store.evidence_of("anna")) == [PASSPORT]
        assert list(store.evidence_of("bob")) == []

    def test_the_very_same_evidence_is_kept_once(self, store: VettingStore) -> None:
        assert store.add(PASSPORT)
        assert not store.add(replace(PASSPORT))
        assert store.add(replace(PASSPORT, at=NOON + timedelta(microseconds=1)))
        assert len(store.evidence_of("anna")) == 2

    def test_evidence_comes_by_the_time_it_happened_and_not_as_it_was_heard(self, store: VettingStore) -> None:
        late, early = replace(PASSPORT, at=NOON + timedelta(days=1)), replace(PASSPORT, at=NOON - timedelta(days=1))
        for one in (late, PASSPORT, early):
            store.add(one)
        assert list(store.evidence_of("anna")) == [early, PASSPORT, late]

    def test_a_fact_is_stated_anew_in_place_of_what_was_said_before(self, store: VettingStore) -> None:
        store.state_fact(UPLOADS)
        store.state_fact(replace(UPLOADS, holds=False, by="dirk"))
        store.state_fact(replace(UPLOADS, fact=RiskFact.RESELLER))
        assert {(one.fact, one.holds, one.by) for one in store.facts_of("anna")} == {
            (RiskFact.OPEN_UPLOAD, False, "dirk"),
            (RiskFact.RESELLER, True, "carla"),
        }
        assert list(store.facts_of("bob")) == []

    def test_a_session_is_one_customers(self, store: VettingStore) -> None:
        store.open_session("idp", "s1", "anna")
        store.open_session("idp", "s1", "anna")
        with pytest.raises(RefusedError, match="another customer's"):
            store.open_session("idp", "s1", "bob")
        store.open_session("other", "s1", "bob")
        assert (store.customer_of_session("idp", "s1"), store.customer_of_session("other", "s1")) == ("anna", "bob")
        assert store.customer_of_session("idp", "s2") is None
        assert list(store.sessions_of("anna")) == [("idp", "s1")]

    def test_sessions_come_in_the_order_in_which_they_were_opened(self, store: VettingStore) -> None:
        for number in range(5):
            store.open_session("idp", f"s{9 - number}", "anna" if number % 2 else "bob")
        found = store.sessions()
        assert [one.reference for one in found] == ["s9", "s8", "s7", "s6", "s5"]
        assert [one.customer for one in found] == ["bob", "anna", "bob", "anna", "bob"]
        assert [one.reference for one in store.sessions(after=found[2].number)] == ["s6", "s5"]
        assert list(store.sessions(after=found[-1].number)) == []
        assert [reference for _, reference in store.sessions_of("bob")] == ["s9", "s7", "s5"]

    def test_what_is_erased_is_gone_and_others_stay(self, store: VettingStore) -> None:
        for customer in ("anna", "bob"):
            store.add(replace(PASSPORT, customer=customer))
            store.state_fact(replace(UPLOADS, customer=customer))
            store.open_session("idp", f"of-{customer}", customer)
        store.erase_vetting("anna")
        store.erase_vetting("anna")
        assert not store.evidence_of("anna")
        assert not store.facts_of("anna")
        assert not store.sessions_of("anna")
        assert store.customer_of_session("idp", "of-anna") is None
        assert store.evidence_of("bob")
        assert store.facts_of("bob")
        assert store.sessions_of("bob")

    def test_what_is_changed_together_is_one_change_or_none(self, store: VettingStore) -> None:
        with pytest.raises(KeyboardInterrupt), store.together():
            store.add(PASSPORT)
            store.open_session("idp", "s1", "anna")
            raise KeyboardInterrupt
        assert not store.evidence_of("anna")
        assert store.customer_of_session("idp", "s1") is None
        with store.together(), store.together():
            store.add(PASSPORT)
        assert store.evidence_of("anna")

    def test_who_looks_and_then_records_does_so_alone(self, store: VettingStore) -> None:
        """Ten at once, each of whom records only where nobody did: one does."""
        wrote: list[int] = []

        def look_and_record(number: int) -> None:
            with store.together():
                if not store.evidence_of("anna"):
                    store.add(replace(PASSPORT, checker=f"person {number}"))
                    wrote.append(number)

        threads = [threading.Thread(target=look_and_record, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(wrote) == len(store.evidence_of("anna")) == 1
