"""What a customer can do around a quarantine: rename, link, write, mount, fill; each was a way in or a way out."""

import hashlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.errors import PassingError, QuarantineError, RefusedError
from goodhoster.evidence.quarantine import labels, misplaced_files, taking
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.leases import LEASES
from goodhoster.model.quarantine import OWN_DIRECTORIES, Label, Whereabouts
from goodhoster.model.uploads import Place, Upload
from goodhoster.testing.suites.quarantine import BYTES, CASE, seen, sha256, uploaded
from tests.leaseholder import lease_on

ANNA = 61001
Disk = Callable[..., Path]
Tree = Callable[[Path], bytes]
Customer = Callable[..., None]
Bind = Callable[[Path, Path], Callable[[], object]]
Plan = Callable[[Callable[[], object]], None]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="root, to be stronger than a customer")


def annas(tree: bytes, path: bytes, content: bytes = BYTES) -> Upload:
    upload = uploaded(tree, path, content)
    if os.geteuid() == 0:
        os.chown(upload.place.absolute, ANNA, ANNA)
    return seen(tree, path)


class TestOtherNamesAndOpenDescriptors:
    def test_an_owner_who_has_a_lease_on_it_only_delays_it(self, quarantine: LocalQuarantine, tree: bytes) -> None:
        upload = annas(tree, b"anna/a.jpg")
        path = upload.place.absolute
        with lease_on(Path(os.fsdecode(path))) as give_up:
            with pytest.raises(PassingError, match="has a write lease on it"):
                quarantine.take_offline(CASE, upload, sha256())
            give_up()
            end = time.monotonic() + 60
            while LEASES.waiting():
                assert time.monotonic() < end
                time.sleep(0.01)
            quarantine.take_offline(CASE, upload, sha256())
        LEASES.release(path)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    def test_a_file_back_at_its_place_is_compared_although_its_owner_has_a_lease(
        self, quarantine: LocalQuarantine, tree: bytes
    ) -> None:
        upload = annas(tree, b"anna/a.jpg")
        with lease_on(Path(os.fsdecode(upload.place.absolute))) as give_up:
            with pytest.raises(PassingError, match="has a write lease on it"):
                quarantine.verify_in_place(upload, sha256())
            give_up()
            end = time.monotonic() + 60
            while LEASES.waiting():
                assert time.monotonic() < end
                time.sleep(0.01)
            quarantine.verify_in_place(upload, sha256())
        LEASES.release(upload.place.absolute)

    @root_only
    def test_a_hardlink_elsewhere_opens_no_more(
        self, quarantine: LocalQuarantine, tree: bytes, as_customer: Customer
    ) -> None:
        upload = annas(tree, b"anna/a.jpg")
        os.link(upload.place.absolute, os.path.join(tree, b"anna/other.jpg"))
        quarantine.take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
        as_customer(self._cannot_open, os.path.join(tree, b"anna/other.jpg"))

    @root_only
    def test_a_file_with_many_names_does_not_have_the_whole_quarantine_looked_through(
        self, quarantine: LocalQuarantine, tree: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """0.7 s for 200,000 files in quarantine, and a customer has as many names as he likes."""
        upload = annas(tree, b"anna/a.jpg")
        os.link(upload.place.absolute, os.path.join(tree, b"anna/other.jpg"))
        listed: list[object] = []
        monkeypatch.setattr(os, "scandir", listed.append)
        quarantine.take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
        assert not listed

    @root_only
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_two_names_of_one_file_come_back_as_they_were(
        self, quarantine: LocalQuarantine, tree: bytes, order: tuple[int, int]
    ) -> None:
        """The second name is taken when the file is locked already: that is not how its owner had it."""
        first = annas(tree, b"anna/a.jpg")
        os.chmod(first.place.absolute, 0o640)
        os.link(first.place.absolute, os.path.join(tree, b"bob/b.jpg"))
        before = os.stat(first.place.absolute)
        cases = [("20260101-aaaaaaa", first), ("20260101-bbbbbbb", seen(tree, b"bob/b.jpg"))]
        for case, upload in cases:
            quarantine.take_offline(case, upload, sha256())
        for number in order:
            case, upload = cases[number]
            quarantine.put_back(case, upload)
            back = os.stat(upload.place.absolute)
            assert (back.st_uid, back.st_gid, back.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
            assert back.st_mtime_ns == before.st_mtime_ns
        os.unlink(first.place.absolute)  # and it is not immutable

    @staticmethod
    def _cannot_open(path: bytes) -> None:
        for attempt in (lambda: os.open(path, os.O_RDONLY), lambda: os.chmod(path, 0o644), lambda: os.link(path, b"x")):
            with pytest.raises(OSError, match=r"permitted|denied"):
                attempt()

    @root_only
    def test_a_writer_is_named_and_its_writing_is_noticed(self, disk: Disk, as_root_tree: Tree) -> None:
        tree = as_root_tree(disk("tmpfs"))
        quarantine = LocalQuarantine((tree,))
        upload = annas(tree, b"anna/a.jpg")
        writer = os.open(upload.place.absolute, os.O_RDWR)
        assert "open for writing" in quarantine.take_offline(CASE, upload, sha256())
        os.pwrite(writer, b"X", 0)  # only ext4 stops this
        os.close(writer)
        with pytest.raises(QuarantineError, match="not those that were checked"):
            quarantine.put_back(CASE, upload)
        assert not os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    @pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
    def test_ext4_stops_a_writer(self, disk: Disk, as_root_tree: Tree) -> None:
        tree = as_root_tree(disk("ext4"))
        quarantine = LocalQuarantine((tree,))
        upload = annas(tree, b"anna/a.jpg")
        writer = os.open(upload.place.absolute, os.O_RDWR)
        quarantine.take_offline(CASE, upload, sha256())
        with pytest.raises(PermissionError):
            os.pwrite(writer, b"X", 0)
        os.close(writer)
        quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_one_who_writes_the_same_bytes_again_and_again_gains_nothing(
        self, quarantine: LocalQuarantine, tree: bytes, meanwhile: Customer
    ) -> None:
        upload = annas(tree, b"anna/a.jpg")
        meanwhile(_touch, upload.place.absolute)
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)

    @root_only
    def test_a_reader_at_the_moment_of_return_is_no_failure(
        self, quarantine: LocalQuarantine, tree: bytes, meanwhile: Customer
    ) -> None:
        """The name is the customer's again at once: what he does then does not make the return fail."""
        upload = annas(tree, b"anna/a.jpg")
        meanwhile(_touch, upload.place.absolute)
        for _ in range(20):
            quarantine.take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
            quarantine.put_back(CASE, upload)
        assert os.path.lexists(upload.place.absolute)


def _touch(path: bytes) -> None:
    try:
        os.chmod(path, 0o644)
        os.utime(path)
    except FileNotFoundError:
        return


class TestTheTreeItself:
    @root_only
    def test_a_tree_that_became_a_link_leads_nowhere(self, tmp_path: Path) -> None:
        """Whoever owns the directory above a tree can put a link in its place."""
        tree, victim = os.fsencode(tmp_path / "www"), os.fsencode(tmp_path / "victim")
        upload = annas(victim, b"album/a.jpg")
        os.symlink(victim, tree)
        with pytest.raises(RefusedError):
            LocalQuarantine((tree,)).take_offline(
                CASE, Upload(Place(tree, b"album/a.jpg"), "anna", upload.state), sha256()
            )
        assert seen(victim, b"album/a.jpg").state == upload.state

    @root_only
    def test_the_shelf_lies_above_what_a_customer_owns(self, tmp_path: Path) -> None:
        tree = os.fsencode(tmp_path / "anna" / "www")
        upload = annas(tree, b"a.jpg")
        for directory in (tmp_path / "anna", tmp_path / "anna" / "www"):
            os.chown(directory, ANNA, ANNA)
        LocalQuarantine((tree,)).take_offline(CASE, upload, sha256())
        assert (tmp_path / ".goodhoster" / "quarantine" / CASE).exists()

    @root_only
    def test_the_shelf_lies_above_what_is_ours_in_a_directory_of_a_customer(self, tmp_path: Path) -> None:
        """Our directory in the customer's own: he can rename it away with all that is in it."""
        tree = os.fsencode(tmp_path / "anna" / "www")
        upload = annas(tree, b"a.jpg")
        os.chown(tmp_path / "anna", ANNA, ANNA)
        LocalQuarantine((tree,)).take_offline(CASE, upload, sha256())
        assert (tmp_path / ".goodhoster" / "quarantine" / CASE).exists()

    @root_only
    @pytest.mark.parametrize("mode", [0o777, 0o775])
    def test_the_shelf_is_not_made_where_others_write(self, tmp_path: Path, mode: int) -> None:
        tree = tmp_path / "shared"
        upload = annas(os.fsencode(tree), b"anna/a.jpg")
        tree.chmod(mode)
        LocalQuarantine((os.fsencode(tree),)).take_offline(CASE, upload, sha256())
        assert not (tree / ".goodhoster").exists()

    @pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
    def test_on_a_disk_that_is_a_customers_the_shelf_cannot_be_moved_away(
        self, disk: Disk, as_customer: Customer
    ) -> None:
        top = disk("ext4")
        os.chown(top, ANNA, ANNA)
        upload = annas(os.fsencode(top), b"a.jpg")
        LocalQuarantine((os.fsencode(top),)).take_offline(CASE, upload, sha256())
        as_customer(self._cannot_move, top / ".goodhoster")
        LocalQuarantine((os.fsencode(top),)).put_back(CASE, upload)
        assert (top / "a.jpg").read_bytes() == BYTES

    @staticmethod
    def _cannot_move(folder: Path) -> None:
        for attempt in (lambda: folder.rename(folder.with_name("x")), folder.rmdir, lambda: list(folder.iterdir())):
            with pytest.raises(PermissionError):
                attempt()

    def test_on_a_disk_of_a_customers_without_flags_nothing_is_pretended(self, disk: Disk) -> None:
        top = disk("ramfs")
        os.chown(top, ANNA, ANNA)
        upload = annas(os.fsencode(top), b"a.jpg")
        with pytest.raises(QuarantineError, match="no directory for quarantine"):
            LocalQuarantine((os.fsencode(top),)).take_offline(CASE, upload, sha256())
        assert (top / "a.jpg").exists()

    @root_only
    def test_a_shelf_that_somebody_else_made_is_not_used(self, disk: Disk) -> None:
        top = disk("tmpfs")
        os.chown(top, ANNA, ANNA)
        for name in OWN_DIRECTORIES:
            path = top / os.fsdecode(name)
            path.mkdir(mode=0o700)
            os.chown(path, ANNA, ANNA)
        upload = annas(os.fsencode(top), b"a.jpg")
        with pytest.raises(QuarantineError, match="belong to somebody else"):
            LocalQuarantine((os.fsencode(top),)).take_offline(CASE, upload, sha256())
        assert [os.listdir(top / os.fsdecode(name)) for name in OWN_DIRECTORIES] == [[], [], [], []]

    def test_a_tree_that_is_not_there_is_no_answer(self, quarantine: LocalQuarantine, tree: bytes) -> None:
        """Not mounted: "elsewhere" would close the case."""
        upload = annas(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        os.rename(tree, tree + b"-unmounted")
        with pytest.raises(QuarantineError):
            quarantine.recover(CASE, upload)


class TestMountsBelowTheTree:
    def test_each_file_system_has_its_own_shelf(self, disk: Disk, quarantine: LocalQuarantine, tree: bytes) -> None:
        below = Path(os.fsdecode(tree)) / "anna" / "disk"
        disk("tmpfs", at=below)
        upload = annas(tree, b"anna/disk/album/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        assert (below / ".goodhoster" / "quarantine" / CASE).exists()
        quarantine.put_back(CASE, upload)
        assert (below / "album" / "a.jpg").read_bytes() == BYTES

    def test_a_bind_mount_is_another_one(self, tmp_path: Path, tree: bytes, bind: Bind) -> None:
        """The same file system, and yet a rename out of the mount is refused (EXDEV): that is not "gone"."""
        inner = tmp_path / "elsewhere"
        inner.mkdir()
        bind(inner, Path(os.fsdecode(tree)) / "anna" / "bound")
        upload = annas(tree, b"anna/bound/a.jpg")
        quarantine = LocalQuarantine((tree,))
        quarantine.take_offline(CASE, upload, sha256())
        assert (inner / ".goodhoster" / "quarantine" / CASE).exists()
        quarantine.put_back(CASE, upload)
        assert (inner / "a.jpg").read_bytes() == BYTES

    def test_a_mount_whose_way_was_renamed_is_still_looked_at(
        self, disk: Disk, quarantine: LocalQuarantine, tree: bytes
    ) -> None:
        anna = Path(os.fsdecode(tree)) / "anna"
        (anna / "way").mkdir()
        disk("tmpfs", at=anna / "way" / "disk")
        upload = annas(tree, b"anna/way/disk/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        (anna / "way").rename(anna / "gone")
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        (anna / "gone").rename(anna / "way")  # for whoever unmounts it

    def test_an_unmounted_file_system_is_no_answer(self, tree: bytes, bind: Bind, disk: Disk) -> None:
        quarantine = LocalQuarantine((tree,))
        elsewhere = disk("tmpfs")
        below = Path(os.fsdecode(tree)) / "anna" / "disk"
        unbind = bind(elsewhere, below)
        upload = annas(tree, b"anna/disk/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        unbind()
        with pytest.raises(QuarantineError, match="not there"):
            quarantine.recover(CASE, upload)
        bind(elsewhere, below)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    def test_what_lies_in_quarantine_is_not_taken_again(self, quarantine: LocalQuarantine, tree: bytes) -> None:
        upload = annas(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        inside = seen(tree, b".goodhoster/quarantine/" + CASE.encode())
        with pytest.raises(RefusedError):
            quarantine.take_offline("20260101-again", inside, sha256())

    def test_what_lies_in_the_quarantine_of_a_mount_that_is_gone_is_not_taken_again(
        self, quarantine: LocalQuarantine, tree: bytes, bind: Bind
    ) -> None:
        """The directory of the tree that was mounted below it too: the file would come into another quarantine, and its
        case could not be restored.
        """
        shared = Path(os.fsdecode(tree)) / "shared"
        shared.mkdir()
        unbind = bind(shared, Path(os.fsdecode(tree)) / "anna" / "bound")
        quarantine.take_offline(CASE, annas(tree, b"anna/bound/a.jpg"), sha256())
        unbind()
        inside = seen(tree, b"shared/.goodhoster/quarantine/" + CASE.encode())
        with pytest.raises(RefusedError, match="in quarantine already"):
            quarantine.take_offline("20260101-again", inside, sha256())


def put_in_place(name: bytes, other: bytes) -> None:
    """What a customer does between the look and the rename."""
    os.rename(name, name + b".x")
    os.rename(other, name)


class TestSwapsInBetween:
    """Each swap is made at the one moment that matters: after the look, before the rename."""

    @pytest.fixture
    def just_before_the_rename(self, monkeypatch: pytest.MonkeyPatch) -> Plan:
        original = labels.commit_intent

        def plan(act: Callable[[], object]) -> None:
            def declare_then_act(folder: int, case_id: str) -> None:
                original(folder, case_id)
                act()

            monkeypatch.setattr(taking, "commit_intent", declare_then_act)

        return plan

    def test_a_file_put_in_its_place_goes_back(
        self, quarantine: LocalQuarantine, tree: bytes, just_before_the_rename: Plan
    ) -> None:
        upload, bobs = annas(tree, b"anna/a.jpg"), uploaded(tree, b"bob/b.jpg", b"not known")
        name = upload.place.absolute
        just_before_the_rename(lambda: put_in_place(name, bobs.place.absolute))
        with pytest.raises(RefusedError, match="was replaced"):
            quarantine.take_offline(CASE, upload, sha256())
        after = seen(tree, b"anna/a.jpg").state
        assert (after.ino, after.size, after.mtime_ns) == (bobs.state.ino, bobs.state.size, bobs.state.mtime_ns)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE

    @pytest.mark.parametrize("kind", ["directory", "link", "fifo"])
    def test_anything_else_goes_back_too(
        self, quarantine: LocalQuarantine, tree: bytes, just_before_the_rename: Plan, kind: str
    ) -> None:
        upload = annas(tree, b"anna/a.jpg")
        name = upload.place.absolute
        make: dict[str, Callable[[bytes], None]] = {
            "directory": os.mkdir,
            "link": lambda path: os.symlink(b"/etc", path),
            "fifo": os.mkfifo,
        }
        make[kind](name + b".new")
        just_before_the_rename(lambda: put_in_place(name, name + b".new"))
        with pytest.raises(RefusedError, match="was replaced"):
            quarantine.take_offline(CASE, upload, sha256())
        assert os.path.lexists(name)
        assert not stat.S_ISREG(os.lstat(name).st_mode)

    def test_with_its_name_taken_it_waits_in_limbo(
        self, quarantine: LocalQuarantine, tree: bytes, just_before_the_rename: Plan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload, bobs = annas(tree, b"anna/a.jpg"), uploaded(tree, b"bob/b.jpg", b"not known")
        name = upload.place.absolute
        just_before_the_rename(lambda: put_in_place(name, bobs.place.absolute))
        original = misplaced_files.return_misplaced

        def taken_meanwhile(folder: int, label: Label, parent: int) -> None:
            uploaded(tree, b"anna/a.jpg", b"a third")
            original(folder, label, parent)

        monkeypatch.setattr(taking, "return_misplaced", taken_meanwhile)
        with pytest.raises(QuarantineError, match="limbo-1"):
            quarantine.take_offline(CASE, upload, sha256())
        kept = seen(tree, b".goodhoster/quarantine/" + CASE.encode() + b".limbo-1")
        assert (kept.state.ino, kept.state.size) == (bobs.state.ino, bobs.state.size)
        assert Path(os.fsdecode(name)).read_bytes() == b"a third"

    def test_a_moved_directory_takes_the_stranger_along(
        self, quarantine: LocalQuarantine, tree: bytes, just_before_the_rename: Plan
    ) -> None:
        upload = annas(tree, b"anna/album/a.jpg")
        album = os.path.join(tree, b"anna/album")

        def swap() -> None:
            os.rename(upload.place.absolute, upload.place.absolute + b".x")
            uploaded(tree, b"anna/album/a.jpg", b"another")
            os.rename(album, album + b"-moved")
            os.symlink(b"/etc", album)

        just_before_the_rename(swap)
        with pytest.raises(RefusedError, match="was replaced"):
            quarantine.take_offline(CASE, upload, sha256())
        assert Path(os.fsdecode(album + b"-moved/a.jpg")).read_bytes() == b"another"


def test_the_first_look_reads_nothing_else(quarantine: LocalQuarantine, tree: bytes) -> None:
    """A known digest of another file does not move this one."""
    upload = annas(tree, b"anna/a.jpg", b"harmless")
    with pytest.raises(RefusedError, match="written to"):
        quarantine.take_offline(CASE, upload, hashlib.sha256(b"known").digest())
    assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == b"harmless"
    after = seen(tree, b"anna/a.jpg").state
    assert (after.ino, after.mtime_ns) == (upload.state.ino, upload.state.mtime_ns)
