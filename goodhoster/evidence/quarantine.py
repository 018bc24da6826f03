"""Take a file offline and put it back, on disks where customers rename, link and swap as fast as they can.

The procedure (a realpath check followed by a move is a way to root; this is not): write a label → resolve the parent
below the tree without following links → rename without overwriting into our own directory on the same file system →
look whether it is the very file that was checked, and put it back if not → take it from its owner: 0:0, mode 000,
immutable. Descriptors, not names, from there on. `put_back` is the exact inverse.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from goodhoster import kernel
from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.evidence.labels import case_of, read_label, remove_label, write_label
from goodhoster.evidence.metadata import read_metadata, write_metadata
from goodhoster.evidence.shelf import devices, open_parent, open_shelf, opened
from goodhoster.model.quarantine import Label, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class LocalQuarantine:
    """The quarantine of this machine, worked by this very process."""

    trees: tuple[bytes, ...]

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        place = upload.place
        name = os.path.basename(place.path)
        with _clear_errors(place), ExitStack() as stack:
            parent = stack.enter_context(opened(_open_parent(place)))
            file = stack.enter_context(opened(_open_file(parent, name, upload)))
            shelf = stack.enter_context(opened(open_shelf(place, upload.state.dev, create=True)))
            label = _label(case_id, upload, sha256, (parent, file))
            write_label(shelf, label)
            _allow_rename(file)
            _move_out(parent, name, shelf, label)
            missing = _lock(file)
            for directory in (shelf, parent):
                os.fsync(directory)
            _verify_offline(shelf, parent, name, label)
            return missing

    def put_back(self, case_id: str, place: Place) -> None:
        """See `ports.Quarantine`."""
        with _clear_errors(place), ExitStack() as stack:
            parent = stack.enter_context(opened(_open_parent(place)))
            shelf, label = self._find(case_id, place, stack)
            _same_parent(parent, label, place)
            name = os.path.basename(place.path)
            _name_is_free(parent, name, place)
            file = stack.enter_context(opened(_open_locked(shelf, label)))
            _same_bytes(file, label)
            _unlock(file, label)
            try:
                kernel.rename_noreplace((shelf, case_id.encode()), (parent, name))
            except FileExistsError as error:
                _lock(file)
                raise _taken(place) from error
            for directory in (parent, shelf):
                os.fsync(directory)
            _verify_back(file, parent, name, label)
            remove_label(shelf, case_id)

    def settle(self, case_id: str, place: Place) -> Whereabouts:
        """See `ports.Quarantine`."""
        with _clear_errors(place), ExitStack() as stack:
            try:
                shelf, label = self._find(case_id, place, stack)
            except RefusedError:
                return Whereabouts.ELSEWHERE
            if _stat(shelf, case_id.encode()) is None:
                remove_label(shelf, case_id)
                return Whereabouts.ELSEWHERE
            if not _is_labelled(shelf, label):
                _return_stranger(stack.enter_context(opened(_open_parent(place))), shelf, label)
                return Whereabouts.ELSEWHERE
            _lock(stack.enter_context(opened(_open_locked(shelf, label))))
            return Whereabouts.QUARANTINE

    def labels(self) -> Iterator[Label]:
        """See `ports.Quarantine`. Looks at the top file system of every tree."""
        for tree in self.trees:
            place = Place(tree, b"")
            try:
                fd = open_shelf(place, os.stat(tree).st_dev, create=False)
            except FileNotFoundError:
                continue
            with opened(fd) as shelf:
                names: Iterable[str] = sorted(os.listdir(shelf))
                yield from (read_label(shelf, case) for n in names if (case := case_of(os.fsencode(n))))

    def _find(self, case_id: str, place: Place, stack: ExitStack) -> tuple[int, Label]:
        for dev in devices(place):
            try:
                shelf = open_shelf(place, dev, create=False)
            except (FileNotFoundError, QuarantineError):
                continue  # no quarantine on that file system
            stack.enter_context(opened(shelf))
            try:
                return shelf, read_label(shelf, case_id)
            except FileNotFoundError:
                continue
        raise RefusedError(f"the file of case {case_id} is not in quarantine", hint="see: goodhoster cases show")


@contextmanager
def _clear_errors(place: Place) -> Iterator[None]:
    """Whatever the disk refuses (full, read-only, a quota) is named with its place."""
    try:
        yield
    except OSError as error:
        hint = "put the disk right, then: goodhoster cases confirm, or restart the daemon"
        raise QuarantineError(f"{place}: the disk refuses: {error.strerror}", hint=hint) from error


def _open_parent(place: Place) -> int:
    try:
        return open_parent(place)
    except OSError as error:
        if error.errno in _ABSENT:
            raise RefusedError(
                f"the directory of {place} is gone or is no plain directory: {error.strerror}"
            ) from error
        raise QuarantineError(f"cannot open the directory of {place}: {error.strerror}") from error


def _open_file(parent: int, name: bytes, upload: Upload) -> int:
    """The file itself, if it is in the state that was checked."""
    try:
        file = kernel.open_beneath(parent, name, _READ)
    except OSError as error:
        if error.errno in _ABSENT:
            raise RefusedError(f"{upload.place} is gone") from error
        raise QuarantineError(f"cannot open {upload.place}: {error.strerror}") from error
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or FileState.of(found) != upload.state:
        os.close(file)
        raise RefusedError(f"{upload.place} is not the file that was checked any more")
    return file


def _label(case_id: str, upload: Upload, sha256: bytes, descriptors: tuple[int, int]) -> Label:
    state, (parent, file) = upload.state, descriptors
    parent_ino = os.fstat(parent).st_ino
    metadata = read_metadata(file)
    return Label(case_id, upload.place, upload.customer, state.dev, state.ino, parent_ino, state.size, sha256, metadata)


def _allow_rename(file: int) -> None:
    """An immutable file cannot be renamed, not even by root."""
    flags = kernel.inode_flags(file) or 0
    if flags & kernel.FS_IMMUTABLE_FL:
        kernel.set_inode_flags(file, flags & ~kernel.FS_IMMUTABLE_FL)


def _move_out(parent: int, name: bytes, shelf: int, label: Label) -> None:
    """Rename, then look what was renamed: whoever swapped the name in between gets his file back."""
    try:
        kernel.rename_noreplace((parent, name), (shelf, label.case_id.encode()))
    except OSError as error:
        remove_label(shelf, label.case_id)
        if error.errno in _ABSENT:
            raise RefusedError(f"{label.place} is gone") from error
        raise QuarantineError(f"cannot move {label.place}: {error.strerror}") from error
    if not _is_labelled(shelf, label):
        _return_stranger(parent, shelf, label)
        raise RefusedError(f"{label.place} was replaced while it was being taken offline; the other file was put back")


def _is_labelled(shelf: int, label: Label) -> bool:
    """Is what lies under the case's name the file that was checked, unwritten since?"""
    found = _stat(shelf, label.case_id.encode())
    if found is None or not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) != (label.dev, label.ino):
        return False
    return (found.st_size, found.st_mtime_ns) == (label.size, label.metadata.mtime_ns)


def _return_stranger(parent: int, shelf: int, label: Label) -> None:
    """Put back what is not ours, never over something else: then it waits in limbo, untouched, for a person."""
    name = label.case_id.encode()
    try:
        kernel.rename_noreplace((shelf, name), (parent, os.path.basename(label.place.path)))
    except OSError as error:
        kernel.rename_noreplace((shelf, name), (shelf, name + b".limbo"))
        message = (
            f"another file was moved from {label.place} and its name is taken: it is kept as {label.case_id}.limbo"
        )
        raise QuarantineError(message, hint="compare both and put it where it belongs by hand") from error
    remove_label(shelf, label.case_id)


def _lock(file: int) -> str:
    """Take the inode from its owner, whatever other names or open descriptors lead to it. Says what could not be."""
    if (kernel.inode_flags(file) or 0) & kernel.FS_IMMUTABLE_FL:
        return ""  # the last step of an earlier locking: nothing can be missing
    missing = []
    if os.geteuid() == 0:
        os.fchown(file, 0, 0)
    else:
        missing.append("the owner (not running as root)")
    os.fchmod(file, 0)
    if not _make_immutable(file):
        missing.append("immutability (not supported or not permitted here)")
    return "not locked: " + ", ".join(missing) if missing else ""


def _make_immutable(file: int) -> bool:
    flags = kernel.inode_flags(file)
    if flags is None:
        return False
    try:
        kernel.set_inode_flags(file, flags | kernel.FS_IMMUTABLE_FL)
    except OSError as error:
        if error.errno in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTTY}:
            return False
        raise
    return True


def _unlock(file: int, label: Label) -> None:
    flags = kernel.inode_flags(file)
    if flags is not None and flags != label.metadata.flags:
        kernel.set_inode_flags(file, label.metadata.flags)
    write_metadata(file, label.metadata)
    os.fsync(file)


def _open_locked(shelf: int, label: Label) -> int:
    """The locked file. It is ours alone: nobody else can swap a name on the shelf."""
    name = label.case_id.encode()
    if not _is_labelled(shelf, label):
        raise QuarantineError(f"the file of case {label.case_id} in quarantine is not the one its label describes")
    try:
        return os.open(name, _READ | os.O_NOATIME, dir_fd=shelf)
    except PermissionError:  # mode 000 and not root
        os.chmod(name, 0o400, dir_fd=shelf)
        return os.open(name, _READ | os.O_NOATIME, dir_fd=shelf)


def _same_parent(parent: int, label: Label, place: Place) -> None:
    if (os.fstat(parent).st_dev, os.fstat(parent).st_ino) != (label.dev, label.parent_ino):
        raise RefusedError(f"the directory of {place} is not the one the file was taken from")


def _name_is_free(parent: int, name: bytes, place: Place) -> None:
    if _stat(parent, name) is not None:
        raise _taken(place)


def _taken(place: Place) -> RefusedError:
    return RefusedError(f"{place} exists: nothing is overwritten", hint="move that file away and restore again")


def _same_bytes(file: int, label: Label) -> None:
    with open(os.dup(file), "rb") as opened_file:
        if hashlib.file_digest(opened_file, "sha256").digest() != label.sha256:
            raise QuarantineError(f"the bytes of case {label.case_id} in quarantine are not those that were checked")


def _verify_offline(shelf: int, parent: int, name: bytes, label: Label) -> None:
    locked, left = _stat(shelf, label.case_id.encode()), _stat(parent, name)
    if locked is None or stat.S_IMODE(locked.st_mode) or (left is not None and left.st_ino == label.ino):
        raise QuarantineError(f"{label.place} was moved, but reading back does not show it offline and locked")


def _verify_back(file: int, parent: int, name: bytes, label: Label) -> None:
    found = _stat(parent, name)
    if found is None or (found.st_dev, found.st_ino) != (label.dev, label.ino):
        raise QuarantineError(f"{label.place} was put back, but another file is there now")
    if read_metadata(file) != label.metadata:
        raise QuarantineError(f"{label.place} was put back, but its owner, mode, times or attributes differ")


def _stat(directory: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
