"""Take a file offline and put it back, safely against renames, links and swaps meanwhile.

The procedure (a realpath check followed by a move is a way to root; this is not): write a label → resolve the parent
below the tree without following links → rename without overwriting into our own directory on the same file system →
look whether it is the very file that was checked, and put it back if not → take it from its owner: 0:0, mode 000,
immutable → read it again: the bytes decide, so that neither touching nor writing in between helps anybody. Descriptors,
not names, from there on. `put_back` is the exact inverse.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from goodhoster.errors import GoodhosterError, QuarantineError, RefusedError
from goodhoster.evidence.quarantine.directory_access import (
    ABSENT,
    entry,
    exists,
    identity,
    open_directory,
    open_parent,
    opened,
)
from goodhoster.evidence.quarantine.labels import (
    commit_label,
    file_name,
    guard_label,
    label_name,
    names_of_inode,
    read_intent,
    read_label,
    remove_label,
)
from goodhoster.evidence.quarantine.locking import has_bytes, lock, unlock
from goodhoster.evidence.quarantine.metadata import read_metadata, set_guards, without_guards
from goodhoster.evidence.quarantine.misplaced_files import return_misplaced_after_crash
from goodhoster.evidence.quarantine.reserve import keep_reserve, sync_with_reserve
from goodhoster.evidence.quarantine.storage import open_quarantine, quarantine_folders
from goodhoster.evidence.quarantine.taking import (
    READ,
    disk_errors,
    give_back_changed,
    is_file_of,
    leased,
    open_parent_of,
    take_all,
)
from goodhoster.linux import kernel
from goodhoster.model.quarantine import Label, QuarantineRequest, Whereabouts, is_locked
from goodhoster.model.uploads import Place, Upload


@dataclass(frozen=True, slots=True)
class LocalQuarantine:
    """The quarantine of this machine, worked by this process; in these trees only."""

    trees: tuple[bytes, ...]
    destroy_after: float | None = None
    """Seconds that a file must have lain here before it may be destroyed; None: nothing is ever destroyed."""

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        (result,) = self.take_all_offline([QuarantineRequest(case_id, upload, sha256)])
        if isinstance(result, GoodhosterError):
            raise result
        return result

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """See `ports.Quarantine`."""
        ours = [request for request in requests if request.upload.place.tree in self.trees]
        results = iter(take_all(ours, self.recover))
        return [next(results) if request in ours else _not_watched(request.upload.place) for request in requests]

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        place, name = upload.place, os.path.basename(upload.place.path)
        with self._working_in(place) as stack:
            parent = stack.enter_context(opened(open_parent_of(place)))
            folder, label = self._sealed(case_id, upload, stack)
            if identity(parent) != label.parent and not moved:
                message = f"the directory of {place} is not the one the file was taken from"
                raise RefusedError(message, hint="if the site was moved and that is the right place: restore --moved")
            if exists(parent, name):
                raise _already_taken(place)
            file = stack.enter_context(opened(_open_locked(folder, label)))
            with without_guards(parent):
                _move_back(file, folder, (parent, name), label)
            for directory in (parent, folder):
                os.fsync(directory)
            remove_label(folder, case_id)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        place = upload.place
        with self._working_in(place) as stack:
            parent = stack.enter_context(opened(open_parent_of(place)))
            try:
                file = _open_untouched(parent, os.path.basename(place.path))
            except BlockingIOError as error:
                raise leased(place, parent, os.path.basename(place.path)) from error
            except OSError as error:
                if error.errno in ABSENT:
                    raise RefusedError(f"{place} is not there") from error
                raise
            stack.enter_context(opened(file))
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise RefusedError(f"{place} is not a file any more")
            if is_locked(found):
                raise RefusedError(f"{place} is there and still locked", hint="see docs/how-to-quarantine.md")
            if not has_bytes(file, sha256):
                raise RefusedError(f"{place} holds other bytes than those that were checked")

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`."""
        if self.destroy_after is None:
            hint = "set [evidence] destroy_quarantined_after; the mover reads it at its start"
            raise RefusedError("nothing in quarantine is ever destroyed here", hint=hint)
        with self._working_in(upload.place) as stack:
            found = self._find(case_id, upload, stack)
            if found is None:
                return
            folder, label = found
            if not exists(folder, file_name(case_id)):
                remove_label(folder, case_id)
                return
            _expect_minimum_age(self.destroy_after, folder, case_id)
            file = stack.enter_context(opened(_open_locked(folder, label)))
            _expect_no_name_elsewhere(file, folder, case_id)
            guards = read_metadata(file).flags
            set_guards(file, 0)
            try:
                os.unlink(file_name(case_id), dir_fd=folder)
            finally:
                if os.fstat(file).st_nlink:
                    set_guards(file, guards)  # another name of it lies here
            remove_label(folder, case_id)
            os.fsync(folder)

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        with self._working_in(Place(tree, b"")) as stack:
            top = stack.enter_context(opened(open_directory(tree)))
            keep_reserve(stack.enter_context(opened(open_quarantine(tree, top))))

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        with self._working_in(upload.place) as stack:
            found = self._find(case_id, upload, stack)
            if found is None:
                return Whereabouts.ELSEWHERE
            folder, label = found
            _give_parent_flags_back(label)
            if not exists(folder, file_name(case_id)):
                _give_flags_back(label)
                remove_label(folder, case_id)
                return Whereabouts.ELSEWHERE
            if read_label(folder, case_id) is None and not _finished_after_crash(folder, label):
                return Whereabouts.ELSEWHERE
            lock(stack.enter_context(opened(_open_locked(folder, label))))
            return Whereabouts.QUARANTINE

    @contextmanager
    def _working_in(self, place: Place) -> Iterator[ExitStack]:
        """Whatever the disk refuses (full, read-only, a quota) is named with its place."""
        if place.tree not in self.trees:
            raise _not_watched(place)
        with disk_errors(place), ExitStack() as stack:
            yield stack

    @staticmethod
    def _find(case_id: str, upload: Upload, stack: ExitStack) -> tuple[int, Label] | None:
        devices: set[int] = set()
        for folder in quarantine_folders(upload.place, devices):
            label = read_label(folder, case_id) or read_intent(folder, case_id)
            if label is not None:
                return stack.enter_context(opened(os.dup(folder))), label
            if exists(folder, file_name(case_id)):
                raise _without_label(case_id, folder)
            remove_label(folder, case_id)  # half written
        if upload.state.dev not in devices and not _is_in_place(upload):
            message = f"{upload.place}: the file system it was on is not there, so nobody can say where the file is"
            raise QuarantineError(message, hint="mount it again, then: goodhoster cases restore or confirm")
        return None

    def _sealed(self, case_id: str, upload: Upload, stack: ExitStack) -> tuple[int, Label]:
        found = self._find(case_id, upload, stack)
        if found is None or read_label(found[0], case_id) is None:
            raise RefusedError(f"the file of case {case_id} is not in quarantine", hint="see: goodhoster cases show")
        return found


def _not_watched(place: Place) -> RefusedError:
    return RefusedError(f"{place} is in no watched tree")


def _expect_minimum_age(seconds: float, folder: int, case_id: str) -> None:
    """Refuse a file that has not lain here for so long by its label, which is written once."""
    label = entry(folder, label_name(case_id))
    if label is None or time.time() - label.st_mtime < seconds:
        raise RefusedError(f"the file of case {case_id} has not lain in quarantine for as long as is set up")


def _expect_no_name_elsewhere(file: int, folder: int, case_id: str) -> None:
    found = os.fstat(file)
    if found.st_nlink > names_of_inode(folder, found.st_ino):
        message = f"the file of case {case_id} has other names outside quarantine: its bytes would stay"
        raise RefusedError(message, hint="find them (find DISK -inum) and remove them; it is tried again every day")


def _without_label(case_id: str, folder: int) -> QuarantineError:
    """The error for a file in quarantine whose label is missing; the file stays offline."""
    where = os.fsdecode(os.readlink(b"/proc/self/fd/%d" % folder))
    message = f"the file of case {case_id} lies in quarantine without its label: owner, mode and place are not known"
    return QuarantineError(
        message, hint=f"bring {where}/{case_id}.label back from a backup, then run the command again"
    )


def _open_untouched(parent: int, name: bytes) -> int:
    """Open without changing the access time, which is given back exactly; where permitted."""
    try:
        return kernel.open_beneath(parent, name, READ | os.O_NOATIME)
    except PermissionError:
        return kernel.open_beneath(parent, name, READ)


def _is_in_place(upload: Upload) -> bool:
    """Whether the file is at its place, though perhaps on a renumbered or moved disk.

    Owner and mode (and so ctime) may have changed since.
    """
    try:
        with opened(open_parent(upload.place)) as parent:
            found = entry(parent, os.path.basename(upload.place.path))
    except OSError:
        return False
    if found is None or not stat.S_ISREG(found.st_mode):
        return False
    checked = upload.state
    return (found.st_size, found.st_mtime_ns) == (checked.size, checked.mtime_ns)


def _finished_after_crash(folder: int, label: Label) -> bool:
    """Seal the moved file if it is the checked one; return anything else to where it was."""
    if not is_file_of(folder, label):
        return_misplaced_after_crash(folder, label)
        return False
    with opened(_open_locked(folder, label)) as file:
        lock(file)
        if has_bytes(file, label.sha256):
            commit_label(folder, label.case_id)
            sync_with_reserve(folder, folder)
            guard_label(folder, label.case_id)
            return True
        give_back_changed(file, label)
        return_misplaced_after_crash(folder, label)
        set_guards(file, label.metadata.flags)
        return False


def _give_flags_back(label: Label) -> None:
    """A crash before the rename left the file in its place without the flags that forbid one."""
    if not label.metadata.flags:
        return
    with opened(open_parent(label.place)) as parent:
        name = os.path.basename(label.place.path)
        try:
            file = kernel.open_beneath(parent, name, READ)
        except BlockingIOError as error:
            raise leased(label.place, parent, name) from error
        with opened(file):
            if os.fstat(file).st_ino == label.ino:
                set_guards(file, label.metadata.flags)


def _give_parent_flags_back(label: Label) -> None:
    """A crash while a file was renamed left its directory without the flags that forbid that."""
    if not label.parent_flags:
        return
    with suppress(OSError), opened(open_parent(label.place)) as parent:
        if identity(parent) == label.parent:
            set_guards(parent, label.parent_flags)


def _move_back(file: int, folder: int, target: tuple[int, bytes], label: Label) -> None:
    """Unlock and rename back; a failure before the rename leaves the file locked."""
    try:
        if not has_bytes(file, label.sha256):
            message = f"the bytes of case {label.case_id} in quarantine are not those that were checked"
            raise QuarantineError(message, hint="a program kept writing to it: compare with a backup")
        unlock(file, label.metadata)
        _rename_back((folder, file_name(label.case_id)), target, label)
    except BaseException:
        lock(file)
        raise
    set_guards(file, label.metadata.flags)


def _rename_back(source: tuple[int, bytes], target: tuple[int, bytes], label: Label) -> None:
    try:
        kernel.rename_noreplace(source, target)
    except FileExistsError as error:
        raise _already_taken(label.place) from error
    except FileNotFoundError as error:
        raise RefusedError(f"the directory of {label.place} is gone") from error


def _expect_file_of(file: int, label: Label) -> None:
    """On another disk or server than before it has another number: then its bytes decide."""
    found = os.fstat(file)
    same = stat.S_ISREG(found.st_mode) and (found.st_ino == label.ino or has_bytes(file, label.sha256))
    if not same:
        raise QuarantineError(f"the file of case {label.case_id} in quarantine is not the one its label describes")


def _open_locked(folder: int, label: Label) -> int:
    """Open the file in quarantine, whose folder is ours alone: nobody else swaps a name there."""
    name = file_name(label.case_id)
    try:
        file = os.open(name, READ | os.O_NOATIME, dir_fd=folder)
    except PermissionError:  # mode 000 and not root
        os.chmod(name, 0o400, dir_fd=folder)
        file = os.open(name, READ | os.O_NOATIME, dir_fd=folder)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        raise QuarantineError(f"the file of case {label.case_id} is not in quarantine any more") from error
    try:
        _expect_file_of(file, label)
    except BaseException:
        os.close(file)
        raise
    return file


def _already_taken(place: Place) -> RefusedError:
    return RefusedError(f"{place} exists: nothing is overwritten", hint="move that file away and restore again")
