"""A write lease that its owner takes again and again keeps a file closed to whoever does not wait, and not to us."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.linux.leases import LeaseBreaker
from tests.leaseholder import leases_on


@pytest.fixture
def top(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


class Told:
    """Files of which a breaker told that they can be opened."""

    def __init__(self, breaker: LeaseBreaker, count: int) -> None:
        self.paths: list[bytes] = []
        self.all = threading.Event()
        self._count = count
        breaker.try_again = self._note

    def _note(self, path: bytes) -> None:
        self.paths.append(path)
        if len(self.paths) >= self._count:
            self.all.set()


def files(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        path.write_bytes(b"a picture")
    return paths


def opens(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except BlockingIOError:
        return False
    return True


def begin(breaker: LeaseBreaker, top: int, path: Path) -> None:
    breaker.begin_beneath(top, os.fsencode(path.name), os.fsencode(path))


def test_files_whose_leases_are_taken_again_at_once_are_open_to_everybody_until_released(
    top: int, tmp_path: Path
) -> None:
    paths = files(tmp_path, 3)
    breaker = LeaseBreaker()
    told = Told(breaker, 3)
    with leases_on(*paths):
        assert not all(opens(path) for path in paths for _ in range(200)), "whoever does not wait is cheated"
        for path in paths:
            begin(breaker, top, path)
        assert told.all.wait(60)
        assert sorted(told.paths) == [os.fsencode(path) for path in paths]
        assert all(opens(path) for path in paths for _ in range(20))
        assert breaker.waiting() == []
        for path in paths:
            breaker.release(os.fsencode(path))
        end = time.monotonic() + 60
        while all(opens(path) for path in paths):
            assert time.monotonic() < end
            time.sleep(0.01)


def test_no_more_than_a_few_of_one_owner_are_waited_for(top: int, tmp_path: Path) -> None:
    paths = files(tmp_path, 12)
    breaker = LeaseBreaker()
    told = Told(breaker, 4)
    for path in paths:  # without any lease: what counts is how many are kept open
        begin(breaker, top, path)
    assert told.all.wait(60)
    time.sleep(0.2)
    assert len(told.paths) == 4
    told.all.clear()
    breaker.release(told.paths[0])  # now there is a place for the next that had none
    assert told.all.wait(60)
    assert told.paths[4:] == [os.fsencode(paths[4])]
    begin(breaker, top, paths[4])
    end = time.monotonic() + 60
    while len(told.paths) < 6:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert told.paths[5] == os.fsencode(paths[4])
    for kept in told.paths:
        breaker.release(kept)


def test_what_is_no_file_is_never_waited_for(top: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    breaker = LeaseBreaker()
    told = Told(breaker, 1)
    for name in ("fifo", "link", "missing"):
        begin(breaker, top, tmp_path / name)
    assert breaker.waiting() == []
    assert not told.all.wait(0.2)


def test_a_file_that_nobody_releases_is_closed_after_a_while(top: int, tmp_path: Path) -> None:
    (path,) = files(tmp_path, 1)
    breaker = LeaseBreaker(kept_open=0.1)
    told = Told(breaker, 1)
    with leases_on(path):
        begin(breaker, top, path)
        assert told.all.wait(60)
        end = time.monotonic() + 60
        while opens(path):
            assert time.monotonic() < end
            time.sleep(0.01)
