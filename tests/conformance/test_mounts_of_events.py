"""fanotify where a file system is seen at several places, at none, or twice with one identity; on real disks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.fanotify import FanotifySource
from goodhoster_agent.watching.fanotify_kernel import open_by_handle
from goodhoster_agent.watching.mounts import mounts_of
from tests.conformance.test_event_sources import SessionReport, write
from tests.conftest import PROGRAM_PATH, Bind, Disk
from tests.waiting import wait_until


@pytest.fixture
def tree(tmp_path: Path, disk: Disk) -> Path:
    """A disk of its own, so that nothing else happens on it."""
    tree = tmp_path / "customers"
    tree.mkdir()
    disk("ext4", at=tree)
    (tree / "anna").mkdir()
    return tree


@pytest.fixture
def source() -> Iterator[FanotifySource]:
    source = FanotifySource("a test")
    yield source
    source.stop()


@pytest.fixture
def told(source: FanotifySource, tree: Path) -> SessionReport:
    told = SessionReport()
    source.start([bytes(tree)], told)
    return told


@pytest.fixture
def mounted() -> Iterator[ExitStack]:
    with ExitStack() as mounted:
        yield mounted


def mount(mounted: ExitStack, image: Path, at: Path) -> Path:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True)
    mounted.callback(unmount_quietly, at)
    return at


def unmount_quietly(at: Path) -> None:
    subprocess.run(["umount", "--lazy", "--quiet", at], check=False)


def unmounted(at: Path) -> bool:
    return subprocess.run(["umount", at], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.debian("e2fsprogs", program="mkfs.ext4")


def test_a_bind_mount_that_is_taken_away_loses_no_event_of_its_disk(
    told: SessionReport, source: FanotifySource, tree: Path, tmp_path: Path, disk: Disk, bind: Bind
) -> None:
    """Below it lies another disk, which knows nothing of the handles."""
    other = disk("ext4", at=tmp_path / "other", size=20)
    unmounts = [bind(other, tree / name) for name in ("one", "two", "three")]
    for name in ("one", "two", "three"):
        source.cover(bytes(tree / name))
    for unmount in unmounts[:2]:
        unmount()
        (tree / "three" / "new").mkdir(exist_ok=True)
        assert told.settled(write(bytes(tree / "three" / "new" / "a")))
        (tree / "three" / "new").rename(tree / "three" / "old")
        assert told.settled(write(bytes(tree / "three" / "old" / "b")))
        shutil.rmtree(tree / "three" / "old")
    assert not told.gaps


def test_a_file_is_told_of_at_every_place_where_it_is_seen(
    told: SessionReport, source: FanotifySource, tree: Path, bind: Bind
) -> None:
    (tree / "anna" / "www").mkdir()
    for name in ("one", "two", "three"):
        bind(tree / "anna" / "www", tree / name)
    source.cover(bytes(tree / "one"))
    write(bytes(tree / "anna" / "www" / "a"))
    assert all(told.settled(bytes(tree / place / "a")) for place in ("anna/www", "one", "two", "three"))


def test_what_is_mounted_above_a_part_of_a_disk_is_found_there_alone(
    told: SessionReport, source: FanotifySource, tree: Path, tmp_path: Path, mounted: ExitStack, bind: Bind
) -> None:
    """Only a directory of the other disk is seen below the tree, and its own top is seen nowhere."""
    image = tmp_path / "other.img"
    subprocess.run(["mkfs.ext4", "-q", image, "16M"], check=True, env=os.environ | {"PATH": PROGRAM_PATH})
    other = mount(mounted, image, tmp_path / "other")
    (other / "inside").mkdir()
    (other / "outside").mkdir()
    bind(other / "inside", tree / "part")
    source.cover(bytes(tree / "part"))
    write(bytes(other / "outside" / "a"))
    write(bytes(other / "inside" / "a"))
    assert told.settled(bytes(tree / "part" / "a"))
    subprocess.run(["umount", "--lazy", other], check=True)
    write(bytes(tree / "part" / "b"))
    assert told.settled(bytes(tree / "part" / "b"))
    assert all(path.startswith(bytes(tree)) for path in told.hints)


@pytest.mark.parametrize("first", ["original", "copy"])
def test_two_disks_with_one_identity_are_both_told_of_and_it_is_said(
    told: SessionReport, source: FanotifySource, tree: Path, tmp_path: Path, mounted: ExitStack, first: str
) -> None:
    """A snapshot, or images made from one template: the kernel's events carry the same identity."""
    subprocess.run(["sync", "-f", tree], check=True)
    copy = tmp_path / "copy.img"
    shutil.copy(next(tmp_path.glob("customers.ext4")), copy)
    snapshot = mount(mounted, copy, tree / "snapshot")
    source.cover(bytes(snapshot))
    (problem,) = source.problems()
    assert "same identity" in problem
    assert str(snapshot) in problem
    for place in (tree, snapshot) if first == "original" else (snapshot, tree):
        (place / "fresh").mkdir()
        assert told.settled(write(bytes(place / "fresh" / "a")))
        (place / "anna" / "more").mkdir()
        assert told.settled(write(bytes(place / "anna" / "more" / "a")))
    assert not told.gaps
    assert wait_until(lambda: unmounted(snapshot)), "the source has it open for no longer than a look"
    assert source.problems() == [], "it is gone"


def test_a_disk_that_is_mounted_over_another_is_found(
    told: SessionReport, source: FanotifySource, tree: Path, disk: Disk
) -> None:
    (tree / "bert").mkdir()
    disk("tmpfs", at=tree / "bert")
    source.cover(bytes(tree / "bert"))
    disk("ext4", at=tree / "bert", size=20)
    source.cover(bytes(tree / "bert"))
    assert told.settled(write(bytes(tree / "bert" / "a")))


def test_a_file_system_whose_handles_cannot_be_opened_is_not_called_watched(
    told: SessionReport, source: FanotifySource, tree: Path, mounted: ExitStack
) -> None:
    """overlay marks well since Linux 6.6, and then no event says where."""
    for name in ("lower", "upper", "work", "merged"):
        (tree / "anna" / name).mkdir()
    options = f"lowerdir={tree}/anna/lower,upperdir={tree}/anna/upper,workdir={tree}/anna/work"
    merged = tree / "anna" / "merged"
    subprocess.run(["mount", "-t", "overlay", "none", "-o", options, merged], check=True)
    mounted.callback(unmount_quietly, merged)
    source.cover(bytes(merged))
    (problem,) = source.problems()
    assert "is not watched" in problem


def test_names_of_mounts_below_each_other_are_not_mixed_up(
    told: SessionReport, source: FanotifySource, tree: Path, bind: Bind
) -> None:
    (tree / "anna" / "x").mkdir()
    bind(tree / "anna", tree / "anna-2")
    bind(tree / "anna" / "x", tree / "anna 3\n")
    source.cover(bytes(tree / "anna-2"))
    write(bytes(tree / "anna" / "x" / "a"))
    assert told.settled(bytes(tree / "anna" / "x" / "a"))
    assert told.settled(bytes(tree / "anna-2" / "x" / "a"))
    assert told.settled(bytes(tree / "anna 3\n" / "a"))
    assert set(told.hints) == {bytes(tree / place / "a") for place in ("anna/x", "anna-2/x", "anna 3\n")}


MANY = 300


def test_many_mounts_of_one_disk_cost_one_mark_and_one_look_at_each_event(
    told: SessionReport, source: FanotifySource, tree: Path, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: 2,500 of them once took a minute to begin, and most of a core for ten renames a second."""
    (tree / "anna" / "shared").mkdir()
    for number in range(MANY):
        bind(tree / "anna" / "shared", tree / f"mount-{number}")
        source.cover(bytes(tree / f"mount-{number}"))
    marks = [line for line in groups_of_this_process()[0] if line.startswith("fanotify sdev")]
    assert len(marks) == 1
    opened: list[bytes] = []

    def counted(mount: int, handle: bytes) -> int:
        opened.append(handle)
        return open_by_handle(mount, handle)

    monkeypatch.setattr(kernel, "open_by_handle", counted)
    for number in range(10):
        (tree / "anna" / f"{number}").write_bytes(b"x")
    assert all(told.settled(bytes(tree / "anna" / f"{number}")) for number in range(10))
    assert len(opened) <= 1, "the directory of an event is looked up once, and remembered"
    write(bytes(tree / "anna" / "shared" / "a"))
    assert told.wait(lambda: sum(path.endswith(b"/a") for path in told.hints) == MANY + 1)
    assert len(opened) <= 2
    assert not told.gaps


def groups_of_this_process() -> list[list[str]]:
    """What Linux says of its groups of events: that of names first, then that of writes."""
    named = [fd for fd in os.listdir("/proc/self/fd") if _leads_to_a_group(fd)]
    return [Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines() for fd in sorted(named, key=int)]


def _leads_to_a_group(fd: str) -> bool:
    try:
        return "fanotify" in os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return False


def test_a_directory_far_below_is_told_of_by_one_above_it(told: SessionReport, tree: Path) -> None:
    here = os.open(tree / "anna", os.O_RDONLY)
    for _ in range(4000):
        os.mkdir(b"d", dir_fd=here)
        below = os.open(b"d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    assert told.settled(write(bytes(tree / "last"))), "all that was made before is told by now"
    told.hints.clear()
    os.close(os.open(b"a", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=here))
    os.close(here)
    assert told.wait(lambda: any(hint.is_directory for hint in told.hints.values()))
    (hint,) = told.hints.values()
    assert (os.path.join(hint.directory, hint.name) + b"/").startswith(bytes(tree) + b"/anna/d/d/")


def test_a_disk_that_is_unmounted_and_mounted_again_at_once_is_watched_again(
    told: SessionReport, source: FanotifySource, tree: Path, tmp_path: Path, mounted: ExitStack
) -> None:
    """Its number and device are those that it had: the mount table does not tell, and the mark went with the first."""
    image = tmp_path / "other.img"
    subprocess.run(["mkfs.ext4", "-q", image, "16M"], check=True, env=os.environ | {"PATH": PROGRAM_PATH})
    point = mount(mounted, image, tree / "anna" / "other")
    source.cover(bytes(point))
    before = mounts_of([bytes(tree)])
    assert source.lost(before) == []
    assert wait_until(lambda: unmounted(point))
    mount(mounted, image, point)
    after = mounts_of([bytes(tree)])
    lost = source.lost(after)
    if after == before:
        assert [each.point for each in lost] == [bytes(point)]
    for each in (after - before) | set(lost):
        source.cover(each.point)
    assert told.settled(write(bytes(point / "a")))
    assert source.lost(after) == []
