"""Files that were written to and stay open: which are told of, when, and which are checked."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.events import Hint, Written
from goodhoster_agent.watching.fanotify_kernel import Event
from goodhoster_agent.watching.open_files import OpenFiles
from goodhoster_agent.watching.unfinished_writes import UnfinishedWrites

JPEG = b"\xff\xd8\xff\xe0 made up"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write_of(name: bytes, mask: int = kernel.MODIFY) -> Event:
    return Event(mask, b"a disk", b"a directory", name)


class TestUnfinishedWrites:
    @pytest.fixture
    def writes(self, clock: Clock) -> UnfinishedWrites:
        return UnfinishedWrites(clock, lambda: clock() + 1_000_000)

    def names(self, writes: UnfinishedWrites) -> list[bytes]:
        return [due.event.name for due in writes.due()]

    def test_a_file_is_due_once_when_it_was_quiet_for_a_while(self, writes: UnfinishedWrites, clock: Clock) -> None:
        writes.written([write_of(b"a")])
        assert self.names(writes) == []
        clock.now += 1
        writes.written([write_of(b"a"), write_of(b"b")])
        clock.now += 1.5
        assert self.names(writes) == []
        clock.now += 1
        assert self.names(writes) == [b"a", b"b"]
        clock.now += 100
        assert self.names(writes) == []

    def test_one_that_is_never_quiet_is_due_after_a_minute(self, writes: UnfinishedWrites, clock: Clock) -> None:
        due = []
        for _ in range(130):
            writes.written([write_of(b"a")])
            clock.now += 1
            due += self.names(writes)
        assert due == [b"a", b"a"]

    def test_when_it_was_closed_is_told_also_where_its_writes_are_read_later(
        self, writes: UnfinishedWrites, clock: Clock
    ) -> None:
        writes.closed(write_of(b"a", kernel.CLOSE_WRITE))
        clock.now += 0.9
        writes.written([write_of(b"a"), write_of(b"b")])
        clock.now += 2
        assert [(due.event.name, due.closed_at) for due in writes.due()] == [(b"a", 1_001_000.0), (b"b", 0.0)]

    def test_directories_and_other_events_are_none(self, writes: UnfinishedWrites, clock: Clock) -> None:
        writes.written([write_of(b"d", kernel.MODIFY | kernel.ONDIR), Event(kernel.Q_OVERFLOW), write_of(b"c", 0)])
        clock.now += 10
        assert self.names(writes) == []

    def test_they_are_bounded(self, writes: UnfinishedWrites, clock: Clock) -> None:
        for number in range(30_000):
            writes.written([write_of(b"%d" % number)])
            writes.closed(write_of(b"c%d" % number))
        clock.now += 10
        assert len(self.names(writes)) == 20_000


class TestOpenFiles:
    @pytest.fixture
    def look(self, tmp_path: Path, clock: Clock) -> Callable[..., list[Hint]]:
        open_files = OpenFiles([Tree(bytes(tmp_path), "anna")], FileSystemCalls(), clock)
        return lambda *names, closed_at=0.0: open_files.look(
            [Written(bytes(tmp_path), name, closed_at) for name in names]
        )

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            (b"a.jpg", JPEG),
            (b"a.txt", JPEG),
            (b"a.jpg", b"not written yet"),
            (b"a.zip", b"PK\3\4"),
            (b"a", b"Rar!\x1a\7"),
        ],
    )
    def test_a_picture_video_or_archive_is_checked(
        self, look: Callable[..., list[Hint]], tmp_path: Path, name: bytes, content: bytes
    ) -> None:
        (tmp_path / os.fsdecode(name)).write_bytes(content)
        assert look(name) == [Hint(bytes(tmp_path), name)]

    def test_a_log_is_not_until_it_is_something_else(
        self, look: Callable[..., list[Hint]], tmp_path: Path, clock: Clock
    ) -> None:
        log = tmp_path / "access.log"
        log.write_bytes(b"GET / HTTP/1.1\n")
        assert look(b"access.log") == []
        log.write_bytes(JPEG)
        assert look(b"access.log") == []
        clock.now += 61
        assert look() == [Hint(bytes(tmp_path), b"access.log")]

    def test_what_did_not_change_since_it_was_closed_is_not_checked_twice(
        self, look: Callable[..., list[Hint]], tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_bytes(JPEG)
        assert look(b"a.jpg", closed_at=time.time() + 1) == []
        assert look(b"a.jpg", closed_at=time.time() - 60) != []

    def test_a_time_that_its_owner_set_hides_nothing(self, look: Callable[..., list[Hint]], tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(JPEG)
        os.utime(tmp_path / "a.jpg", (1, 1))
        assert look(b"a.jpg", closed_at=time.time() - 60) != []

    def test_a_large_film_that_is_being_recorded_is_read_seldom(
        self, look: Callable[..., list[Hint]], tmp_path: Path, clock: Clock
    ) -> None:
        with (tmp_path / "a.mkv").open("wb") as film:
            film.write(b"\x1a\x45\xdf\xa3")
            film.truncate(400 << 20)
        checks = 0
        for _ in range(300):
            checks += len(look(b"a.mkv"))
            clock.now += 1
        assert checks == 3

    @pytest.mark.parametrize("name", [b"gone.jpg", b"link.jpg", b"pipe.jpg", b"directory"])
    def test_what_is_no_file_is_not_waited_for(
        self, look: Callable[..., list[Hint]], tmp_path: Path, name: bytes
    ) -> None:
        (tmp_path / "link.jpg").symlink_to("/etc/passwd")
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "directory").mkdir()
        assert look(name) == []

    def test_mail_is_left_alone(self, look: Callable[..., list[Hint]], tmp_path: Path) -> None:
        for directory in ("cur", "new", "tmp"):
            (tmp_path / "Maildir" / directory).mkdir(parents=True)
        message = "1700000000.M1P1.host,S=9:2,S"
        (tmp_path / "Maildir/cur" / message).write_bytes(JPEG)
        assert look(b"Maildir/cur/" + message.encode()) == []
