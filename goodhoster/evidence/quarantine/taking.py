"""Taking of files offline, each step for all of them.

So they wait for the disk side by side.

The steps of each file are those of the procedure, in their order: its intent is on disk before anything is renamed, its
lock before its label is committed. So a crash leaves each file by itself where `recover` finds it, and each has its own
inverse. What is shared is the waiting: one sync of the quarantine folder stands for all that was renamed in it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from goodhoster.errors import GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.evidence.quarantine.directory_access import (
    ABSENT,
    entry,
    exists,
    file_system,
    identity,
    open_parent,
    opened,
)
from goodhoster.evidence.quarantine.labels import (
    commit_intent,
    commit_label,
    file_name,
    guard_label,
    label_of_inode,
    read_label,
    remove_label,
    write_draft,
)
from goodhoster.evidence.quarantine.locking import has_bytes, lock, unlock
from goodhoster.evidence.quarantine.metadata import read_metadata, set_guards, without_guards
from goodhoster.evidence.quarantine.misplaced_files import return_misplaced
from goodhoster.evidence.quarantine.reserve import keep_reserve, sync_with_reserve, with_reserve
from goodhoster.evidence.quarantine.storage import open_quarantine, was_quarantine
from goodhoster.linux import kernel
from goodhoster.linux.leases import LEASES
from goodhoster.linux.threads import map_parallel
from goodhoster.model.quarantine import Label, Metadata, QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Place, Upload

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_SYNCS_AT_ONCE = 25
"""All of a call of the case desk: what waits together waits for one commit of the file system (decision 011)."""
_FOUND_DONE = "found done after a crash"

Recover = Callable[[str, Upload], Whereabouts]


def take_all(requests: Sequence[QuarantineRequest], recover: Recover) -> list[str | GoodhosterError]:
    """Take each file offline, whatever comes of the others; see `ports.Quarantine`."""
    with ExitStack() as stack:
        taking = _Taking(stack, recover, requests)
        taking.each(_write_draft, at_once=_SYNCS_AT_ONCE)
        taking.each(_commit_intent)
        taking.sync(_folder)  # every intent is on disk before the first deed
        taking.each(_move_out)
        taking.each(_lock, at_once=_SYNCS_AT_ONCE)
        taking.each(_seal)
        taking.sync(_folder)
        taking.each(_guard_label)
        taking.sync(_parent, at_once=_SYNCS_AT_ONCE)
        taking.each(_verify_offline)
        return taking.results()


@contextmanager
def disk_errors(place: Place) -> Iterator[None]:
    """Name whatever the disk refuses (full, read-only, a quota) with its place."""
    try:
        yield
    except OSError as error:
        raise _disk_error(place, error) from error


def _disk_error(place: Place, error: OSError) -> QuarantineError:
    hint = "repair the disk, then: goodhoster cases confirm, or restart the daemon"
    quota = f" ({_QUOTA})" if error.errno == errno.EDQUOT else ""
    return QuarantineError(f"{place}: the disk refuses: {error.strerror}{quota}", hint=hint)


_QUOTA = "of its owner: raise it, or have room made, then give the order again"
"""What to do where a file that is put back would count for a customer who has no room left."""


@dataclass(frozen=True, slots=True)
class _Directory:
    """The open directory of files that are taken, and the quarantine folder for them."""

    fd: int
    folder: int
    identity: bytes
    flags: int


@dataclass(slots=True)
class _File:
    """A file that is being taken, by descriptors."""

    number: int
    """Its place among the requests."""
    fd: int
    directory: _Directory
    label: Label
    missing: str = ""
    """What could not be locked, in words."""

    @property
    def folder(self) -> int:
        return self.directory.folder

    @property
    def case_id(self) -> str:
        return self.label.case_id


@dataclass(slots=True)
class _Taking:
    """Files that are being taken together; one that fails drops out."""

    stack: ExitStack
    recover: Recover
    requests: Sequence[QuarantineRequest]
    ends: dict[int, str | GoodhosterError] = field(default_factory=dict)
    files: list[_File] = field(default_factory=list)
    directories: dict[tuple[bytes, bytes], _Directory] = field(default_factory=dict)
    quarantine_folders: dict[tuple[bytes, tuple[int, int]], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, request in enumerate(self.requests):
            try:
                with disk_errors(request.upload.place):
                    self._open(number, request)
            except GoodhosterError as error:
                self.ends[number] = error

    def each(self, step: Callable[[_File], None], *, at_once: int = 1) -> None:
        """Do a step for every file that is still under way."""
        errors = map_parallel(lambda file: _attempt(file, lambda: step(file)), self.files, most=at_once)
        self._drop(zip(self.files, errors, strict=True))

    def sync(self, directory_of: Callable[[_File], int], *, at_once: int = 1) -> None:
        """Write directories to disk, each once for all files in it."""
        files = {directory_of(file): file for file in self.files}

        def sync(fd: int) -> OSError | None:
            try:
                sync_with_reserve(fd, files[fd].folder)
            except OSError as error:
                return error
            return None

        failed = dict(zip(files, map_parallel(sync, list(files), most=at_once), strict=True))
        errors = [(file, failed[directory_of(file)]) for file in self.files]
        self._drop([(file, _disk_error(file.label.place, error) if error else None) for file, error in errors])

    def results(self) -> list[str | GoodhosterError]:
        """What came of each request, in their order."""
        done: dict[int, str | GoodhosterError] = {file.number: file.missing for file in self.files}
        return [(self.ends | done)[number] for number in range(len(self.requests))]

    def _drop(self, tried: Iterable[tuple[_File, GoodhosterError | None]]) -> None:
        left = []
        for file, error in tried:
            if error is None:
                left.append(file)
            else:
                self.ends[file.number] = error
        self.files = left

    def _open(self, number: int, request: QuarantineRequest) -> None:
        place = request.upload.place
        directory = self._directory_of(place)
        case_file = file_name(request.case_id)
        if (
            exists(directory.folder, case_file)
            and self.recover(request.case_id, request.upload) is Whereabouts.QUARANTINE
        ):
            self.ends[number] = _FOUND_DONE
            return
        _not_ours_already(directory.fd, directory.folder, place)
        fd = self._kept(_open_file(directory.fd, os.path.basename(place.path), request.upload))
        self.files.append(_File(number, fd, directory, _label(request, fd, directory)))

    def _directory_of(self, place: Place) -> _Directory:
        key = place.tree, os.path.dirname(place.path)
        if key not in self.directories:
            parent = self._kept(open_parent_of(place))
            folder = self._folder_of(place.tree, parent)
            self.directories[key] = _Directory(parent, folder, identity(parent), read_metadata(parent).flags)
        return self.directories[key]

    def _folder_of(self, tree: bytes, parent: int) -> int:
        key = tree, file_system(parent)
        if key not in self.quarantine_folders:
            self.quarantine_folders[key] = self._kept(open_quarantine(tree, parent))
            keep_reserve(self.quarantine_folders[key])
        return self.quarantine_folders[key]

    def _kept(self, fd: int) -> int:
        return self.stack.enter_context(opened(fd))


def _attempt(file: _File, step: Callable[[], None]) -> GoodhosterError | None:
    try:
        with disk_errors(file.label.place):
            step()
    except GoodhosterError as error:
        return error
    return None


# The steps


def _folder(file: _File) -> int:
    return file.folder


def _parent(file: _File) -> int:
    return file.directory.fd


def _write_draft(file: _File) -> None:
    write_draft(file.folder, file.label)


def _commit_intent(file: _File) -> None:
    commit_intent(file.folder, file.case_id)


def _move_out(file: _File) -> None:
    """Rename, then check what was renamed: a file that was swapped in goes back."""
    label, parent = file.label, file.directory.fd
    guards = read_metadata(file.fd).flags  # not the label's: it may be locked under another name
    with without_guards(parent):
        try:
            set_guards(file.fd, 0)
            _rename_out(file)
            if not is_file_of(file.folder, label):
                return_misplaced(file.folder, label, parent)
                message = f"{label.place} was replaced while it was being taken offline; the other file was put back"
                raise RefusedError(message)
        except BaseException:
            set_guards(file.fd, guards)
            raise


def _rename_out(file: _File) -> None:
    folder, label = file.folder, file.label
    source = file.directory.fd, os.path.basename(label.place.path)
    try:
        with_reserve(folder, lambda: kernel.rename_noreplace(source, (folder, file_name(label.case_id))))
    except OSError as error:
        remove_label(folder, label.case_id)
        if error.errno in ABSENT and not _is_there(file.fd, source):
            raise RefusedError(f"{label.place} is gone") from error
        raise QuarantineError(f"cannot move {label.place}: {error.strerror}") from error


def _lock(file: _File) -> None:
    """Lock the moved file and keep it if its bytes are those that were checked; else return it."""
    fd, label = file.fd, file.label
    file.missing = with_reserve(file.folder, lambda: lock(fd))
    if not has_bytes(fd, label.sha256):
        give_back_changed(fd, label)
        return_misplaced(file.folder, label, file.directory.fd)
        set_guards(fd, label.metadata.flags)
        raise RefusedError(f"{label.place} was written to since it was checked; it was put back")


def _seal(file: _File) -> None:
    commit_label(file.folder, file.case_id)


def _guard_label(file: _File) -> None:
    guard_label(file.folder, file.case_id)


def _verify_offline(file: _File) -> None:
    locked = entry(file.folder, file_name(file.case_id))
    if locked is None or stat.S_IMODE(locked.st_mode) or read_label(file.folder, file.case_id) is None:
        raise QuarantineError(f"{file.label.place} was moved, but reading back does not show it offline and locked")


# What putting back needs, too


def open_parent_of(place: Place) -> int:
    """The open directory of a place; RefusedError when it is gone or no plain directory."""
    try:
        return open_parent(place)
    except OSError as error:
        if error.errno in ABSENT:
            message = f"the directory of {place} is gone or is not a plain directory: {error.strerror}"
            raise RefusedError(message) from error
        raise QuarantineError(f"cannot open the directory of {place}: {error.strerror}") from error


def leased(place: Place, parent: int, name: bytes) -> PassingError:
    """The error for a file whose owner has a write lease on it; it is broken from now on."""
    LEASES.begin_beneath(parent, name, place.absolute)
    return PassingError(f"the owner of {place} has a write lease on it, which is being broken")


def is_file_of(folder: int, label: Label) -> bool:
    """Whether the file under the case's name is the inode that was checked."""
    found = entry(folder, file_name(label.case_id))
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_ino == label.ino


def give_back_changed(file: int, label: Label) -> None:
    """Unlock a file that its owner wrote meanwhile; that time stays."""
    found = os.fstat(file)
    unlock(file, replace(label.metadata, atime_ns=found.st_atime_ns, mtime_ns=found.st_mtime_ns))


def _open_file(parent: int, name: bytes, upload: Upload) -> int:
    """Open the file that was checked, or at least its inode with as many bytes.

    Which bytes they are is checked once it is locked.
    """
    try:
        file = kernel.open_beneath(parent, name, READ)
    except BlockingIOError as error:
        raise leased(upload.place, parent, name) from error
    except OSError as error:
        if error.errno in ABSENT:
            raise RefusedError(f"{upload.place} is gone") from error
        raise QuarantineError(f"cannot open {upload.place}: {error.strerror}") from error
    found, checked = os.fstat(file), upload.state
    same = (found.st_ino, found.st_size) == (checked.ino, checked.size)
    if not stat.S_ISREG(found.st_mode) or not same:
        os.close(file)
        raise RefusedError(f"{upload.place} is not the file that was checked any more")
    return file


def _not_ours_already(parent: int, folder: int, place: Place) -> None:
    if os.path.samestat(os.fstat(parent), os.fstat(folder)) or was_quarantine(place, parent):
        raise RefusedError(f"{place} is in quarantine already")


def _label(request: QuarantineRequest, file: int, directory: _Directory) -> Label:
    state = request.upload.state
    return Label(
        case_id=request.case_id,
        place=request.upload.place,
        customer=request.upload.customer,
        ino=state.ino,
        parent=directory.identity,
        size=state.size,
        sha256=request.sha256,
        metadata=_metadata_of(file, directory.folder),
        parent_flags=directory.flags,
    )


def _metadata_of(file: int, folder: int) -> Metadata:
    """The metadata as the owner had them.

    Where another name of the file is in quarantine it is locked, and that label tells. Only then is the whole
    quarantine looked through: a customer with thousands of names for one file would keep others waiting.
    """
    found = os.fstat(file)
    may_be_locked = found.st_nlink > 1 and not stat.S_IMODE(found.st_mode)
    other = label_of_inode(folder, found.st_ino) if may_be_locked else None
    return other.metadata if other else read_metadata(file)


def _is_there(file: int, source: tuple[int, bytes]) -> bool:
    found = entry(*source)
    return found is not None and os.path.samestat(found, os.fstat(file))
