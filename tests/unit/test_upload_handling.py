"""The story of an upload, told as one outcome: what becomes of its row, what was found, what was done."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.noticed_contents import match_by_notice
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import AuditError, NotAskedError, SourceUnavailableError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.examination import Examined
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import CaseState
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content, Place
from goodhoster.model.verdicts import Category, Match, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.case_store import a_case
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.upload_handling import QueueAction, UploadOutcome
from goodhoster.uploads.index import Arrival, Job, Priority, UploadIndex
from goodhoster.uploads.trees import Tree
from tests.full_log import LogFullAt

PICTURE = "\x89PNG made up"


class Log(FileAuditLog):
    """An audit log whose disk may be full."""

    full = False

    def append_all(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        if self.full:
            raise AuditError("the disk is full")
        return super().append_all(events)


class World:
    """One row of a queue at a time, over real files."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.source = MemorySource({}, name="far", local=False)
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), Log(folder / "audit.log")
        self.index = UploadIndex(folder / "index.sqlite")
        rules = HouseRules(enforce=False, storm_customers=3, measures_per_hour=100)
        desk = CaseDesk(
            self.store,
            self.audit,
            LocalQuarantine((os.fsencode(self.tree),)),
            rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            lambda: datetime.now(UTC),
            brake_in_memory(self.store, self.audit, rules, lambda: datetime.now(UTC)),
        )
        hasher = DirectHasher(ReadingLimits(file_bytes=1000))
        self.handling = toolkit_over((self.source,), self.store, self.audit, desk, hasher).upload_handling

    def handle(self, name: str, text: str | None = PICTURE, *, quiet: float = 0.0) -> UploadOutcome:
        """Of one file that was made just now; without a text there is none."""
        path = self.tree / name
        if text is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        now, place = time.time(), Place(os.fsencode(self.tree), os.fsencode(name))
        self.index.expect([Arrival(place, "alice", now, Priority.FRESH, quiet=quiet)], now)
        (job,) = self.index.take(now, 1)
        root = os.fsencode(self.tree)
        return self.handling.handle(job, {root: Tree(root, None)}, self.record)

    def record(self, job: Job, examined: Examined) -> None:
        self.index.record(job, (examined.state, examined.content), examined.verdict, time.time())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.index.close()
    world.store.close()


def test_what_no_source_knows_is_settled_and_says_that_the_sources_answered(world: World) -> None:
    outcome = world.handle("alice/a.png")
    assert (outcome.row, outcome.case, outcome.sources_answered) == (QueueAction.SETTLE, None, True)
    assert outcome.examined
    assert outcome.examined.verdict.kind is VerdictKind.CLEAR
    assert world.index.figures().verdicts == {"clear": 1}


def test_what_a_notice_took_while_it_was_read_is_held_and_recorded(world: World) -> None:
    """The notice looked for copies before this one was in the index, and this one was asked about before that."""
    handling, record, digests = world.handling, world.record, made_up(PICTURE).digests
    taken = replace(a_case(), state=CaseState.OFFLINE, notice="N1", notifier="hotline", digests=digests)

    def record_and_take(job: Job, examined: Examined) -> None:
        record(job, examined)
        if not world.store.find(CaseQuery()):
            world.store.add(taken)

    def by_notice(place: Place, content: Content, picture: bool) -> Match | None:  # noqa: FBT001 - of the examiner
        return match_by_notice(world.store, place, content, picture=picture)

    world.handling = replace(handling, examiner=replace(handling.examiner, match_by_notice=by_notice))
    world.record = record_and_take  # type: ignore[method-assign]
    outcome = world.handle("alice/a.png")
    assert outcome.case
    assert "the same bytes as a file that a notice took offline" in outcome.case.reason
    assert world.index.figures().verdicts == {"near": 1}


def test_a_letter_says_nothing_about_sources_that_were_not_asked(world: World) -> None:
    outcome = world.handle("alice/a.txt", "a letter")
    assert (outcome.row, outcome.sources_answered) == (QueueAction.SETTLE, False)


def test_what_a_source_knows_is_a_case_in_the_outcome(world: World) -> None:
    world.source.known[made_up(PICTURE).digests.of(Algorithm.SHA256)] = Category.BASELINE
    outcome = world.handle("alice/a.png")
    assert outcome.row is QueueAction.SETTLE
    assert outcome.case
    assert outcome.case.state is CaseState.OBSERVED


def test_what_is_no_file_is_forgotten(world: World) -> None:
    assert world.handle("alice/gone.png", None) == UploadOutcome(QueueAction.FORGET)


def test_what_is_still_written_to_is_postponed(world: World) -> None:
    outcome = world.handle("alice/a.png", quiet=30.0)
    assert outcome.row is QueueAction.POSTPONE
    assert 25 < outcome.wait <= 30


def test_a_source_that_fails_leaves_it_unchecked_and_to_be_tried_again(world: World) -> None:
    world.source.trouble = SourceUnavailableError("away", reason="refused", retry_after=60.0)
    outcome = world.handle("alice/a.png")
    assert (outcome.row, outcome.unchecked, outcome.source_fails) == (QueueAction.RETRY, True, True)
    assert 60 <= outcome.wait <= 61
    assert world.index.figures().reasons == {"refused": 1}


@pytest.mark.parametrize("reason", ["not-asked", "too-flat"])
def test_what_no_source_has_a_say_about_is_unchecked_and_not_tried_again(world: World, reason: str) -> None:
    world.source.trouble = NotAskedError("no say", reason=reason)
    outcome = world.handle("alice/a.png")
    assert outcome.row is QueueAction.SETTLE
    assert world.index.figures().reasons == {reason: 1}


def test_a_file_that_is_too_big_says_nothing_about_the_sources(world: World) -> None:
    outcome = world.handle("alice/a.png", PICTURE + "x" * 2000)
    assert (outcome.row, outcome.unchecked, outcome.source_fails) == (QueueAction.RETRY, True, False)


def test_nothing_is_acted_on_that_cannot_be_written_down(world: World) -> None:
    world.source.known[made_up(PICTURE).digests.of(Algorithm.SHA256)] = Category.BASELINE
    world.audit.full = True
    outcome = world.handle("alice/a.png")
    assert (outcome.row, outcome.case, str(outcome.audit_error)) == (QueueAction.RETRY, None, "the disk is full")
    assert world.index.figures().verdicts == {"known": 1}, "it was seen all the same"


def test_what_was_done_and_cannot_be_written_down_is_not_called_no_measure(world: World) -> None:
    world.source.known[made_up(PICTURE).digests.of(Algorithm.SHA256)] = Category.BASELINE
    rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
    audit = LogFullAt(world.tree.parent / "audit.log", "measure.done")
    world.handling = replace(world.handling, desk=replace(world.handling.desk, rules=rules, audit=audit))
    outcome = world.handle("alice/a.png")
    assert (outcome.row, outcome.audit_error) == (QueueAction.RETRY, None)
    assert "is offline, but that cannot be recorded" in str(outcome.unrecorded)
    assert not (world.tree / "alice/a.png").exists()
    audit.room = True
    assert [case.state for case in world.handling.desk.recover()] == [CaseState.OFFLINE]
