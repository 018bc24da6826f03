"""No statement of the record reads a table through: each costs the same at 200,000 cases and notices as at ten."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.adapters.stores.seen_mails import SqliteSeenMails
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.model.cases import UNDER_WAY, CaseState
from goodhoster.model.digests import Algorithm
from goodhoster.model.notice_status import NoticeState
from goodhoster.model.storms import Counted, CountedCase, StormState, by_source
from goodhoster.model.uploads import Place
from goodhoster.ports import CaseQuery, NoticeQuery
from goodhoster.testing.suites.case_store import A_CLAIM, NOON, a_case
from goodhoster.testing.suites.notice_store import a_notice
from goodhoster.testing.suites.seen_mails import a_mail
from goodhoster.testing.suites.storm_store import LOGO, storm

DAY = timedelta(days=1)
PLACE = Place(b"/srv", b"anna/1.jpg")


class Record:
    """Every store, with something in each table."""

    def __init__(self, folder: Path) -> None:
        self.cases = SqliteCaseStore(folder / "record.sqlite")
        self.storms = SqliteStormStore(self.cases.record)
        self.notices = SqliteNoticeStore(folder / "notices.sqlite")
        self.mails = SqliteSeenMails(folder / "seen.sqlite")
        self.cases.add(a_case())
        self.notices.add(a_notice())
        self.storms.begin(storm("s1"))

    def explain(self, operation: Callable[["Record"], object]) -> list[tuple[str, str]]:
        """Each statement that the operation gave, with each line of its plan."""
        files = [self.cases.record._db, self.notices._record._db, self.mails._record._db]
        statements: list[list[str]] = [[] for _ in files]
        for db, told in zip(files, statements, strict=True):
            db.set_trace_callback(told.append)
        operation(self)
        for db in files:
            db.set_trace_callback(None)
        return [
            (each, row[3])
            for db, told in zip(files, statements, strict=True)
            for each in told
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", each)
            for row in db.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()
        ]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    record = Record(tmp_path)
    yield record
    for store in (record.cases, record.notices, record.mails):
        store.close()


def change(record: Record) -> None:
    record.cases.replace(replace(a_case(), reason="again"), expected=CaseState.OPEN)


def notice_change(record: Record) -> None:
    notice = record.notices.get(a_notice().id)
    record.notices.replace(replace(notice, reason="again"), expected=notice.state)


def forget(record: Record) -> None:
    record.storms.forget("", "anna")
    record.storms.forget(by_source("police"))


def find(query: CaseQuery) -> Callable[[Record], object]:
    return lambda record: (record.cases.find(query), record.cases.count(query))


def find_notices(query: NoticeQuery) -> Callable[[Record], object]:
    return lambda record: list(record.notices.find(query))


KNOWN = a_case().digests
OPERATIONS: dict[str, Callable[[Record], object]] = {
    "cases.add": lambda r: r.cases.add(a_case("another", path=b"anna/2.jpg")),
    "cases.replace": change,
    "cases.get": lambda r: r.cases.get(a_case().id),
    "cases.get_all": lambda r: r.cases.get_all([a_case().id] * 3),
    "cases.complete": lambda r: r.cases.complete(a_case().id),
    "cases.claim": lambda r: r.cases.claim([a_case().id], A_CLAIM),
    "cases.unclaim": lambda r: r.cases.unclaim([a_case().id]),
    "cases.claimed": lambda r: r.cases.claimed(),
    "cases.claim_of": lambda r: r.cases.claim_of(a_case().id),
    "cases.customers_with": lambda r: r.cases.customers_with(KNOWN.sha256, NOON - DAY, NOON),
    "cases.find, state": find(CaseQuery(states=UNDER_WAY)),
    "cases.find, customer": find(CaseQuery(customer="anna")),
    "cases.find, overruled": find(CaseQuery(states=UNDER_WAY, customer="anna", digest=KNOWN.of(Algorithm.SHA256))),
    "cases.find, place": find(CaseQuery(place=PLACE)),
    "cases.find, waiting at a place": find(CaseQuery(states=UNDER_WAY, place=PLACE)),
    "cases.find, other sizes": find(CaseQuery(beside=PLACE)),
    **{f"cases.find, {each}": find(CaseQuery(digest=KNOWN.of(each))) for each in Algorithm},
    "cases.find, taken of a content": find(CaseQuery(states=UNDER_WAY, digest=KNOWN.of(Algorithm.SHA256))),
    "cases.find, of a customer lately": find(CaseQuery(states=UNDER_WAY, customer="anna", opened_since=NOON)),
    "cases.find, lately": find(CaseQuery(opened_since=NOON)),
    "cases.each": lambda r: list(r.cases.each(CaseQuery(opened_since=NOON, opened_before=NOON + DAY))),
    "cases.ids": lambda r: r.cases.ids(CaseQuery(opened_since=NOON, opened_before=NOON + DAY)),
    "cases.find, of a notifier": find(CaseQuery(opened_since=NOON, automatic=True, notifier="hotline")),
    "notices.recorded": lambda r: r.notices.recorded(["N1"]),
    "storms.begin": lambda r: r.storms.begin(storm("s2")),
    "storms.replace": lambda r: r.storms.replace(storm("s1")),
    "storms.newest": lambda r: r.storms.newest([LOGO]),
    "storms.braking": lambda r: r.storms.braking("s1"),
    "storms.leading": lambda r: r.storms.leading(frozenset(StormState)),
    "storms.get": lambda r: r.storms.get("s1"),
    "storms.complete": lambda r: r.storms.complete("s1"),
    "storms.being_decided": lambda r: r.storms.being_decided(),
    "storms.note": lambda r: r.storms.note(CountedCase("c1", ("police",), NOON, automatic=True, storm="s1")),
    "storms.count": lambda r: r.storms.count(Counted(by_source("police"), "anna", KNOWN.sha256, NOON, 3)),
    "storms.counted": lambda r: r.storms.counted("", "anna", NOON),
    "storms.forget": forget,
    "storms.matches": lambda r: r.storms.matches("police", NOON - DAY, NOON),
    "storms.measured": lambda r: r.storms.measured("police", NOON - DAY, NOON, 9),
    "storms.ask": lambda r: r.storms.ask(KNOWN.sha256, "anna", NOON),
    "storms.askers": lambda r: r.storms.askers(KNOWN.sha256, NOON - DAY, NOON),
    "storms.held": lambda r: r.storms.held("s1"),
    "notices.add": lambda r: r.notices.add(replace(a_notice(), receipt=replace(a_notice().receipt, id="another"))),
    "notices.replace": notice_change,
    "notices.get": lambda r: r.notices.get(a_notice().id),
    "notices.complete": lambda r: r.notices.complete(a_notice().id),
    "notices.find, state": find_notices(NoticeQuery(states=frozenset({NoticeState.OPEN}))),
    "notices.find, url": find_notices(NoticeQuery(url="http://a.example/", notifier="hotline", reference="M1")),
    "notices.find, notifier": find_notices(NoticeQuery(notifier="hotline")),
    "notices.find, reference": find_notices(NoticeQuery(reference="M1")),
    "notices.find, lately": find_notices(NoticeQuery(received_since=NOON)),
    "notices.find, of a month": find_notices(NoticeQuery(received_since=NOON, received_before=NOON + DAY)),
    "notices.ids": lambda r: r.notices.ids(NoticeQuery(due=NOON)),
    "notices.figures": lambda r: r.notices.figures(NOON),
    "mails.first": lambda r: r.mails.first(b"one", a_mail("r1")),
}


ALLOWED = (
    "SCAN cases USING COVERING INDEX sqlite_autoindex_cases_1",  # all ids, where a person typed a part of one
    "SCAN notices USING COVERING INDEX sqlite_autoindex_notices_1",
    "SCAN storms USING COVERING INDEX sqlite_autoindex_storms_1",
    "SCAN storms USING INDEX storms_decision",  # those that somebody decides on now
    "SCAN json_each",  # the ids that were given
    "SCAN claims",  # a row for each case that somebody is at work on
    "SCAN notices USING INDEX notices_running",  # those that are open
    "SCAN CONSTANT ROW",
    "SCAN (subquery",
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_statement_reads_a_table_through(record: Record, name: str) -> None:
    for statement, plan in record.explain(OPERATIONS[name]):
        assert not plan.startswith("SCAN") or plan.startswith(ALLOWED), f"{plan}: {statement}"


def test_every_operation_is_among_them() -> None:
    classes = {
        "cases": SqliteCaseStore,
        "storms": SqliteStormStore,
        "notices": SqliteNoticeStore,
        "mails": SqliteSeenMails,
    }
    there = {
        f"{name}.{operation}"
        for name, each in classes.items()
        for operation, _ in inspect.getmembers(each, inspect.isfunction)
        if not operation.startswith("_") and operation not in {"close", "together"}
    }
    # For the metrics, which nobody waits for, and by a person's order to forget a customer.
    reads_everything = {"cases.measures", "notices.unlink", "notices.settled_urls"}
    tried = {name.partition(",")[0] for name in OPERATIONS} | {"cases.count", "notices.find"} | reads_everything
    assert there == tried
