"""Every event source keeps the promises of `EventSource`; counted on the disk, not by the source."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster_agent.watching.events import EventSource, Gap, Hint, Written
from goodhoster_agent.watching.source_choice import choose_source

PATIENCE = 60.0


class SessionReport:
    """What a source told, by absolute path."""

    def __init__(self) -> None:
        self.hints: dict[bytes, Hint] = {}
        self.gaps: list[Gap] = []
        self.written: dict[bytes, Written] = {}
        self._changed = threading.Condition()

    def __call__(self, told: Hint | Gap | Sequence[Written]) -> None:
        with self._changed:
            if not isinstance(told, Hint | Gap):
                self.written |= {os.path.join(each.directory, each.name): each for each in told}
            elif isinstance(told, Gap):
                self.gaps.append(told)
            else:
                path = os.path.join(told.directory, told.name)
                self.hints[path] = told if told.settled else self.hints.get(path, told)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], object], patience: float = PATIENCE) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(condition, patience))

    def settled(self, path: bytes) -> bool:
        return self.wait(lambda: path in self.hints and self.hints[path].settled)


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    tree = tmp_path / "tree"
    (tree / "there").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    return bytes(tree)


@pytest.fixture(params=["fanotify", "watchdog"])
def source(request: pytest.FixtureRequest, root: bytes) -> Iterator[EventSource]:
    try:
        source = choose_source(request.param, [root])
    except ConfigurationError as error:
        pytest.skip(str(error))
    yield source
    source.stop()


@pytest.fixture
def told(source: EventSource, root: bytes) -> SessionReport:
    told = SessionReport()
    source.start([root], told)
    return told


def write(path: bytes) -> bytes:
    with open(path, "wb") as file:
        file.write(b"x")
    return path


@pytest.mark.parametrize("name", [b"a.jpg", b"\xff\xfe.jpg", b"new\nline", b"n" * 255])
def test_a_written_file_is_told_of_under_its_name_in_bytes(told: SessionReport, root: bytes, name: bytes) -> None:
    assert told.settled(write(os.path.join(root, b"there", name)))


def test_a_file_moved_in_is_told_of_and_settled(told: SessionReport, root: bytes) -> None:
    outside = write(os.path.join(root, b"../outside/a"))
    os.rename(outside, os.path.join(root, b"there/b"))
    assert told.settled(os.path.join(root, b"there/b"))


def test_an_exchange_tells_of_both_names(told: SessionReport, root: bytes) -> None:
    paths = [write(os.path.join(root, b"there", name)) for name in (b"a", b"b")]
    assert all(map(told.settled, paths))
    told.hints.clear()
    os.rename(paths[0], paths[1])
    assert told.settled(paths[1])


def test_a_hard_link_is_told_of(told: SessionReport, root: bytes) -> None:
    os.link(write(os.path.join(root, b"../outside/a")), os.path.join(root, b"there/link"))
    assert told.wait(lambda: os.path.join(root, b"there/link") in told.hints)


def test_a_directory_moved_in_is_told_of_as_one_and_is_watched(told: SessionReport, root: bytes) -> None:
    os.makedirs(os.path.join(root, b"../outside/d/e"))
    os.rename(os.path.join(root, b"../outside/d"), os.path.join(root, b"d"))
    assert told.wait(lambda: os.path.join(root, b"d") in told.hints)
    assert told.hints[os.path.join(root, b"d")].is_directory
    # watchdog adds its watches after it told: what comes before is found by looking through the directory.
    late = (write(os.path.join(root, b"d/e/late-%d" % number)) for number in range(60))
    assert any(told.wait(lambda: path in told.hints and told.hints[path].settled, 1.0) for path in late)  # noqa: B023


def test_a_file_in_a_renamed_directory_is_told_of_under_the_new_path(told: SessionReport, root: bytes) -> None:
    assert told.settled(write(os.path.join(root, b"there/first")))
    os.rename(os.path.join(root, b"there"), os.path.join(root, b"renamed"))
    assert told.wait(lambda: os.path.join(root, b"renamed") in told.hints)
    assert told.settled(write(os.path.join(root, b"renamed/second")))


def test_a_file_still_held_open_is_told_of_as_not_settled(told: SessionReport, root: bytes) -> None:
    path = os.path.join(root, b"there/open")
    with open(path, "wb"):
        assert told.wait(lambda: path in told.hints)
        assert not told.hints[path].settled
    assert told.settled(path)


def test_nothing_outside_the_trees_is_told_of(told: SessionReport, root: bytes) -> None:
    write(os.path.join(root, b"../outside/a"))
    assert told.settled(write(os.path.join(root, b"there/last")))
    assert all(path.startswith(root + b"/") for path in told.hints)


def test_a_directory_that_is_gone_again_stops_nothing(told: SessionReport, root: bytes) -> None:
    for _ in range(50):
        os.mkdir(os.path.join(root, b"short"))
        write(os.path.join(root, b"short/lived"))
        shutil.rmtree(os.path.join(root, b"short"))
    assert told.settled(write(os.path.join(root, b"there/last")))


def test_a_healthy_source_has_no_problems_and_says_why_it_was_chosen(told: SessionReport, source: EventSource) -> None:
    assert source.problems() == []
    assert "agent.events" in source.reason
    assert told.gaps == []


def test_nothing_is_told_after_the_end(source: EventSource, root: bytes) -> None:
    told = SessionReport()
    source.start([root], told)
    source.stop()
    write(os.path.join(root, b"there/after"))
    time.sleep(0.1)
    assert told.hints == {}


def test_a_source_that_only_scans_says_so(root: bytes) -> None:
    assert "scanning only" in choose_source("scan", [root]).problems()[0]
