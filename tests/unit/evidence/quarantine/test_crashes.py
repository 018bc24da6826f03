"""`kill -9` at every step of both directions: nothing lost, nothing doubled, nothing half in quarantine (row 21)."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.evidence.quarantine.metadata import set_guards
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux import kernel
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Upload
from goodhoster.testing.suites.quarantine import BYTES, CASE, seen, sha256, uploaded


def dies_at(step: int, act: Callable[[], object]) -> bool:
    """Do it in a process that is killed before its step-th call or return; False when it ended before that."""
    child = os.fork()
    if child == 0:
        left = step

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            threading.setprofile(count)  # what waits for the disk side by side
            sys.setprofile(count)
            act()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def steps_of(act: Callable[[int], bool], rounds: Callable[[int, int], int]) -> Iterator[int]:
    """Every step until the end, or a few spread over all of them."""
    total = 1
    while act(total):
        total *= 2
    yield from range(1, total, max(1, total // rounds(60, total)))


def as_it_was(upload: Upload) -> bool:
    found = os.lstat(upload.place.absolute)
    same = (found.st_ino, found.st_size, found.st_mtime_ns) == (
        upload.state.ino,
        upload.state.size,
        upload.state.mtime_ns,
    )
    return same and found.st_mode & 0o7777 == 0o640 and Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES


@pytest.fixture
def upload(tree: bytes) -> Upload:
    made = uploaded(tree, b"anna/album/a.jpg")
    os.chmod(made.place.absolute, 0o640)
    return seen(tree, b"anna/album/a.jpg")


def folder_of(tree: bytes) -> set[bytes]:
    names = os.listdir(os.path.join(tree, b".goodhoster/quarantine"))
    return {name for name in names if not name.startswith(b"reserve-")}


@pytest.mark.slow
def test_taking_offline(tree: bytes, upload: Upload, rounds: Callable[[int, int], int]) -> None:
    quarantine = LocalQuarantine((tree,))
    quarantine.take_offline(CASE, upload, sha256())  # the first makes the quarantine folder
    quarantine.put_back(CASE, upload)
    outcomes = set()

    def crash(step: int) -> bool:
        died = dies_at(step, lambda: quarantine.take_offline(CASE, upload, sha256()))
        where = quarantine.recover(CASE, upload)
        outcomes.add((died, where))
        if where is Whereabouts.QUARANTINE:
            assert folder_of(tree) == {CASE.encode(), CASE.encode() + b".label"}
            assert not os.path.lexists(upload.place.absolute)
            assert os.lstat(os.path.join(tree, b".goodhoster/quarantine", CASE.encode())).st_mode & 0o7777 == 0
            quarantine.put_back(CASE, upload)
        assert folder_of(tree) == set()
        assert as_it_was(upload)
        return died

    for step in steps_of(crash, rounds):
        crash(step)
    assert (True, Whereabouts.QUARANTINE) in outcomes
    assert (True, Whereabouts.ELSEWHERE) in outcomes


@pytest.mark.slow
def test_taking_three_offline_together(tree: bytes, rounds: Callable[[int, int], int]) -> None:
    """Each of them is in quarantine with its own label, or in its place; and each comes back by itself."""
    names = (b"anna/album/a.jpg", b"anna/album/b.jpg", b"bob/c.jpg")
    for name in names:
        os.chmod(uploaded(tree, name).place.absolute, 0o640)
    uploads = [seen(tree, name) for name in names]
    requests = [QuarantineRequest(f"{CASE}-{n}", upload, sha256()) for n, upload in enumerate(uploads)]
    quarantine = LocalQuarantine((tree,))
    quarantine.prepare(tree)
    outcomes = set()

    def crash(step: int) -> bool:
        died = dies_at(step, lambda: quarantine.take_all_offline(requests))
        where = [quarantine.recover(each.case_id, each.upload) for each in requests]
        outcomes.add((died, *where))
        for each, found in zip(requests, where, strict=True):
            if found is Whereabouts.QUARANTINE:
                assert not os.path.lexists(each.upload.place.absolute)
                quarantine.put_back(each.case_id, each.upload)
            assert as_it_was(each.upload)
        assert folder_of(tree) == set()
        return died

    for step in steps_of(crash, rounds):
        crash(step)
    assert (True, *[Whereabouts.ELSEWHERE] * 3) in outcomes
    assert (True, *[Whereabouts.QUARANTINE] * 3) in outcomes
    assert {len(set(where)) for _, *where in outcomes} == {1, 2}  # between the renames, too


@pytest.mark.slow
def test_putting_back(tree: bytes, upload: Upload, rounds: Callable[[int, int], int]) -> None:
    quarantine = LocalQuarantine((tree,))
    outcomes = set()

    def crash(step: int) -> bool:
        if quarantine.recover(CASE, upload) is Whereabouts.ELSEWHERE:
            quarantine.take_offline(CASE, upload, sha256())
        died = dies_at(step, lambda: quarantine.put_back(CASE, upload))
        where = quarantine.recover(CASE, upload)
        outcomes.add((died, where))
        if where is Whereabouts.QUARANTINE:
            assert folder_of(tree) == {CASE.encode(), CASE.encode() + b".label"}
            assert not os.path.lexists(upload.place.absolute)
            assert os.lstat(os.path.join(tree, b".goodhoster/quarantine", CASE.encode())).st_mode & 0o7777 == 0
        else:
            assert folder_of(tree) == set()
            assert as_it_was(upload)
        return died

    for step in steps_of(crash, rounds):
        crash(step)
    assert (True, Whereabouts.QUARANTINE) in outcomes
    assert (True, Whereabouts.ELSEWHERE) in outcomes


def test_what_lost_its_lock_in_quarantine_is_locked_again(tree: bytes, upload: Upload) -> None:
    """By an administrator's chattr, or because the disk was copied back from a backup that has no such flag."""
    quarantine = LocalQuarantine((tree,))
    quarantine.take_offline(CASE, upload, sha256())
    file = os.path.join(tree, b".goodhoster/quarantine", CASE.encode())
    if os.geteuid() == 0:  # nobody else makes a file immutable
        with open(file, "rb") as opened:
            set_guards(opened.fileno(), 0)
    os.chmod(file, 0o640)
    assert quarantine.recover(CASE, upload) is Whereabouts.QUARANTINE
    assert os.lstat(file).st_mode & 0o7777 == 0
    quarantine.put_back(CASE, upload)
    assert as_it_was(upload)


def test_a_power_cut_finds_each_step_of_all_files_on_disk_before_the_next(
    tree: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process leaves the kernel still writes; after a power cut only what was synced is there."""
    names = (b"anna/a.jpg", b"anna/b.jpg", b"bob/c.jpg")
    requests = [QuarantineRequest(f"{CASE}-{n}", uploaded(tree, name), sha256()) for n, name in enumerate(names)]
    quarantine = LocalQuarantine((tree,))
    quarantine.prepare(tree)
    calls = recorded(monkeypatch)
    assert all(isinstance(result, str) for result in quarantine.take_all_offline(requests))

    cases = [each.case_id for each in requests]
    intents = [calls.index(("name", f"{case}.intent")) for case in cases]
    deeds = [calls.index(("move", case)) for case in cases]
    seals = [calls.index(("name", f"{case}.label")) for case in cases]
    folder_synced = [number for number, call in enumerate(calls) if call == ("synced", "quarantine")]
    assert all(calls.index(("synced", f"{case}.half")) < named for case, named in zip(cases, intents, strict=True))
    assert any(max(intents) < synced < min(deeds) for synced in folder_synced)
    assert all(calls.index(("synced", case)) < sealed for case, sealed in zip(cases, seals, strict=True))
    assert max(deeds) < min(seals)
    assert max(seals) < max(folder_synced)
    assert {("synced", "anna"), ("synced", "bob")} <= set(calls[max(folder_synced) :])


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Syncs as they end, renames as they begin."""
    calls: list[tuple[str, str]] = []
    fsync, rename, move = os.fsync, os.rename, kernel.rename_noreplace

    def synced(fd: int) -> None:
        fsync(fd)
        calls.append(("synced", os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))

    def renamed(source: bytes, target: bytes, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        calls.append(("name", os.fsdecode(target)))
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def moved(source: tuple[int, bytes], target: tuple[int, bytes]) -> None:
        calls.append(("move", os.fsdecode(target[1])))
        move(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(kernel, "rename_noreplace", moved)
    return calls
