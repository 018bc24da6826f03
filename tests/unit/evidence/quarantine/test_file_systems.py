"""Back exactly as it was, on every file system that can be mounted here; and what a disk in trouble does."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.model.quarantine import Whereabouts
from goodhoster.testing.suites.quarantine import BYTES, CASE, seen, sha256, uploaded
from goodhoster.uploads.trees import Tree as WatchedTree
from tests.disks import fill_disk

ANNA, BOB = 61001, 61002
KINDS = [
    pytest.param("ext4", marks=pytest.mark.debian("e2fsprogs", program="mkfs.ext4")),
    pytest.param("xfs", marks=pytest.mark.debian("xfsprogs", program="mkfs.xfs")),
    pytest.param("btrfs", marks=pytest.mark.debian("btrfs-progs", program="mkfs.btrfs")),
    "tmpfs",
]
Disk = Callable[..., Path]
Tree = Callable[[Path], bytes]
Customer = Callable[..., None]


def everything(path: bytes) -> dict[str, object]:
    """As the system's own programs and calls tell it, not as our code reads it."""
    found = os.lstat(path)
    acl = subprocess.run(["getfacl", "--absolute-names", "--numeric", path], capture_output=True, check=True).stdout
    flags = subprocess.run(["lsattr", path], capture_output=True, check=False).stdout.partition(b" ")[0]
    return {
        "inode": found.st_ino,
        "owner": (found.st_uid, found.st_gid),
        "mode": oct(found.st_mode),
        "times": (found.st_atime_ns, found.st_mtime_ns),
        "attributes": {name: os.getxattr(path, name) for name in os.listxattr(path)},
        "acl": acl,
        "flags": flags,
        "links": found.st_nlink,
    }


def flags_of(directory: bytes) -> bytes:
    return subprocess.run(["lsattr", "-d", directory], capture_output=True, check=True).stdout.partition(b" ")[0]


@pytest.mark.debian("acl", program="getfacl")
@pytest.mark.debian("e2fsprogs", program="chattr")
@pytest.mark.parametrize("kind", KINDS)
class TestExactness:
    def test_nothing_is_lost_on_the_way(self, disk: Disk, as_root_tree: Tree, kind: str) -> None:
        tree = as_root_tree(disk(kind))
        path = uploaded(tree, b"anna/a.jpg").place.absolute
        os.chown(path, ANNA, BOB)
        os.chmod(path, 0o1640)
        os.setxattr(path, "user.note", b"\x00\xff of the customer's")
        os.setxattr(path, "trusted.note", b"of root's")
        subprocess.run(["setfacl", "-m", f"u:{BOB}:rw,g:{ANNA}:r,m::rw", path], check=True)
        os.utime(path, ns=(1_111_111_111_111_111_111, 1_222_222_222_222_222_222))
        before, upload = everything(path), seen(tree, b"anna/a.jpg")
        quarantine = LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        locked = os.lstat(os.path.join(tree, b".goodhoster/quarantine", CASE.encode()))
        assert (locked.st_uid, locked.st_gid, locked.st_mode & 0o7777) == (0, 0, 0)
        quarantine.put_back(CASE, upload)
        assert everything(path) == before

    @pytest.mark.parametrize("flag", ["i", "a"])
    def test_a_flag_of_the_administrators_comes_back(
        self, disk: Disk, as_root_tree: Tree, kind: str, flag: str
    ) -> None:
        tree = as_root_tree(disk(kind))
        path = uploaded(tree, b"anna/a.jpg").place.absolute
        subprocess.run(["chattr", f"+{flag}", path], check=True)
        before = everything(path)
        quarantine = LocalQuarantine((tree,))
        upload = seen(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        quarantine.put_back(CASE, upload)
        assert everything(path) == before

    def test_no_other_program_reads_it_meanwhile(
        self, disk: Disk, as_root_tree: Tree, kind: str, as_customer: Customer
    ) -> None:
        tree = as_root_tree(disk(kind))
        path = uploaded(tree, b"anna/a.jpg").place.absolute
        os.chown(path, ANNA, ANNA)
        os.link(path, path + b".2")
        subprocess.run(["setfacl", "-m", f"u:{ANNA}:rw", path], check=True)
        LocalQuarantine((tree,)).take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
        as_customer(_cannot_read, path + b".2")


def _cannot_read(path: bytes) -> None:
    with pytest.raises(PermissionError):
        os.open(path, os.O_RDONLY)


@pytest.mark.debian("libcap2-bin", program="setcap")
def test_capabilities_of_the_file_do_not_come_back(disk: Disk, as_root_tree: Tree) -> None:
    tree = as_root_tree(disk("tmpfs"))
    path = uploaded(tree, b"anna/a.jpg").place.absolute
    os.chown(path, ANNA, ANNA)
    subprocess.run(["setcap", "cap_net_raw+ep", path], check=True)
    quarantine = LocalQuarantine((tree,))
    upload = seen(tree, b"anna/a.jpg")
    quarantine.take_offline(CASE, upload, sha256())
    quarantine.put_back(CASE, upload)
    assert "security.capability" not in os.listxattr(path)


@pytest.mark.debian("xfsprogs", program="xfs_io")
def test_disk_quota_projects_of_customers_are_no_obstacle(disk: Disk, as_root_tree: Tree) -> None:
    tree = as_root_tree(disk("xfs"))
    for path, project in ((tree, "7"), (os.path.join(tree, b"anna"), "42")):
        subprocess.run(["xfs_io", "-c", f"chproj {project}", "-c", "chattr +P", path], check=True)
    upload = uploaded(tree, b"anna/a.jpg")
    quarantine = LocalQuarantine((tree,))
    quarantine.take_offline(CASE, upload, sha256())
    quarantine.put_back(CASE, upload)
    assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES


@pytest.mark.debian("btrfs-progs", program="mkfs.btrfs")
class TestBtrfs:
    def test_a_subvolume_has_its_own_shelf(self, disk: Disk) -> None:
        """Same mount, another device: a rename between subvolumes is refused."""
        top = disk("btrfs")
        subprocess.run(["btrfs", "--quiet", "subvolume", "create", top / "anna"], check=True)
        os.chown(top / "anna", ANNA, ANNA)
        upload = uploaded(os.fsencode(top), b"anna/album/a.jpg")
        quarantine = LocalQuarantine((os.fsencode(top),))
        quarantine.take_offline(CASE, upload, sha256())
        assert (top / "anna" / ".goodhoster" / "quarantine" / CASE).exists()
        quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_over_the_quota_it_still_goes_offline(self, disk: Disk) -> None:
        """A customer who filled what is his cannot keep his file online by that."""
        top = disk("btrfs")
        subprocess.run(["btrfs", "quota", "enable", top], check=True)
        subprocess.run(["btrfs", "--quiet", "subvolume", "create", top / "anna"], check=True)
        os.chown(top / "anna", ANNA, ANNA)
        tree = os.fsencode(top)
        quarantine = LocalQuarantine((tree,))
        quarantine.take_offline("earlier", uploaded(tree, b"anna/earlier.jpg"), sha256())
        upload = uploaded(tree, b"anna/a.jpg")
        subprocess.run(["btrfs", "qgroup", "limit", "2M", top / "anna"], check=True)
        fill_disk(top / "anna" / "ballast")
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())


@pytest.mark.parametrize("kind", KINDS)
class TestDiskInTrouble:
    def test_a_restore_over_the_owners_quota_is_refused_until_there_is_room(
        self, disk: Disk, as_root_tree: Tree, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file counts for its owner again when it is given back: there the kernel refuses (EDQUOT). Injected: not
        every kernel can count per owner.
        """
        tree, change_owner = as_root_tree(disk(kind)), os.fchown
        quarantine, path = LocalQuarantine((tree,)), uploaded(tree, b"anna/a.jpg").place.absolute
        os.chown(path, ANNA, ANNA)
        upload, before = seen(tree, b"anna/a.jpg"), os.stat(path)
        quarantine.take_offline(CASE, upload, sha256())

        def refuse_to_customers(fd: int, uid: int, gid: int) -> None:
            if uid == before.st_uid:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            change_owner(fd, uid, gid)

        with monkeypatch.context() as full:
            full.setattr(os, "fchown", refuse_to_customers)
            with pytest.raises(QuarantineError, match=r"quota exceeded \(of its owner: raise it"):
                quarantine.put_back(CASE, upload)
        assert not os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())
        after = os.stat(upload.place.absolute)
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)

    def test_a_customer_who_fills_the_disk_gains_nothing(self, disk: Disk, as_root_tree: Tree, kind: str) -> None:
        tree = as_root_tree(disk(kind))
        quarantine = LocalQuarantine((tree,))
        quarantine.take_offline("earlier", uploaded(tree, b"anna/earlier.jpg"), sha256())
        upload = uploaded(tree, b"anna/a.jpg")
        fill_disk(Path(os.fsdecode(tree)) / "anna" / "ballast")
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_read_only_is_said_and_mended(self, disk: Disk, as_root_tree: Tree, kind: str) -> None:
        top = disk(kind)
        tree = as_root_tree(top)
        quarantine, upload = LocalQuarantine((tree,)), uploaded(tree, b"anna/a.jpg")
        subprocess.run(["mount", "-o", "remount,ro", top], check=True)
        with pytest.raises(QuarantineError, match="Read-only"):
            quarantine.take_offline(CASE, upload, sha256())
        subprocess.run(["mount", "-o", "remount,rw", top], check=True)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE
        quarantine.take_offline(CASE, upload, sha256())
        subprocess.run(["mount", "-o", "remount,ro", top], check=True)
        with pytest.raises(QuarantineError, match="Read-only"):
            quarantine.put_back(CASE, upload)
        subprocess.run(["mount", "-o", "remount,rw", top], check=True)
        quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES


@pytest.mark.debian("e2fsprogs", program="chattr")
@pytest.mark.parametrize("kind", KINDS)
class TestDirectoriesAndTheirGuards:
    @pytest.mark.parametrize("flag", ["i", "a"])
    def test_a_directory_that_forbids_renames_keeps_no_file_online(
        self, disk: Disk, as_root_tree: Tree, kind: str, flag: str
    ) -> None:
        tree = as_root_tree(disk(kind))
        upload = uploaded(tree, b"anna/album/a.jpg")
        directory = os.path.dirname(upload.place.absolute)
        subprocess.run(["chattr", f"+{flag}", directory], check=True)
        before, quarantine = flags_of(directory), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        assert flags_of(directory) == before
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())
        assert flags_of(directory) == before
        subprocess.run(["chattr", f"-{flag}", directory], check=True)

    def test_a_label_is_as_safe_as_its_file(self, disk: Disk, as_root_tree: Tree, kind: str) -> None:
        """Root brings a backup back (`rsync --delete`), or empties the tree: neither goes, and the undo is exact."""
        tree = as_root_tree(disk(kind))
        upload, quarantine = uploaded(tree, b"anna/a.jpg"), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        subprocess.run(["rm", "-rf", tree + b"/.goodhoster"], check=False, stderr=subprocess.DEVNULL)
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())
        assert not os.path.exists(tree + b"/.goodhoster/quarantine/" + CASE.encode() + b".label")

    def test_what_the_customer_made_of_our_name_stops_no_quarantine(
        self, disk: Disk, as_root_tree: Tree, kind: str
    ) -> None:
        """Of a disk whose top is hers."""
        tree = as_root_tree(disk(kind))
        os.chown(tree, ANNA, ANNA)
        os.mkdir(tree + b"/.goodhoster")
        os.chown(tree + b"/.goodhoster", ANNA, ANNA)
        upload, quarantine = uploaded(tree, b"anna/a.jpg"), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        assert WatchedTree(tree, None).is_ours(b".goodhoster-2/quarantine/x")
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())

    def test_a_full_disk_stops_not_even_the_first_measure(self, disk: Disk, as_root_tree: Tree, kind: str) -> None:
        tree = as_root_tree(disk(kind))
        quarantine = LocalQuarantine((tree,))
        quarantine.prepare(tree)
        upload = uploaded(tree, b"anna/a.jpg")
        fill_disk(Path(os.fsdecode(tree)) / "anna" / "ballast")
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)


class TestMovedToAnotherDisk:
    @pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
    def test_bytes_decide_where_numbers_are_new(self, disk: Disk, as_root_tree: Tree, tmp_path: Path) -> None:
        """A server is moved with `cp -a`: every inode number and directory is another one."""
        old = disk("ext4")
        tree = as_root_tree(old)
        upload, quarantine = uploaded(tree, b"anna/a.jpg"), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        away = tmp_path / "moved"
        subprocess.run(["cp", "-a", f"{old}/.", away], check=True)
        disk("tmpfs", at=old)
        (old / "filler").write_bytes(b"so that inode numbers differ")
        subprocess.run(["cp", "-a", f"{away}/.", old], check=True)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        with pytest.raises(RefusedError, match="not the one"):
            quarantine.put_back(CASE, upload)
        quarantine.put_back(CASE, upload, moved=True)
        quarantine.verify_in_place(upload, sha256())

    def test_other_bytes_under_the_name_of_a_case_are_not_given_to_anybody(
        self, disk: Disk, as_root_tree: Tree
    ) -> None:
        tree = as_root_tree(disk("tmpfs"))
        upload, quarantine = uploaded(tree, b"anna/a.jpg"), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        kept = Path(os.fsdecode(tree)) / ".goodhoster/quarantine" / CASE
        subprocess.run(["chattr", "-i", kept], check=True)
        kept.unlink()
        kept.write_bytes(BYTES[::-1])
        with pytest.raises(QuarantineError, match="not the one its label describes"):
            quarantine.put_back(CASE, upload)

    def test_a_file_without_its_label_is_said_to_lie_there(self, disk: Disk, as_root_tree: Tree) -> None:
        """It was said to be back, or never moved."""
        tree = as_root_tree(disk("tmpfs"))
        upload, quarantine = uploaded(tree, b"anna/a.jpg"), LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        label = Path(os.fsdecode(tree)) / ".goodhoster/quarantine" / f"{CASE}.label"
        subprocess.run(["chattr", "-i", label], check=True)
        label.unlink()
        for act in (quarantine.recover, quarantine.put_back):
            with pytest.raises(QuarantineError, match="without its label"):
                act(CASE, upload)


@pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
class TestAnotherNumberOfTheDisk:
    """Linux numbers devices anew at each start."""

    def test_what_is_in_quarantine_is_found_and_goes_back(
        self, disk: Disk, as_root_tree: Tree, renumber: Callable[[Path], None]
    ) -> None:
        top = disk("ext4")
        tree = as_root_tree(top)
        quarantine, upload = LocalQuarantine((tree,)), uploaded(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        renumber(top)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        quarantine.put_back(CASE, upload)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_what_was_never_taken_is_in_its_place_and_can_be_taken(
        self, disk: Disk, as_root_tree: Tree, renumber: Callable[[Path], None]
    ) -> None:
        top = disk("ext4")
        tree = as_root_tree(top)
        quarantine, upload = LocalQuarantine((tree,)), uploaded(tree, b"anna/a.jpg")
        renumber(top)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)

    def test_of_what_is_not_there_nobody_says_where_it_is(
        self, disk: Disk, as_root_tree: Tree, renumber: Callable[[Path], None]
    ) -> None:
        """It may be on a disk that is not mounted."""
        top = disk("ext4")
        tree = as_root_tree(top)
        quarantine, upload = LocalQuarantine((tree,)), uploaded(tree, b"anna/a.jpg")
        os.unlink(upload.place.absolute)
        renumber(top)
        with pytest.raises(QuarantineError, match="not there"):
            quarantine.recover(CASE, upload)
