"""The conformance suite of `Quarantine`: its promises, as tests.

Subclass, give the fixtures, run by pytest.

class TestMyQuarantine(QuarantineSuite):
    @pytest.fixture
    def quarantine(self, tree: bytes) -> Quarantine:
        return MyQuarantine((tree,))
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.ports import Quarantine

CASE = "20260101-abcdefg"
BYTES = b"ordinary bytes of a made-up picture"


def uploaded(tree: bytes, path: bytes, content: bytes = BYTES) -> Upload:
    """Write a file below the tree, with its directories, and look at it as a watcher would."""
    absolute = os.path.join(tree, path)
    os.makedirs(os.path.dirname(absolute), exist_ok=True)
    Path(os.fsdecode(absolute)).write_bytes(content)
    os.utime(absolute, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    return seen(tree, path)


def seen(tree: bytes, path: bytes) -> Upload:
    """The file in its present state."""
    return Upload(Place(tree, path), "anna", FileState.of(os.lstat(os.path.join(tree, path))))


def sha256(content: bytes = BYTES) -> bytes:
    """The SHA-256 of the content that was checked."""
    return hashlib.sha256(content).digest()


class QuarantineSuite:
    """Subclass and give a fixture `quarantine` of the directory in the fixture `tree`."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> bytes:
        (tmp_path / "customers").mkdir(mode=0o755)
        return os.fsencode(tmp_path / "customers")

    def test_a_file_taken_offline_is_gone_from_its_place(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    def test_a_name_is_bytes(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/\xff\n.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)
        quarantine.put_back(CASE, upload)
        assert os.path.lexists(upload.place.absolute)

    def test_what_is_destroyed_is_nowhere_any_more(self, quarantine: Quarantine, tree: bytes) -> None:
        """The quarantine of the fixture destroys what has lain there for a second."""
        upload, other = uploaded(tree, b"anna/a.jpg"), uploaded(tree, b"anna/b.jpg", b"other bytes")
        quarantine.take_offline(CASE, upload, sha256())
        quarantine.take_offline(f"{CASE}-1", other, sha256(b"other bytes"))
        with pytest.raises(RefusedError):
            quarantine.destroy(CASE, upload)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
        time.sleep(1.1)
        quarantine.destroy(CASE, upload)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE
        assert not os.path.lexists(upload.place.absolute)
        with pytest.raises(RefusedError):
            quarantine.put_back(CASE, upload)
        quarantine.destroy(CASE, upload)  # may be said again
        quarantine.put_back(f"{CASE}-1", other)
        assert os.path.lexists(other.place.absolute)

    def test_putting_back_gives_everything_back(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/deep/down/a.jpg")
        os.chmod(upload.place.absolute, 0o640)
        before = os.lstat(upload.place.absolute)
        quarantine.take_offline(CASE, seen(tree, b"anna/deep/down/a.jpg"), sha256())
        quarantine.put_back(CASE, upload)
        after = os.lstat(upload.place.absolute)
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
        assert (after.st_atime_ns, after.st_mtime_ns) == (before.st_atime_ns, before.st_mtime_ns)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE

    def test_it_may_be_taken_again_after_it_was_put_back(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        for _ in range(2):
            quarantine.take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
            quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_taking_twice_is_taking_once(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        quarantine.take_offline(CASE, upload, sha256())
        quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES

    def test_setuid_does_not_come_back(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        os.chmod(upload.place.absolute, stat.S_IRWXU | stat.S_ISUID | stat.S_ISGID)
        quarantine.take_offline(CASE, seen(tree, b"anna/a.jpg"), sha256())
        quarantine.put_back(CASE, upload)
        assert not os.lstat(upload.place.absolute).st_mode & (stat.S_ISUID | stat.S_ISGID)

    def test_touching_a_file_does_not_save_it(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        os.utime(upload.place.absolute)
        os.chmod(upload.place.absolute, 0o600)
        quarantine.take_offline(CASE, upload, sha256())
        assert not os.path.lexists(upload.place.absolute)

    def test_what_was_written_to_since_stays(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        absolute = Path(os.fsdecode(upload.place.absolute))
        absolute.write_bytes(BYTES[::-1])
        absolute.chmod(0o604)
        before = absolute.stat()
        with pytest.raises(RefusedError):
            quarantine.take_offline(CASE, upload, sha256())
        assert absolute.read_bytes() == BYTES[::-1]
        after = absolute.stat()
        assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE

    def test_another_file_of_that_name_stays(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        os.rename(upload.place.absolute, upload.place.absolute + b".kept")  # or its inode number is used again
        uploaded(tree, b"anna/a.jpg", BYTES)
        with pytest.raises(RefusedError):
            quarantine.take_offline(CASE, upload, sha256())
        assert os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE

    @pytest.mark.parametrize("kind", ["nothing", "link", "directory", "fifo"])
    def test_what_is_no_file_any_more_stays(self, quarantine: Quarantine, tree: bytes, kind: str) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        victim = uploaded(tree, b"bob/b.jpg")
        _replace(upload.place.absolute, kind, victim.place.absolute)
        with pytest.raises(RefusedError):
            quarantine.take_offline(CASE, upload, sha256())
        assert os.path.lexists(upload.place.absolute) == (kind != "nothing")
        assert seen(tree, b"bob/b.jpg").state == victim.state

    @pytest.mark.parametrize(
        "path", [b"../outside.jpg", b"anna/../../outside.jpg", b"anna/..", b"", b"anna/", b"/etc/x"]
    )
    def test_a_path_out_of_the_tree_is_refused(self, quarantine: Quarantine, tree: bytes, path: bytes) -> None:
        inside = uploaded(tree, b"anna/a.jpg")
        outside = uploaded(os.path.dirname(tree), b"outside.jpg")
        with pytest.raises(RefusedError):
            quarantine.take_offline(CASE, Upload(Place(tree, path), "anna", outside.state), sha256())
        assert os.path.lexists(outside.place.absolute)
        assert os.path.lexists(inside.place.absolute)

    @pytest.mark.parametrize("case_id", ["", ".", "..", "../x", "a/b", "x.label", "a" * 65, "ä", "a\n"])
    def test_an_id_that_could_be_another_name_is_refused(
        self, quarantine: Quarantine, tree: bytes, case_id: str
    ) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        for call in (
            lambda: quarantine.take_offline(case_id, upload, sha256()),
            lambda: quarantine.put_back(case_id, upload),
            lambda: quarantine.recover(case_id, upload),
        ):
            with pytest.raises(RefusedError):
                call()
        assert os.path.lexists(upload.place.absolute)

    def test_nothing_is_overwritten(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        uploaded(tree, b"anna/a.jpg", b"the customer's new one")
        with pytest.raises(RefusedError):
            quarantine.put_back(CASE, upload)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == b"the customer's new one"
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    @pytest.mark.parametrize("how", ["deleted", "made anew", "swapped", "moved", "link"])
    def test_only_the_directory_it_came_from_gets_it(self, quarantine: Quarantine, tree: bytes, how: str) -> None:
        upload = uploaded(tree, b"anna/album/a.jpg")
        other = uploaded(tree, b"anna/other/b.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        _swap(os.path.join(tree, b"anna/album"), how, os.path.dirname(other.place.absolute))
        with pytest.raises(RefusedError):
            quarantine.put_back(CASE, upload)
        assert not os.path.lexists(upload.place.absolute)
        assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE

    def test_a_tree_that_is_not_watched_is_not_worked_in(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(os.path.dirname(tree) + b"/elsewhere", b"anna/a.jpg")
        with pytest.raises((RefusedError, PassingError)):
            quarantine.take_offline(CASE, upload, sha256())
        assert os.path.lexists(upload.place.absolute)

    def test_what_is_back_is_seen_in_its_place(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        quarantine.verify_in_place(upload, sha256())
        quarantine.take_offline(CASE, upload, sha256())
        with pytest.raises(RefusedError, match="not there"):
            quarantine.verify_in_place(upload, sha256())
        quarantine.put_back(CASE, upload)
        quarantine.verify_in_place(upload, sha256())

    def test_looking_whether_it_is_back_does_not_touch_it(self, quarantine: Quarantine, tree: bytes) -> None:
        """Its time of access is given back exactly, and stays."""
        upload = uploaded(tree, b"anna/a.jpg")
        read_at = 1_000_000_000
        os.utime(upload.place.absolute, ns=(read_at, 2 * read_at))
        quarantine.verify_in_place(upload, sha256())
        assert os.stat(upload.place.absolute).st_atime_ns == read_at

    @pytest.mark.parametrize("kind", ["nothing", "link", "directory", "fifo", "other bytes"])
    def test_nothing_else_is_taken_for_the_file_in_its_place(
        self, quarantine: Quarantine, tree: bytes, kind: str
    ) -> None:
        upload, victim = uploaded(tree, b"anna/a.jpg"), uploaded(tree, b"bob/b.jpg").place.absolute
        _replace(upload.place.absolute, kind, victim)
        if kind == "other bytes":
            Path(os.fsdecode(upload.place.absolute)).write_bytes(BYTES[::-1])
        with pytest.raises(RefusedError):
            quarantine.verify_in_place(upload, sha256())

    def test_a_directory_made_anew_takes_the_file_when_a_person_says_so(
        self, quarantine: Quarantine, tree: bytes
    ) -> None:
        upload = uploaded(tree, b"anna/album/a.jpg")
        quarantine.take_offline(CASE, upload, sha256())
        _swap(os.path.dirname(upload.place.absolute), "made anew", b"")
        with pytest.raises(RefusedError, match="not the one"):
            quarantine.put_back(CASE, upload)
        quarantine.put_back(CASE, upload, moved=True)
        quarantine.verify_in_place(upload, sha256())

    def test_a_tree_may_be_prepared_twice_and_before_anything_is_taken(
        self, quarantine: Quarantine, tree: bytes
    ) -> None:
        quarantine.prepare(tree)
        quarantine.prepare(tree)
        assert sum(name.startswith(b"reserve-") for name in os.listdir(tree + b"/.goodhoster/quarantine")) > 0

    def test_of_files_taken_together_each_is_taken_or_not_by_itself(self, quarantine: Quarantine, tree: bytes) -> None:
        names = (b"anna/a.jpg", b"anna/gone.jpg", b"bob/album/b.jpg", b"bob/written.jpg", b"bob/swapped.jpg")
        uploads = [uploaded(tree, name) for name in names]
        os.unlink(uploads[1].place.absolute)
        Path(os.fsdecode(uploads[3].place.absolute)).write_bytes(BYTES[::-1])
        os.rename(uploads[4].place.absolute, uploads[4].place.absolute + b".kept")
        uploaded(tree, names[4])
        requests = [QuarantineRequest(f"{CASE}-{n}", upload, sha256()) for n, upload in enumerate(uploads)]
        results = quarantine.take_all_offline(requests)
        assert [isinstance(result, str) for result in results] == [True, False, True, False, False]
        refused = [result for result in results if not isinstance(result, str)]
        assert all(isinstance(error, RefusedError) for error in refused)
        assert [str(error)[-4:] for error in refused] == ["gone", "back", "more"]
        found = [quarantine.recover(each.case_id, each.upload) is Whereabouts.QUARANTINE for each in requests]
        assert found == [True, False, True, False, False]
        assert Path(os.fsdecode(uploads[3].place.absolute)).read_bytes() == BYTES[::-1]
        for each in (requests[2], requests[0]):
            quarantine.put_back(each.case_id, each.upload)
            quarantine.verify_in_place(each.upload, sha256())

    def test_taking_together_what_was_taken_before_is_taking_once(self, quarantine: Quarantine, tree: bytes) -> None:
        uploads = [uploaded(tree, b"anna/%d.jpg" % n) for n in range(3)]
        requests = [QuarantineRequest(f"{CASE}-{n}", upload, sha256()) for n, upload in enumerate(uploads)]
        quarantine.take_offline(requests[1].case_id, uploads[1], sha256())
        results = quarantine.take_all_offline(requests)
        assert results[1] == "found done after a crash"
        assert all(isinstance(result, str) for result in results)
        for each in requests:
            quarantine.put_back(each.case_id, each.upload)

    def test_more_files_than_one_message_holds_are_all_taken(self, quarantine: Quarantine, tree: bytes) -> None:
        names = [b"anna/%d.jpg" % n for n in range(60)] + [b"anna/" + b"/".join([b"d" * 200] * 6) + b"/deep.jpg"]
        uploads = [uploaded(tree, name) for name in names]
        requests = [QuarantineRequest(f"{CASE}-{n}", upload, sha256()) for n, upload in enumerate(uploads)]
        assert all(isinstance(result, str) for result in quarantine.take_all_offline(requests))
        assert not any(os.path.lexists(upload.place.absolute) for upload in uploads)
        assert quarantine.take_all_offline([]) == []

    def test_what_is_not_in_quarantine_cannot_be_put_back(self, quarantine: Quarantine, tree: bytes) -> None:
        upload = uploaded(tree, b"anna/a.jpg")
        with pytest.raises(RefusedError):
            quarantine.put_back(CASE, upload)

    def test_a_file_that_was_never_taken_is_elsewhere(self, quarantine: Quarantine, tree: bytes) -> None:
        assert quarantine.recover(CASE, uploaded(tree, b"anna/a.jpg")) is Whereabouts.ELSEWHERE


def _replace(absolute: bytes, kind: str, victim: bytes) -> None:
    os.rename(absolute, absolute + b".kept")
    if kind == "link":
        os.symlink(victim, absolute)
    elif kind == "directory":
        os.mkdir(absolute)
    elif kind == "fifo":
        os.mkfifo(absolute)


def _swap(directory: bytes, how: str, other: bytes) -> None:
    if how in {"deleted", "made anew"}:
        os.rmdir(directory)
    else:
        os.rename(directory, directory + b"-moved")
    if how in {"made anew", "swapped"}:
        os.mkdir(directory)
    elif how == "link":
        os.symlink(other, directory)
