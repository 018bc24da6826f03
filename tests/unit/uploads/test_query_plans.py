"""No statement of the index reads it through: with two million files that is a second in which nothing moves."""

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.model.uploads import Content, Fault, FileState, Place
from goodhoster.model.verdicts import ContentKind, Verdict, VerdictKind
from goodhoster.ports.customers import ForgottenCustomer
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.census import IndexCensus
from goodhoster.uploads.clock_steps import ClockReading
from goodhoster.uploads.content_lookup import IndexedContents
from goodhoster.uploads.index import Arrival, Job, Priority, UploadIndex
from goodhoster.uploads.inventory import Inventory, Progress
from goodhoster.uploads.retro_match import SeenContents

NOW = 1_800_000_000.0
STATE = FileState(1, 2, 3, 4, 5)
CONTENT = Content(made_up("a").digests, ContentKind.IMAGE, 3)
CLEAR, UNCHECKED = Verdict(VerdictKind.CLEAR), Verdict(VerdictKind.UNCHECKED, reason="timeout")
SOURCE = MemorySource({})
TREE = b"/srv"
PLACE = Place(TREE, b"anna/www/a.jpg")

READ_THROUGH = {
    "SCAN uploads USING COVERING INDEX uploads_verdict": "by order of `status`: 0.1 s for two million",
    "SCAN (subquery": "of what waits",
    "SCAN clock": "one row",
    "SCAN compared": "a row for each list",
    "SCAN directories": "by order of `customers forget`: a row for each directory, not for each file",
    "SCAN scans": "a row for each tree",
    "SCAN answer_sets": "a row for each set of sources and versions that answered",
}
"""What may be read from its beginning to its end, and why."""


class Filled:
    """An index with a settled file, one that waits for a source and one that waits for itself."""

    def __init__(self, folder: Path) -> None:
        self.clock = ClockReading("this boot", 1.0)
        self.index = UploadIndex(folder / "index.sqlite", clock=lambda: self.clock)
        for name, verdict, content in (
            (b"settled", CLEAR, CONTENT),
            (b"waits", UNCHECKED, CONTENT),
            (b"broken", UNCHECKED, Content(CONTENT.digests, ContentKind.IMAGE, 3, fault=Fault("timeout"))),
        ):
            job = self.job(name)
            self.index.record(job, (STATE, content), verdict, NOW)
            self.index.settle(job) if verdict is CLEAR else self.index.retry(job, NOW + 60)

    def job(self, name: bytes = b"a.jpg") -> Job:
        place = Place(TREE, b"anna/www/" + name)
        for held in self.index._queue.in_progress():
            self.index.settle(held)
        self.index.expect([Arrival(place, "anna", NOW, Priority.FRESH)], NOW)
        (job,) = self.index.take(NOW, 100)
        return job

    def explain(self, operation: Callable[["Filled"], object]) -> list[tuple[str, str]]:
        """Each statement that the operation gave, with each line of its plan."""
        statements: list[str] = []
        db = self.index.database._db
        db.set_trace_callback(statements.append)
        operation(self)
        db.set_trace_callback(None)
        asked = [statement for statement in statements if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", statement)]
        return [(each, row[3]) for each in asked for row in db.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    filled = Filled(tmp_path)
    yield filled
    filled.index.close()


def all_of(iterator: object) -> None:
    assert isinstance(iterator, Iterator)
    for _ in iterator:
        pass


def step(filled: Filled) -> None:
    filled.clock = ClockReading("this boot", 5000.0)
    filled.index.take(NOW, 1)


def expect_in_hand(filled: Filled) -> None:
    filled.job()
    filled.index.expect_in_hand(NOW)


def count_anew(filled: Filled) -> None:
    filled.index._counted = (-9.0, 0)
    filled.index.full()


def inventory(do: Callable[[Inventory], object]) -> Callable[[Filled], object]:
    return lambda filled: do(filled.index.inventory)


def contents(do: Callable[[IndexedContents], object]) -> Callable[[Filled], object]:
    return lambda filled: do(IndexedContents(filled.index.database))


def census(do: Callable[[IndexCensus], object]) -> Callable[[Filled], object]:
    return lambda filled: do(IndexCensus(filled.index.database))


WWW = b"anna/www"
OPERATIONS: dict[str, Callable[[Filled], object]] = {
    "UploadIndex.expect": lambda f: f.job(),
    "UploadIndex.expect_in_hand": expect_in_hand,
    "UploadIndex.full": count_anew,
    "UploadIndex.take": lambda f: f.index.take(NOW + 90, 10),
    "UploadIndex.record": lambda f: f.index.record(f.job(), (STATE, CONTENT), CLEAR, NOW),
    "UploadIndex.answered": lambda f: f.index.answered(PLACE),
    "UploadIndex.forget_unused_answer_sets": lambda f: f.index.forget_unused_answer_sets(lambda: False),
    "UploadIndex.settle": lambda f: f.index.settle(f.job()),
    "UploadIndex.retry": lambda f: f.index.retry(f.job(), NOW + 9),
    "UploadIndex.postpone": lambda f: f.index.postpone(f.job(), NOW + 9),
    "UploadIndex.give_back": lambda f: f.index.give_back(f.job()),
    "UploadIndex.forget": lambda f: f.index.forget(f.job()),
    "UploadIndex.unlink": lambda f: f.index.unlink(ForgottenCustomer(("bob",), "", ())),
    "UploadIndex.wake": lambda f: f.index.wake(NOW),
    "UploadIndex.untried_below": lambda f: f.index.untried_below(TREE, WWW),
    "UploadIndex.untried": lambda f: f.index.untried(),
    "UploadIndex.postponed_below": lambda f: f.index.postponed_below(TREE, WWW),
    "UploadIndex.verdict_counts_below": lambda f: f.index.verdict_counts_below(TREE, WWW),
    "UploadIndex.beginning_with": lambda f: f.index.beginning_with(PLACE),
    "UploadIndex.with_contents": lambda f: f.index.with_contents([CONTENT.digests.sha256], "anna"),
    "UploadIndex.known_before": lambda f: f.index.known_before(TREE, WWW, NOW),
    "UploadIndex.figures": lambda f: f.index.figures(),
    "UploadIndex.close": step,
    "Inventory.compare": inventory(lambda i: i.compare(TREE, WWW, {b"settled": STATE})),
    "Inventory.compare_part": inventory(lambda i: i.compare_part(TREE, WWW, {b"settled": STATE})),
    "Inventory.known": inventory(lambda i: all_of(i.known(TREE, WWW))),
    "Inventory.directories": inventory(lambda i: all_of(i.directories(TREE))),
    "Inventory.drop": inventory(lambda i: i.drop(TREE, WWW, next(i.known(TREE, WWW)))),
    "Inventory.drop_directory": inventory(lambda i: i.drop_directory(TREE, WWW)),
    "Inventory.progress": inventory(lambda i: i.progress(TREE)),
    "Inventory.note_progress": inventory(lambda i: i.note_progress(TREE, Progress(WWW, None))),
    "SeenContents.newly_known": lambda f: all_of(f.index.seen.newly_known([], [], NOW)),
    "SeenContents.answered_before": lambda f: all_of(f.index.seen.answered_before(NOW + 1, NOW)),
    "SeenContents.never_asked": lambda f: all_of(f.index.seen.never_asked([SOURCE], NOW)),
    "SeenContents.never_asked_below": lambda f: all_of(f.index.seen.never_asked_below(TREE, WWW, [SOURCE], NOW)),
    "SeenContents.answer_sets_in_use": lambda f: f.index.seen.answer_sets_in_use(lambda: False),
    "SeenContents.compared": lambda f: f.index.seen.compared(),
    "SeenContents.note_compared": lambda f: f.index.seen.note_compared({"police.sha1": "1"}),
    "IndexedContents.same_content": contents(lambda c: c.same_content(CONTENT.digests.sha256)),
    "IndexedContents.same_file": contents(lambda c: c.same_file(2)),
    "IndexedContents.sha256_of": contents(lambda c: c.sha256_of(PLACE, STATE)),
    "IndexCensus.customers_having": census(lambda c: c.customers_having(CONTENT.digests.sha256, 9)),
    "IndexCensus.counted_since": census(lambda c: c.counted_since()),
    "IndexCensus.known_files": census(lambda c: all_of(c.known_files())),
    "IndexCensus.left_out_between": census(
        lambda c: c.left_out_between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    ),
    "IndexCensus.checks_between": census(
        lambda c: c.checks_between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_statement_reads_a_table_through(filled: Filled, name: str) -> None:
    for statement, plan in filled.explain(OPERATIONS[name]):
        if plan.startswith("SCAN"):
            assert plan.startswith(tuple(READ_THROUGH)), f"{plan}: {statement}"
        assert "TEMP B-TREE FOR ORDER" not in plan, f"{plan}: {statement}"


def test_every_operation_is_among_them() -> None:
    classes = (UploadIndex, Inventory, SeenContents, IndexedContents, IndexCensus)
    there = {
        f"{each.__name__}.{name}"
        for each in classes
        for name, _ in inspect.getmembers(each, inspect.isfunction)
        if not name.startswith("_")
    }
    assert there == OPERATIONS.keys()


POLLED = [
    "UploadIndex.full",
    "UploadIndex.take",
    "UploadIndex.untried_below",
    "UploadIndex.wake",
    "UploadIndex.settle",
    "UploadIndex.record",
    "UploadIndex.expect",
    "IndexedContents.sha256_of",
    "SeenContents.answered_before",
]


@pytest.mark.parametrize("name", POLLED)
def test_what_is_done_all_the_time_costs_the_same_however_many_files_there_are(filled: Filled, name: str) -> None:
    """Counted in steps of the database's own machine, a hundred at a time."""
    db = filled.index.database._db
    other = (
        "INSERT INTO uploads (directory, name, waiting, turn, priority, due, since, quiet, verdict, kind, checked_at)"
    )
    rows = ((7, b"%d" % number, 0, 0, 1, NOW, NOW, 0.0, "clear", "image", NOW + 10) for number in range(20_000))
    with db:
        db.execute("INSERT INTO directories VALUES (7, ?, ?, 'bob')", (TREE, b"anna/www/bob"))
        db.executemany(f"{other} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    OPERATIONS[name](filled)  # whatever is made only once
    hundreds = []
    db.set_progress_handler(lambda: hundreds.append(1), 100)
    OPERATIONS[name](filled)
    db.set_progress_handler(None, 0)
    assert len(hundreds) < 60, "less than a step for each third of the files"
