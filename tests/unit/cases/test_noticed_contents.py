"""Copies of what a notice took that come to be known later are near, and nothing else is."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.cases.noticed_contents import match_by_notice
from goodhoster.model.cases import Case, CaseState, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Content, Place
from goodhoster.model.verdicts import NOTICED, Category, ContentKind, Match
from goodhoster.policy.rules import HouseRules, Treatment
from goodhoster.testing.suites.case_store import a_case

BYTES, OTHER = b"\x07" * 32, b"\x08" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteCaseStore]:
    with closing(SqliteCaseStore(tmp_path / "record.sqlite")) as store:
        yield store


def taken(**changes: object) -> Case:
    case = replace(a_case(), state=CaseState.OFFLINE, notice="N1", notifier="hotline", actor="", measures=())
    case = replace(case, digests=Digests(b"", b"", BYTES))
    return replace(case, **changes)  # type: ignore[arg-type] # any field


def matched(store: SqliteCaseStore, path: str = "bert/q.jpg", size: int = 9, sha256: bytes = BYTES) -> Match | None:
    content = Content(Digests(b"", b"", sha256), ContentKind.IMAGE, size)
    return match_by_notice(store, Place(b"/srv", os.fsencode(path)), content, picture=True)


def test_the_same_bytes_elsewhere_are_near_and_never_act(store: SqliteCaseStore) -> None:
    assert matched(store) is None
    store.add(taken())
    found = matched(store)
    assert found == Match("notices", NOTICED, Category.UNSPECIFIED, 1)
    rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
    for near in Treatment:
        assert replace(rules, near=near).treatment_of(found) is Treatment.HOLD


def test_also_of_a_copy_with_bytes_of_its_own(store: SqliteCaseStore) -> None:
    """As the pictures on a page that a notice names, which are in one case with it."""
    case = taken()
    copy = Measure(MeasureKind.QUARANTINE, MeasureState.DONE, copy=Copy(replace(case.upload), OTHER))
    store.add(replace(case, measures=(copy,)))
    assert matched(store, sha256=OTHER)


@pytest.mark.parametrize(
    "changes",
    [
        {"notice": ""},
        {"notifier": ""},
        {"state": CaseState.RESTORED},
        {"state": CaseState.HELD},
        {"state": CaseState.GONE},
    ],
    ids=str,
)
def test_not_what_nobody_proven_took_and_not_what_is_back(store: SqliteCaseStore, changes: dict[str, object]) -> None:
    store.add(taken(**changes))
    assert matched(store) is None


def test_a_person_who_confirmed_an_unproven_notice_is_enough(store: SqliteCaseStore) -> None:
    store.add(taken(notifier="", actor="eva"))
    assert matched(store)


def test_pages_scripts_and_empty_files_are_common_to_many(store: SqliteCaseStore) -> None:
    store.add(taken())
    assert [matched(store, path) for path in ("bert/index.html", "bert/x.PHP", "bert/a.css")] == [None] * 3
    assert matched(store, size=0) is None


def test_the_file_that_is_being_taken_is_no_copy_of_itself(store: SqliteCaseStore) -> None:
    case = taken(state=CaseState.OPEN)
    store.add(case)
    content = Content(case.digests, ContentKind.IMAGE, 9)
    assert match_by_notice(store, case.upload.place, content, picture=True) is None
    assert matched(store)
    store.replace(replace(case, state=CaseState.OFFLINE), expected=CaseState.OPEN)
    assert match_by_notice(store, case.upload.place, content, picture=True)
