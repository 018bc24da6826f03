"""The cases for watching, for each event source: counted on the disk and by the hash source, not by the watcher."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.ports import CaseQuery
from goodhoster.uploads.index import UploadIndex
from goodhoster_agent.watching.fanotify import FanotifySource
from tests.journeys.watching.conftest import ELSEWHERE, Mount
from tests.journeys.watching.process import WorldProcess
from tests.journeys.watching.world import (
    KNOWN,
    LARGEST,
    World,
    everything_checked,
    on_disk,
    sha256_of_file,
)
from tests.waiting import wait_until

RoundCount = Callable[[int, int], int]

BURST = """
import os, sys
tree, writer, count = os.fsencode(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    with open(os.path.join(tree, b"c%d" % (number % 20), b"%s-%d.jpg" % (writer.encode(), number)), "wb") as file:
        file.write(b"%s %d" % (writer.encode(), number))
"""


def burst(world: World, files: int, writers: int = 4) -> None:
    """From processes of their own, as customers do it."""
    for number in range(20):
        os.makedirs(world.path(b"c%d" % number), exist_ok=True)
    command = [sys.executable, "-c", BURST, os.fsdecode(world.tree)]
    running = [subprocess.Popen([*command, str(writer), str(files // writers)]) for writer in range(writers)]
    assert [process.wait() for process in running] == [0] * writers


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@pytest.mark.row(1, "a burst of 20,000 files, 4 writers, existing directories")
def test_a_burst_in_existing_directories(world: World, rounds: RoundCount) -> None:
    for number in range(20):
        os.makedirs(world.path(b"c%d" % number))
    with world.running_on():
        burst(world, rounds(2_000, 20_000))
        everything_checked(world, 150)


@pytest.mark.row(2, "mkdir -p a/b/c && cp, 4,000 times")
def test_files_in_fresh_directories(world: World, rounds: RoundCount) -> None:
    count = rounds(150, 4_000)
    script = f'cd "$1" && for n in $(seq {count}); do mkdir -p c$n/a/b/c && echo $n >c$n/a/b/c/f.jpg; done'
    with world.running_on():
        subprocess.run(["sh", "-c", script, "sh", world.tree], check=True)
        assert len(on_disk(world.tree)) == count
        everything_checked(world, 150)


@pytest.mark.row(3, "a filled directory is moved in")
def test_a_directory_moved_in_is_checked_under_its_final_path(world: World) -> None:
    aside = world.tree + b"-aside"
    os.makedirs(os.path.join(aside, b"x/y"))
    for number in range(100):
        with open(os.path.join(aside, b"x/y", b"%d" % number), "wb") as file:
            file.write(KNOWN if number == 50 else b"moved %d" % number)
    os.makedirs(world.path(b"alice"))
    with world.running_on():
        os.rename(aside, world.path(b"alice/in"))
        everything_checked(world)
        assert wait_until(lambda: world.store.find(CaseQuery()))
        (case,) = world.store.find(CaseQuery())
        assert case.upload.place.path == b"alice/in/x/y/50"


@pytest.mark.parametrize("world", ["fanotify", "watchdog"], indirect=True)
@pytest.mark.row(4, "the event queue overflows: a gap, then reconciled")
def test_an_overflow_is_a_gap_and_nothing_is_lost(world: World, tmp_path: Path) -> None:
    """As many renames as the kernel has no room for, while nobody reads."""
    early, flooding = sha256_of_file(world.write(b"zoe/early.jpg")), world.write(b"mallory/0.jpg")
    process = WorldProcess(tmp_path, world.events, more=("limited",))
    try:
        process.start()
        assert wait_until(lambda: early in process.asked and "compared" in process.problems())
        with process.stopped():
            flood(flooding, room_for_events(world.events) + 2_000)
            late = [sha256_of_file(world.write(b"c%d/late.jpg" % number)) for number in range(20)]
        assert wait_until(lambda: "overflowed" in process.problems())
        assert wait_until(lambda: process.asked.issuperset(late))
        assert wait_until(lambda: process.asked.issuperset(on_disk(world.tree)))
    finally:
        process.kill()


def room_for_events(source: str) -> int:
    name = "inotify" if source == "watchdog" else "fanotify"
    return int(Path(f"/proc/sys/fs/{name}/max_queued_events").read_text())


def flood(file: bytes, count: int) -> None:
    """Rename it so often; no two events are alike, for the kernel would make one of them."""
    directory = os.path.dirname(file)
    for number in range(1, count + 1):
        name = os.path.join(directory, b"%d.jpg" % number)
        os.rename(file, name)
        file = name


LIMITED = ("unshare", "--user", "--map-root-user", "sh", "-c", 'echo 10 >/proc/sys/user/max_inotify_watches; exec "$@"')


@pytest.mark.row(5, "max_user_watches is too small: told, and scanned")
@pytest.mark.parametrize("world", ["watchdog"], indirect=True)
def test_too_few_watches_are_told_and_made_good_by_scanning(world: World, tmp_path: Path) -> None:
    for number in range(30):
        world.write(b"c%d/early" % number)
    process = WorldProcess(tmp_path, "watchdog", (*LIMITED, "sh"))
    try:
        process.start()
        told = process.problems()
        assert "degraded: 10 of 31 directories watched" in told, told
        assert not told.startswith("problems 0"), "a gap"
        for number in range(30):
            world.write(b"c%d/late" % number)
        files = on_disk(world.tree)
        assert wait_until(lambda: files.keys() <= process.asked)
    finally:
        process.kill()


@pytest.mark.row(6, "kill -9 in the burst, files come while it is down")
def test_kill_9_in_a_burst_loses_nothing_and_doubles_nothing(world: World, tmp_path: Path, rounds: RoundCount) -> None:
    process = WorldProcess(tmp_path, world.events)
    world.write(b"mallory/known.jpg", KNOWN)
    try:
        for attempt in range(rounds(1, 10)):
            process.start()
            burst(world, 400)
            process.kill()
            world.write(b"alice/while-down-%d" % attempt)
        process.start()
        files = on_disk(world.tree)
        assert wait_until(lambda: files.keys() <= process.asked)
    finally:
        process.kill()
    world.start()
    assert len(world.store.find(CaseQuery())) == 1, "one case, however often it was asked about"


@pytest.mark.row(7, "a directory with old times is moved in")
def test_a_directory_moved_in_with_old_times_is_found(world: World) -> None:
    aside = world.tree + b"-old"
    os.makedirs(aside)
    with open(os.path.join(aside, b"old.jpg"), "wb") as file:
        file.write(b"old")
    for path in (os.path.join(aside, b"old.jpg"), aside):
        os.utime(path, (1, 1))
    time.sleep(0.5)  # its ctime too is older than the start
    with world.running_on():
        os.makedirs(world.path(b"alice"))
        os.rename(aside, world.path(b"alice/old"))
        everything_checked(world)


@pytest.mark.row(8, "same size and inode, forged mtime")
def test_a_forged_mtime_hides_nothing(world: World) -> None:
    path = world.write(b"alice/a.jpg", b"before")
    os.utime(path, (1, 1))
    with world.running_on():
        everything_checked(world)
    with open(path, "r+b") as file:
        file.write(b"after!")
    os.utime(path, (1, 1))
    with world.running_on():
        everything_checked(world)


@pytest.mark.row(9, "truncated by path")
def test_a_file_truncated_by_path_is_found_by_reconciling(world: World) -> None:
    path = world.write(b"alice/a.jpg", b"long content")
    with world.running_on():
        everything_checked(world)
        os.truncate(path, 4)
        world.reconcile()
        everything_checked(world)


@pytest.mark.row(9, "held open by its writer")
def test_a_file_held_open_is_checked(world: World) -> None:
    os.makedirs(world.path(b"alice"))
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        with open(world.path(b"alice/open.jpg"), "wb", buffering=0) as file:
            file.write(b"not closed")
            everything_checked(world)


@pytest.mark.row(9, "written to again by who keeps it open")
def test_a_file_that_is_written_to_and_stays_open_is_checked_as_it_is_then(world: World) -> None:
    """Neither its making nor its end says so: it was there before."""
    path = world.write(b"alice/open.jpg")
    with world.running_on():
        everything_checked(world)
        if not isinstance(world.watcher.source, FanotifySource):
            return  # of inotify such events would be taken one by one: left to the comparison
        with open(path, "r+b", buffering=0) as file:
            for number in range(3):
                file.seek(0)
                file.write(b"\xff\xd8\xff %d" % number)
            everything_checked(world)
            file.seek(0)
            file.write(b"\xff\xd8\xff and something else, much later")
            everything_checked(world)


@pytest.mark.row(9, "a file system mounted later")
@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_file_system_mounted_later_is_covered(world: World, mount: Mount, tmp_path: Path, kind: str) -> None:
    point = world.path(b"alice/disk")
    os.makedirs(point)
    arguments = ["-t", "tmpfs", "none"] if kind == "tmpfs" else ["-o", "loop", disk_image(tmp_path)]
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        mount(point, *arguments)
        world.write(b"alice/disk/at-once.jpg")
        everything_checked(world)
        world.write(b"alice/disk/later/on.jpg")
        everything_checked(world)
        assert wait_until(lambda: unmounted(point))  # nobody is kept from it for longer than a look into a directory


def unmounted(point: bytes) -> bool:
    return subprocess.run(["umount", point], check=False, capture_output=True).returncode == 0


def disk_image(folder: Path) -> str:
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    return str(image)


@pytest.mark.row(10, "O_TMPFILE, hard link, rename, exchange, rsync, FTP resume")
def test_every_way_of_putting_a_file_there(world: World) -> None:
    os.makedirs(world.path(b"alice"))
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        aside = world.tree + b"-aside"
        with open(aside, "wb") as file:
            file.write(b"linked")
        os.link(aside, world.path(b"alice/linked.jpg"))
        os.rename(world.write(b"alice/late.dat"), world.path(b"alice/late.jpg"))
        os.rename(world.write(b"alice/.rsync.tmp", b"rsynced"), world.path(b"alice/rsynced.jpg"))
        name_a_nameless_file(world.path(b"alice"), b"named.jpg")
        half = world.write(b"alice/resumed.jpg", b"first half, ")
        everything_checked(world)
        with open(half, "ab") as file:
            file.write(b"second half")
        everything_checked(world)


def name_a_nameless_file(directory: bytes, name: bytes) -> None:
    fd = os.open(directory, os.O_TMPFILE | os.O_WRONLY)
    os.write(fd, b"nameless")
    above = os.open(directory, os.O_RDONLY)
    os.link(b"/proc/self/fd/%d" % fd, name, dst_dir_fd=above, follow_symlinks=True)
    os.close(above)
    os.close(fd)


@pytest.mark.row(10, "two files change their names")
def test_an_exchange_is_checked_under_both_names(world: World) -> None:
    first, second = world.write(b"alice/1.jpg", b"one"), world.write(b"alice/2.jpg", b"two")
    with world.running_on():
        everything_checked(world)
        before = len(world.hashes.asked)
        subprocess.run([sys.executable, "-c", EXCHANGE, first, second], check=True)
        if world.events == "scan":
            world.reconcile()
        assert wait_until(lambda: len(world.hashes.asked) >= before + 2)


EXCHANGE = """
import ctypes, os, sys
done = ctypes.CDLL(None).renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2)
sys.exit(done != 0)
"""


@pytest.mark.row(11, "root unpacks .goodhoster and gives it away at the end")
def test_a_directory_that_is_roots_for_a_moment_is_not_taken_for_our_quarantine(world: World) -> None:
    os.makedirs(world.path(b"anna"))
    with world.running_on():
        os.mkdir(world.path(b"anna/.goodhoster"), 0o700)
        world.write(b"anna/.goodhoster/first.jpg")
        everything_checked(world)
        os.chmod(world.path(b"anna/.goodhoster"), 0o704)
        world.write(b"anna/.goodhoster/second.jpg")
        everything_checked(world)


@pytest.mark.row(11, "names: not UTF-8, newline, 255 bytes; a path beyond PATH_MAX")
def test_odd_names_are_names(world: World) -> None:
    os.makedirs(world.path(b"alice"))
    with world.running_on():
        for name in (b"\xff\xfe.jpg", b"new\nline.jpg", b"n" * 255, b" ", b"-rf", b"\x1b[31m"):
            world.write(b"alice/" + name)
        write_deep(world.path(b"mallory"), 30)
        files = {*on_disk(world.tree), sha256(b"deep")}
        assert wait_until(lambda: files <= world.asked())
        world.write(b"alice/afterwards.jpg")
        everything_checked(world)
    remove_deep(world.path(b"mallory"))


def write_deep(start: bytes, depth: int) -> None:
    """Some 6,000 bytes of path."""
    os.makedirs(start)
    directory = os.open(start, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(b"d" * 200, dir_fd=directory)
        below = os.open(b"d" * 200, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    file = os.open(b"f.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=directory)
    os.write(file, b"deep")
    os.close(file)
    os.close(directory)


def remove_deep(start: bytes) -> None:
    subprocess.run(["rm", "-rf", start], check=True)


@pytest.mark.row(12, "links out of the tree, FIFO, socket, device named x.jpg")
def test_what_is_no_file_is_neither_followed_nor_waited_for(world: World) -> None:
    secret = world.tree + b"-secret"
    os.makedirs(secret)
    with open(os.path.join(secret, b"s"), "wb") as file:
        file.write(b"secret")
    os.makedirs(world.path(b"mallory"))
    with world.running_on(), socket.socket(socket.AF_UNIX) as listening:
        os.symlink(os.path.join(secret, b"s"), world.path(b"mallory/link.jpg"))
        os.symlink(secret, world.path(b"mallory/directory"))
        os.mkfifo(world.path(b"mallory/fifo.jpg"))
        os.chdir(world.path(b"mallory"))  # a socket's path may have 108 bytes
        listening.bind(b"socket.jpg")
        os.chdir("/")
        if os.geteuid() == 0:
            os.mknod(world.path(b"mallory/null.jpg"), 0o20666, os.makedev(1, 3))
        world.write(b"alice/afterwards.jpg")
        world.reconcile()
        everything_checked(world)
        assert sha256(b"secret") not in world.asked()


@pytest.mark.row(13, "directories of mode 0700 and 000")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what is closed: run as root")
def test_closed_directories_are_read(world: World) -> None:
    for mode in (0o700, 0o000):
        world.write(b"c%o/a.jpg" % mode)
        os.chown(world.path(b"c%o" % mode), 12345, 12345)
        os.chmod(world.path(b"c%o" % mode), mode)
    with world.running_on():
        everything_checked(world)


@pytest.mark.row(14, "a sparse file of 1 TB")
def test_a_file_over_the_limit_is_unchecked_and_never_clear(world: World) -> None:
    path = world.write(b"mallory/big.jpg", b"")
    with world.running_on():
        os.truncate(path, 1 << 40)
        with open(path, "r+b"):
            pass  # closed after writing
        world.write(b"alice/ordinary.jpg", b"x" * LARGEST)
        assert wait_until(lambda: sha256(b"x" * LARGEST) in world.asked())
        world.reconcile()
        assert wait_until(lambda: world.index.figures().reasons == {"too-big": 1})


class Paced(MemorySource):
    """Takes its time, so that many files wait for long however fast the machine is."""

    def look_up(self, question: Question) -> tuple[Match, ...]:
        time.sleep(0.1)
        return super().look_up(question)


@pytest.mark.timeout(3600)  # a million files, where all are asked for
@pytest.mark.row(15, "one customer's million files: others are checked in seconds")
def test_one_customers_many_files_delay_nobody(world: World, rounds: RoundCount) -> None:
    """In seconds where events tell of them. Without events nobody does: the promise is the next comparison, and then
    before the million.
    """
    count = rounds(3_000, 1_000_000)
    many_files(world.path(b"mallory"), count)
    os.makedirs(world.path(b"alice"))
    world.hashes = Paced(world.hashes.known)
    with world.running_on():
        assert wait_until(lambda: len(world.hashes.asked) > 100)
        if world.events == "scan":
            checked_by_the_next_comparison(world)
            return
        waits = [checked_after(world, number) for number in range(5)]
        assert len(world.hashes.asked) < count, "the others were still waiting"
        assert max(waits) < 20.0, waits  # two on an idle machine; the others would take a minute at the least


def checked_by_the_next_comparison(world: World) -> None:
    """That is one which begins after the upload; the one under way may have been there already."""
    digest = sha256_of_file(world.write(b"alice/fresh.jpg"))
    wait_for_a_comparison(world)
    wait_for_a_comparison(world)
    assert wait_until(lambda: digest in world.asked())


def wait_for_a_comparison(world: World) -> None:
    """Until one more of the whole tree has ended."""
    now = time.time()
    assert wait_until(lambda: (world.index.inventory.progress(world.tree).completed_at or 0.0) > now, 1200)


def many_files(directory: bytes, count: int) -> None:
    for number in range(count):
        if number % 1000 == 0:
            os.makedirs(os.path.join(directory, b"%d" % (number // 1000)))
        with open(os.path.join(directory, b"%d/%d" % (number // 1000, number)), "wb") as file:
            file.write(b"%d of many" % number)


def checked_after(world: World, number: int) -> float:
    """Seconds from the closing of another customer's upload until the hash source was asked about it."""
    begun = time.monotonic()
    digest = sha256_of_file(world.write(b"alice/%d.jpg" % number))
    assert wait_until(lambda: any(question.digests.sha256 == digest for question in reversed(world.hashes.asked[:])))
    return time.monotonic() - begun


def test_every_row_is_shown_here_or_where_the_table_says() -> None:
    marks = [mark for test in globals().values() for mark in getattr(test, "pytestmark", []) if mark.name == "row"]
    assert {mark.args[0] for mark in marks} | {number for number, _ in ELSEWHERE} == set(range(1, 22))
    assert all((Path(__file__).parents[3] / place).exists() for place in ELSEWHERE.values())


@pytest.mark.parametrize("damage", ["deleted", "overwritten", "truncated"])
@pytest.mark.parametrize("world", ["watchdog"], indirect=True)
def test_an_index_damaged_while_it_is_used_is_rebuilt(
    world: World, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(200):
        world.write(b"alice/%d.jpg" % number)
    with world.running_on():
        everything_checked(world)
        assert wait_until(lambda: world.index.figures().waiting == 0)
        world.index.database.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        break_index(world.state / "index.sqlite", damage)
        other = UploadIndex(world.state / "index.sqlite")  # as a command does: it reads from the disk, not from a cache
        other.figures()
        other.close()
        time.sleep(1.1)
        world.write(b"alice/late.jpg")
        everything_checked(world)
        assert wait_until(lambda: world.index.figures().verdicts == {"clear": 201})
        assert "index.sqlite was" in caplog.text
    anew = UploadIndex(world.state / "index.sqlite")
    assert anew.figures().verdicts == {"clear": 201}, "and it is what the next process finds"
    anew.close()


def break_index(file: Path, damage: str) -> None:
    if damage == "deleted":
        for part in file.parent.glob("index.sqlite*"):
            part.unlink()
    else:
        size = file.stat().st_size
        with file.open("r+b") as opened:
            opened.write(b"garbage " * (size // 8)) if damage == "overwritten" else opened.truncate(size // 2)
