"""Objects of a bucket: listed, found by their ETag, fetched, checked, taken offline, put back, or unchecked."""

import hashlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.object_stores.memory import MemoryBucket
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import PassingError, SourceUnavailableError
from goodhoster.evidence.bucket_quarantine import BucketQuarantine, FilesAndBuckets, WatchedBucket
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.examination import Examiner
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.objects import tree_of
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.object_handling import ObjectHandling, ObjectOutcome
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.upload_handling import UploadHandling
from goodhoster.uploads.object_opening import ObjectOpener
from goodhoster.uploads.object_queue import ObjectQueue

KNOWN, CLEAR = b"\x89PNG\r\n\x1a\n made up, known", b"\x89PNG\r\n\x1a\n made up, clear"
ORDER = Order("an administrator", "a family photo")


class World:
    """A host with one bucket."""

    def __init__(self, folder: Path, *, fetch_all: bool = True) -> None:
        self.source = MemorySource({})
        self.bucket, self.closed = MemoryBucket("uploads"), MemoryBucket("closed")
        self.store, audit = SqliteCaseStore(folder / "record.sqlite"), FileAuditLog(folder / "audit.log")
        rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
        quarantine = BucketQuarantine((WatchedBucket("pictures", self.bucket, self.closed),))
        self.desk = CaseDesk(
            self.store,
            audit,
            FilesAndBuckets(LocalQuarantine(()), lambda: quarantine),
            rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            lambda: datetime.now(UTC),
            brake_in_memory(self.store, audit, rules, lambda: datetime.now(UTC)),
        )
        hasher = DirectHasher(ReadingLimits(file_bytes=1000))
        opener = ObjectOpener({tree_of("pictures"): ("pictures", self.bucket)}, tempfile.TemporaryFile, 1000)
        examiner = Examiner((self.source,), hasher, self.desk.clock, open=opener.open)
        self.queue = ObjectQueue(folder / "objects.sqlite")
        self.toolkit = toolkit_over((self.source,), self.store, audit, self.desk, hasher)
        self.now = time.time()
        self.handling = ObjectHandling(
            bucket="pictures",
            store=self.bucket,
            queue=self.queue,
            uploads=UploadHandling(examiner, self.desk),
            customer_of=lambda key: key.partition("/")[0],
            fetch_all=fetch_all,
            clock=lambda: self.now,
        )

    def know(self, content: bytes) -> None:
        self.source.known[Digest(Algorithm.SHA256, hashlib.sha256(content).digest())] = Category.ILLEGAL
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        self.source.known[Digest(Algorithm.MD5, md5)] = Category.ILLEGAL

    def put(self, key: str, content: bytes) -> None:
        self.bucket.write(key, io.BytesIO(content), {})

    def round(self) -> list[ObjectOutcome]:
        """List the bucket, then check what waits."""
        self.handling.list(lambda: False)
        return self.check()

    def check(self) -> list[ObjectOutcome]:
        return [self.handling.check(job) for job in self.queue.take("pictures", self.now, 100)]

    def close(self) -> None:
        self.queue.close()
        self.store.close()


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make worlds that are closed at the end."""
    with ExitStack() as made:
        yield lambda **options: made.enter_context(closing(World(tmp_path, **options)))


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def kinds(outcomes: list[ObjectOutcome]) -> list[VerdictKind | None]:
    return [one.verdict.kind if one.verdict else None for one in outcomes]


def test_a_known_object_is_found_first_and_goes_offline_and_comes_back(world: World) -> None:
    for number in range(3):
        world.put(f"anna/{number}.png", CLEAR + bytes([number]))
    world.put("bert/known.png", KNOWN)
    world.know(KNOWN)
    outcomes = world.round()
    assert kinds(outcomes) == [VerdictKind.KNOWN] + [VerdictKind.CLEAR] * 3
    assert world.bucket.fetched[0] == "bert/known.png"
    (case,) = world.store.find(CaseQuery())
    assert (case.state, case.upload.customer) == (CaseState.OFFLINE, "bert")
    assert str(case.upload.place) == "s3://pictures/bert/known.png"
    assert world.bucket.look("bert/known.png") is None
    assert world.toolkit.restore([case.id], ORDER).done == (case.id,)
    assert world.bucket.look("bert/known.png") is not None
    world.round()
    assert world.bucket.look("bert/known.png") is not None  # a person had the last word
    assert len(world.store.find(CaseQuery())) == 1


def test_what_is_as_it_was_is_not_fetched_again_and_what_changed_is(world: World) -> None:
    world.put("anna/a.png", CLEAR)
    assert kinds(world.round()) == [VerdictKind.CLEAR]
    assert world.round() == []
    world.put("anna/a.png", CLEAR + b"!")
    assert kinds(world.round()) == [VerdictKind.CLEAR]
    world.bucket.objects.clear()
    assert world.round() == []
    assert world.queue.figures("pictures") == (0, 0)


def test_a_list_that_grew_finds_what_was_checked_before(world: World) -> None:
    world.put("anna/a.png", KNOWN)
    assert kinds(world.round()) == [VerdictKind.CLEAR]
    world.know(KNOWN)
    world.source.local = True
    assert kinds(world.round()) == [VerdictKind.KNOWN]
    assert world.bucket.look("anna/a.png") is None


def test_where_the_etag_is_no_md5_the_bytes_are_found_all_the_same(world: World) -> None:
    """With keys of one's own the listing shows 32 digits that are no digest of the bytes."""
    world.bucket.encrypts = True
    world.put("anna/a.png", KNOWN)
    world.know(KNOWN)
    assert kinds(world.round()) == [VerdictKind.KNOWN]


def test_an_etag_alone_takes_nothing_offline(world: World) -> None:
    world.put("anna/a.png", CLEAR)
    md5 = hashlib.md5(CLEAR, usedforsecurity=False).digest()
    world.source.known[Digest(Algorithm.MD5, md5)] = Category.ILLEGAL
    world.bucket.objects["anna/a.png"][0].content = CLEAR + b"!"  # it was replaced after the listing
    world.handling.list(lambda: False)
    assert kinds(world.check()) == [VerdictKind.CLEAR]


def test_where_only_known_ones_are_fetched_the_rest_is_unchecked_and_counted(make_world: MakeWorld) -> None:
    world = make_world(fetch_all=False)
    world.put("anna/a.png", CLEAR)
    world.put("anna/b.png", KNOWN)
    world.know(KNOWN)
    outcomes = world.round()
    assert kinds(outcomes) == [VerdictKind.KNOWN, VerdictKind.UNCHECKED]
    assert world.bucket.fetched.count("anna/a.png") == 0
    assert world.queue.figures("pictures") == (0, 1)


def test_a_store_or_source_that_is_away_leaves_it_unchecked_and_it_is_tried_again(world: World) -> None:
    world.put("anna/a.png", CLEAR)
    world.handling.list(lambda: False)
    world.bucket.calls_left = 0
    (outcome,) = world.check()
    assert outcome.verdict
    assert (outcome.verdict.kind, outcome.verdict.reason) == (VerdictKind.UNCHECKED, "store-away")
    assert world.queue.figures("pictures") == (1, 1)
    world.bucket.calls_left = None
    world.source.trouble = SourceUnavailableError("away", reason="timeout")
    world.now += 400
    assert kinds(world.check()) == [VerdictKind.UNCHECKED]
    world.source.trouble = None
    world.now += 400
    assert kinds(world.check()) == [VerdictKind.CLEAR]
    assert world.queue.figures("pictures") == (0, 0)


def test_what_is_too_big_is_unchecked(world: World) -> None:
    world.put("anna/a.png", bytes(1001))
    (outcome,) = world.round()
    assert outcome.verdict
    assert outcome.verdict.reason == "too-big"
    assert "anna/a.png" not in world.bucket.fetched


def test_a_listing_that_breaks_off_forgets_nothing(world: World) -> None:
    for number in range(1500):
        world.put(f"a/{number:04}.png", CLEAR)
    world.handling.list(lambda: False)
    world.handling.list(lambda: True)
    world.bucket.calls_left = 0
    with pytest.raises(PassingError):
        world.handling.list(lambda: False)
    assert world.queue.figures("pictures") == (1500, 0)


def test_a_hint_has_an_object_checked_before_the_next_listing(world: World) -> None:
    world.know(KNOWN)
    world.put("anna/b.png", KNOWN)
    world.queue.hint("pictures", ["anna/b.png", "anna/nothing.png"])
    assert world.handling.follow_hints() == 2
    assert kinds(world.check()) == [VerdictKind.KNOWN]
    assert world.handling.follow_hints() == 0
    world.put("anna/c.png", CLEAR)
    for _ in range(2):
        world.queue.hint("pictures", ["anna/c.png"])
    world.handling.follow_hints()
    assert kinds(world.check()) == [VerdictKind.CLEAR]
    world.queue.hint("pictures", ["anna/c.png"])
    world.handling.follow_hints()
    assert world.round() == []


def test_hints_are_bounded(world: World) -> None:
    for piece in range(100):
        world.queue.hint("pictures", [f"{piece}/{number}" for number in range(1000)])
    with pytest.raises(PassingError, match="wait already"):
        world.queue.hint("pictures", ["one more"])
