"""Objects are taken offline and put back exactly, whatever happens in between."""

import hashlib
import io
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from goodhoster.adapters.object_stores.memory import MemoryBucket
from goodhoster.errors import GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.evidence.bucket_quarantine import BucketQuarantine, FilesAndBuckets, WatchedBucket
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.model.objects import place_of, state_of
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Upload
from goodhoster.testing.suites.quarantine import uploaded

CASE, KEY, KNOWN = "20260101-abcdefg", "anna/known.png", b"ordinary bytes of a made-up picture"
SHA256 = hashlib.sha256(KNOWN).digest()
HEADERS = {"content-type": "image/png", "x-amz-meta-of": "anna", "x-amz-tagging": "a=b"}
MOST_CALLS = 40


@dataclass
class World:
    """A watched bucket with a known object, and the closed one."""

    versioned: bool
    store: MemoryBucket = field(init=False)
    closed: MemoryBucket = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryBucket("uploads", versioned=self.versioned)
        self.closed = MemoryBucket("closed", versioned=self.versioned)
        self.quarantine = BucketQuarantine((WatchedBucket("uploads", self.store, self.closed),))
        self.put(b"an older version")
        self.upload = self.put(KNOWN)
        self.store.set_acl(KEY, b"<public/>")

    def put(self, content: bytes) -> Upload:
        self.store.write(KEY, io.BytesIO(content), HEADERS)
        found = self.store.look(KEY)
        assert found
        return Upload(place_of("uploads", KEY), "anna", state_of("uploads", found[0]))

    def take(self) -> str:
        return self.quarantine.take_offline(CASE, self.upload, SHA256)

    def put_back(self) -> None:
        self.quarantine.put_back(CASE, self.upload)

    def settle(self) -> Whereabouts:
        return self.quarantine.recover(CASE, self.upload)

    def online(self) -> bool:
        """Whether anybody can still read the bytes, by any version."""
        versions = self.store.objects.get(KEY, [])
        return any(one.content == KNOWN for one in versions)

    def is_back(self) -> bool:
        newest = self.store.objects[KEY][0]
        return (newest.content, newest.headers, newest.acl) == (KNOWN, HEADERS, b"<public/>")


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def test_taken_offline_and_put_back_exactly(world: World) -> None:
    detail = world.take()
    assert not world.online()
    assert world.store.look(KEY) is None
    assert ("version" in detail) is world.versioned
    assert world.settle() is Whereabouts.QUARANTINE
    assert world.take() == "found done after a crash"
    world.put_back()
    assert world.is_back()
    assert world.closed.objects == {}
    assert world.settle() is Whereabouts.ELSEWHERE
    world.quarantine.verify_in_place(world.upload, SHA256)
    assert not any(one.is_marker for one in world.store.objects[KEY])


def test_files_and_objects_are_taken_together_each_by_its_own_quarantine(tmp_path: Path) -> None:
    world, tree = World(versioned=False), os.fsencode(tmp_path)
    both = FilesAndBuckets(LocalQuarantine((tree,)), lambda: world.quarantine)
    gone = replace(world.upload, place=place_of("uploads", "gone.png"))
    uploads = [uploaded(tree, b"anna/a.png", KNOWN), gone, world.upload]
    requests = [QuarantineRequest(f"{CASE}-{n}", upload, SHA256) for n, upload in enumerate(uploads)]
    taken, missing, of_bucket = both.take_all_offline(requests)
    assert (isinstance(taken, str), of_bucket) == (True, "")
    assert isinstance(missing, RefusedError)
    assert not world.online()
    assert not (tmp_path / "anna/a.png").exists()
    both.put_back(requests[0].case_id, uploads[0])


def test_an_older_version_does_not_come_back_in_its_place() -> None:
    world = World(versioned=True)
    world.take()
    assert [one.content for one in world.store.objects[KEY]] == [b"", b"an older version"]


def test_every_version_with_these_bytes_is_removed() -> None:
    """A delete marker alone only hides: a version is read by its id."""
    world = World(versioned=True)
    world.put(b"something else")
    world.upload = world.put(KNOWN)
    assert world.take().startswith("2 versions were removed")
    assert not world.online()


@pytest.mark.parametrize("calls", range(MOST_CALLS))
@pytest.mark.parametrize("away", ["store", "closed"])
def test_wherever_taking_breaks_off_it_is_settled_and_nothing_is_lost(world: World, away: str, calls: int) -> None:
    broken: MemoryBucket = getattr(world, away)
    broken.calls_left = calls
    with suppress(PassingError):
        world.take()
    broken.calls_left = None
    where = world.settle()
    assert world.online() is (where is Whereabouts.ELSEWHERE)
    if where is Whereabouts.ELSEWHERE:
        assert world.is_back()
        assert not any(one.is_marker for one in world.store.objects[KEY])
        world.take()
    assert not world.online()
    world.put_back()
    assert world.is_back()
    assert world.closed.objects == {}


@pytest.mark.parametrize("calls", range(MOST_CALLS))
@pytest.mark.parametrize("away", ["store", "closed"])
def test_wherever_putting_back_breaks_off_it_goes_on(world: World, away: str, calls: int) -> None:
    world.take()
    broken: MemoryBucket = getattr(world, away)
    broken.calls_left = calls
    with suppress(PassingError):
        world.put_back()
    broken.calls_left = None
    if world.settle() is Whereabouts.QUARANTINE:
        world.put_back()
    assert world.store.objects[KEY][0].content == KNOWN
    assert world.is_back()
    assert world.closed.objects == {}


@pytest.mark.parametrize("meanwhile", ["replaced", "gone", "same bytes again"])
def test_what_is_not_as_it_was_checked_is_not_touched(world: World, meanwhile: str) -> None:
    if meanwhile == "gone":
        world.store.objects.clear()
    else:
        world.put(KNOWN if meanwhile == "same bytes again" else b"a family photo")
    before = {key: list(versions) for key, versions in world.store.objects.items()}
    with pytest.raises(RefusedError):
        world.take()
    assert world.store.objects == before


def test_an_etag_that_lies_takes_nothing(world: World) -> None:
    """The bytes decide."""
    with pytest.raises(RefusedError, match="other bytes"):
        world.quarantine.take_offline(CASE, world.upload, hashlib.sha256(b"other").digest())
    assert world.online()
    assert world.closed.objects == {}


def test_nothing_goes_into_a_bucket_that_anybody_can_read(world: World) -> None:
    world.closed.open_to_anybody = True
    with pytest.raises(QuarantineError, match="anybody can read"):
        world.take()
    assert world.online()
    assert world.closed.objects == {}


def test_an_object_of_that_name_is_not_overwritten(world: World) -> None:
    world.take()
    world.put(b"the customer's new one")
    with pytest.raises(RefusedError, match="again"):
        world.put_back()
    assert world.store.objects[KEY][0].content == b"the customer's new one"
    assert world.settle() is Whereabouts.QUARANTINE


def test_a_copy_that_changed_in_the_closed_bucket_is_not_put_back(world: World) -> None:
    world.take()
    world.closed.objects[f"goodhoster/{CASE}/content"][0].content = b"x" * len(KNOWN)
    with pytest.raises(QuarantineError, match="other bytes"):
        world.put_back()
    assert world.store.look(KEY) is None


def test_nothing_is_destroyed_in_a_closed_bucket(world: World) -> None:
    world.quarantine.destroy(CASE, world.upload)  # it does not lie there
    world.take()
    with pytest.raises(RefusedError, match="destroys nothing"):
        world.quarantine.destroy(CASE, world.upload)
    world.put_back()
    assert world.is_back()


def test_a_bucket_that_is_configured_no_more_is_told(world: World) -> None:
    with pytest.raises(GoodhosterError, match="no watched bucket"):
        BucketQuarantine(()).recover(CASE, world.upload)
