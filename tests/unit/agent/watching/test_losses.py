"""Lost events stand in `status` from the moment they are lost until every tree was compared since."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.mount_table import Mount
from goodhoster.model.uploads import Place
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.events import Gap, Listener
from goodhoster_agent.watching.watcher import Rhythm, Watcher
from tests.waiting import wait_until


class Told:
    """An event source that loses events when the test says so."""

    name, reason = "told", "by a test"

    def __init__(self) -> None:
        self.calls = FileSystemCalls()
        self.lose: Listener = lambda _: None

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:  # noqa: ARG002 - as the port has it
        self.lose = listener

    def cover(self, directory: bytes) -> None:
        pass

    def uncover(self, directory: bytes) -> None:
        pass

    def lost(self, mounts: Iterable[Mount]) -> list[Mount]:  # noqa: ARG002 - as the port has it
        return []

    def problems(self) -> list[str]:
        return []

    def stop(self) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    with closing(UploadIndex(tmp_path / "index.sqlite", limit=4)) as index:
        yield index


@pytest.fixture
def watcher(tmp_path: Path, index: UploadIndex) -> Iterator[Watcher]:
    (tmp_path / "srv/anna").mkdir(parents=True)
    (tmp_path / "srv/anna/a.jpg").touch()
    tree = Tree(bytes(tmp_path / "srv"), None)
    watcher = Watcher([tree], index, Told(), Rhythm(3600.0, 0.0))
    watcher.start()
    assert wait_until(lambda: watcher._reconciler.compared_since(0.0))
    yield watcher
    watcher.stop()


def lose(watcher: Watcher, reason: str) -> None:
    assert isinstance(watcher.source, Told)
    watcher.source.lose(Gap(reason))


def fill(index: UploadIndex, watcher: Watcher) -> None:
    """So that a comparison waits until there is room in the queue."""
    tree = watcher._trees[0]
    arrivals = [Arrival(Place(tree.root, b"anna/%d.jpg" % n), "anna", time.time(), Priority.FRESH) for n in range(4)]
    index.expect(arrivals, time.time())
    assert wait_until(lambda: index.full(0.5))


def empty(index: UploadIndex) -> None:
    for job in index.take(time.time() + 60, 10):
        index.settle(job)


def test_a_loss_is_said_at_once_and_no_longer_than_until_the_files_were_looked_for(
    watcher: Watcher, index: UploadIndex
) -> None:
    assert watcher.problems() == []
    fill(index, watcher)
    lose(watcher, "the kernel's event queue overflowed")
    (line,) = watcher.problems()
    assert line.startswith("events were lost at 20")
    assert line.endswith("(the kernel's event queue overflowed): comparing every tree with the index")
    assert wait_until(lambda: watcher.scanning)
    assert watcher.problems() == [line]
    empty(index)
    assert wait_until(lambda: watcher.problems() == [])


def test_a_comparison_that_had_begun_before_the_loss_is_not_enough(watcher: Watcher) -> None:
    began = time.monotonic()
    lose(watcher, "one")
    assert wait_until(lambda: watcher.problems() == [])
    assert watcher._reconciler.compared_since(began)
    assert not watcher._reconciler.compared_since(time.monotonic())


def test_a_tree_that_cannot_be_compared_keeps_the_loss_in_status(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "srv").rename(tmp_path / "elsewhere")
    lose(watcher, "one")
    time.sleep(0.5)
    assert any(line.startswith("events were lost at") for line in watcher.problems())


def test_the_first_of_several_losses_is_named(watcher: Watcher, index: UploadIndex) -> None:
    fill(index, watcher)
    lose(watcher, "one")
    (first,) = watcher.problems()
    time.sleep(1.1)
    lose(watcher, "two")
    (second,) = watcher.problems()
    assert second == first.replace("(one)", "(two)")
