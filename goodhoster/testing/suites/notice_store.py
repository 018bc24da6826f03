"""The conformance suite of `NoticeStore`: what every record of notices promises, as tests.

Subclass, give the fixture `store`, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.notice_status import ItemState, Notice, NoticeFigures, NoticeItem, NoticeState, Receipt
from goodhoster.model.notices import (
    Carrier,
    NoticeFormat,
    ReadItem,
    ReadNotice,
    RemovalOrder,
    Reporter,
    TrustFinding,
    TrustLevel,
    TrustRule,
)
from goodhoster.model.uploads import Place
from goodhoster.ports import NoticeQuery, NoticeStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_notice(name: str = "N1", received_at: datetime = NOON) -> Notice:
    """A notice with something in every field."""
    read = ReadNotice(
        NoticeFormat.SCART_TABLE,
        reference="M0123456789",
        subject="[M0123456789] é",
        sent_at=NOON,
        reporter=Reporter("Hotline", "a@hotline.example", "b@hotline.example"),
        language="nl",
        order=RemovalOrder("Authority", deadline=NOON, confidential=True),
        doubts=("two readings",),
    )
    trust = TrustFinding(TrustLevel.PINNED, "hotline", "dkim", (TrustRule("dkim.aligned", passed=True, why="it is"),))
    reading = ReadItem(
        ("https://anna.example/a b.jpg", "https://anna.example/a"),
        "192.0.2.1",
        first_seen=datetime(2026, 2, 28, 9, 30),  # noqa: DTZ001 - the sender's own clock has no zone
        digests=(Digest(Algorithm.MD5, b"\x00" * 16),),
    )
    item = NoticeItem(
        reading,
        reading.urls[0],
        ItemState.OFFLINE,
        "anna",
        Place(b"/srv", b"anna/\xff.jpg"),
        ("20260301-abcdefg",),
        consecutive_checks=2,
        next_check_at=NOON,
    )
    receipt = Receipt(name, received_at, Carrier.MAIL, b"\x01" * 32, "bounce@hotline.example")
    other = NoticeItem(ReadItem(("https://anna.example/2",)), "https://anna.example/2")
    return Notice(
        receipt, NoticeState.OPEN, read, trust, (item, other), NOON + timedelta(days=1), sent=("receipt",), due=NOON
    )


class NoticeStoreSuite:
    """Subclass and give a fixture `store` that is empty."""

    def test_gives_back_what_was_added(self, store: NoticeStore) -> None:
        store.add(a_notice())
        assert store.get("N1") == a_notice()

    def test_an_id_is_used_once(self, store: NoticeStore) -> None:
        store.add(a_notice())
        with pytest.raises(RefusedError, match="N1"):
            store.add(replace(a_notice(), items=()))
        assert store.get("N1") == a_notice()

    def test_what_is_not_there_is_refused_by_name(self, store: NoticeStore) -> None:
        with pytest.raises(RefusedError, match="N404"):
            store.get("N404")

    def test_a_part_of_an_id_is_enough_where_it_is_the_only_one(self, store: NoticeStore) -> None:
        for name in ("20260301-abcdefg", "20260301-abd2345"):
            store.add(a_notice(name))
        assert store.complete("abc") == "20260301-abcdefg"
        with pytest.raises(RefusedError, match="short for"):
            store.complete("20260301")
        with pytest.raises(RefusedError, match="there is no notice"):
            store.complete("cdefg")

    def test_replaces_the_whole_of_it(self, store: NoticeStore) -> None:
        store.add(Notice(a_notice().receipt))
        store.replace(a_notice(), expected=NoticeState.RECEIVED)
        assert store.get("N1") == a_notice()
        settled = tuple(replace(item, state=ItemState.GONE) for item in a_notice().items)
        done = replace(a_notice(), state=NoticeState.DONE, items=settled, stopped_at=NOON, due=None)
        store.replace(done, expected=NoticeState.OPEN)
        assert store.get("N1") == done

    def test_replaces_only_what_is_in_the_expected_state(self, store: NoticeStore) -> None:
        store.add(a_notice())
        with pytest.raises(RefusedError):
            store.replace(replace(a_notice(), items=(), reason="x"), expected=NoticeState.DONE)
        assert store.get("N1") == a_notice()

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (NoticeQuery(), ["N1", "N2", "N3"]),
            (NoticeQuery(states=frozenset({NoticeState.DONE, NoticeState.RECEIVED})), ["N2", "N3"]),
            (NoticeQuery(url="https://anna.example/a b.jpg"), ["N1", "N2"]),
            (NoticeQuery(url="https://anna.example/a"), []),
            (NoticeQuery(notifier="hotline"), ["N1", "N2"]),
            (NoticeQuery(notifier="hotline", reference="M0123456789"), ["N1", "N2"]),
            (NoticeQuery(reference="M9999999999"), []),
            (NoticeQuery(due=NOON), ["N1"]),
            (NoticeQuery(due=NOON - timedelta(microseconds=1)), []),
            (NoticeQuery(received_since=NOON + timedelta(hours=1)), ["N2", "N3"]),
            (NoticeQuery(received_before=NOON + timedelta(hours=1)), ["N1"]),
            (NoticeQuery(host="Anna.example"), ["N1", "N2"]),
            (NoticeQuery(host="*.example"), []),
            (NoticeQuery(customer="anna"), ["N1", "N2"]),
            (NoticeQuery(customer="ann"), []),
            (NoticeQuery(newest=2), ["N2", "N3"]),
            (NoticeQuery(host="anna.example", newest=1), ["N2"]),
        ],
    )
    def test_finds_what_the_query_describes_oldest_first(
        self, store: NoticeStore, query: NoticeQuery, expected: Sequence[str]
    ) -> None:
        store.add(Notice(a_notice("N3", NOON + timedelta(hours=2)).receipt))
        store.add(replace(a_notice("N2", NOON + timedelta(hours=1)), state=NoticeState.DONE, due=None))
        store.add(a_notice())
        assert [notice.id for notice in store.find(query)] == expected

    def test_what_is_found_may_be_replaced_on_the_way(self, store: NoticeStore) -> None:
        for name in ("N1", "N2", "N3"):
            store.add(a_notice(name))
        for notice in store.find(NoticeQuery(states=frozenset({NoticeState.OPEN}))):
            store.replace(replace(notice, state=NoticeState.DONE), expected=NoticeState.OPEN)
        assert [notice.state for notice in store.find(NoticeQuery())] == [NoticeState.DONE] * 3
        assert [notice.id for notice in store.find(NoticeQuery())] == list(store.ids(NoticeQuery()))

    def test_counts_what_is_open_and_overdue(self, store: NoticeStore) -> None:
        for name in ("N1", "N2"):
            store.add(a_notice(name))
        store.add(replace(a_notice("N3"), state=NoticeState.NEEDS_PERSON, deadline=NOON))
        store.add(replace(a_notice("N4"), state=NoticeState.DONE, stopped_at=NOON))
        assert store.figures(NOON) == NoticeFigures(open=3, overdue=0, needs_person=1)
        assert store.figures(NOON + timedelta(hours=1)) == NoticeFigures(open=3, overdue=1, needs_person=1)
        assert store.figures(NOON + timedelta(days=2)) == NoticeFigures(open=3, overdue=3, needs_person=1)
        earlier = NOON - timedelta(days=400)  # the clock was ahead when they came: their deadlines are wrong
        assert store.figures(earlier) == NoticeFigures(open=3, overdue=3, needs_person=1)
