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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.evidence.quarantine.directories import (
    ABSENT,
    entry,
    exists,
    identity,
    open_directory,
    open_parent,
    opened,
)
from goodhoster.evidence.quarantine.labels import (
    file_name,
    label_name,
    label_of_inode,
    names_of_inode,
    read_intent,
    read_label,
    remove_label,
    seal_label,
    write_intent,
)
from goodhoster.evidence.quarantine.locking import has_bytes, is_locked, lock, unlock
from goodhoster.evidence.quarantine.metadata import read_metadata, set_guards, without_guards
from goodhoster.evidence.quarantine.misplaced_files import return_after_crash, return_stranger
from goodhoster.evidence.quarantine.reserve import keep_reserve, with_reserve
from goodhoster.evidence.quarantine.storage import open_shelf, shelves, was_shelf
from goodhoster.linux import kernel
from goodhoster.model.quarantine import Label, Metadata, Whereabouts
from goodhoster.model.uploads import Place, Upload

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class LocalQuarantine:
    """The quarantine of this machine, worked by this process; in these trees only."""

    trees: tuple[bytes, ...]
    destroy_after: float | None = None
    """Seconds that a file must have lain here before it may be destroyed; None: nothing is ever destroyed."""

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        place, name = upload.place, os.path.basename(upload.place.path)
        with self._working_in(place) as stack:
            parent = stack.enter_context(opened(_open_parent(place)))
            shelf = stack.enter_context(opened(open_shelf(place.tree, parent)))
            if exists(shelf, file_name(case_id)) and self.settle(case_id, upload) is Whereabouts.QUARANTINE:
                return "found done after a crash"
            _not_ours_already(parent, shelf, place)
            file = stack.enter_context(opened(_open_file(parent, name, upload)))
            keep_reserve(shelf)
            label = _label(case_id, upload, sha256, (parent, shelf, file))
            write_intent(shelf, label)
            with without_guards(parent):
                _move_out(file, (parent, name), shelf, label)
            missing = _finish(file, shelf, label, parent)
            os.fsync(parent)
            _verify_offline(shelf, label)
            return missing

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        place, name = upload.place, os.path.basename(upload.place.path)
        with self._working_in(place) as stack:
            parent = stack.enter_context(opened(_open_parent(place)))
            shelf, label = self._sealed(case_id, upload, stack)
            if identity(parent) != label.parent and not moved:
                message = f"the directory of {place} is not the one the file was taken from"
                raise RefusedError(message, hint="if the site was moved and that is the right place: restore --moved")
            if exists(parent, name):
                raise _taken(place)
            file = stack.enter_context(opened(_open_locked(shelf, label)))
            with without_guards(parent):
                _move_back(file, shelf, (parent, name), label)
            for directory in (parent, shelf):
                os.fsync(directory)
            remove_label(shelf, case_id)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        place = upload.place
        with self._working_in(place) as stack:
            parent = stack.enter_context(opened(_open_parent(place)))
            try:
                file = _open_untouched(parent, os.path.basename(place.path))
            except OSError as error:
                if error.errno in ABSENT:
                    raise RefusedError(f"{place} is not there") from error
                raise
            stack.enter_context(opened(file))
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise RefusedError(f"{place} is no file any more")
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
            shelf, label = found
            if not exists(shelf, file_name(case_id)):
                remove_label(shelf, case_id)
                return
            _expect_lain_for(self.destroy_after, shelf, case_id)
            file = stack.enter_context(opened(_open_locked(shelf, label)))
            _expect_no_name_elsewhere(file, shelf, case_id)
            guards = read_metadata(file).flags
            set_guards(file, 0)
            try:
                os.unlink(file_name(case_id), dir_fd=shelf)
            finally:
                if os.fstat(file).st_nlink:
                    set_guards(file, guards)  # another name of it lies here
            remove_label(shelf, case_id)
            os.fsync(shelf)

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        with self._working_in(Place(tree, b"")) as stack:
            top = stack.enter_context(opened(open_directory(tree)))
            keep_reserve(stack.enter_context(opened(open_shelf(tree, top))))

    def settle(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        with self._working_in(upload.place) as stack:
            found = self._find(case_id, upload, stack)
            if found is None:
                return Whereabouts.ELSEWHERE
            shelf, label = found
            _give_parent_flags_back(label)
            if not exists(shelf, file_name(case_id)):
                _give_flags_back(label)
                remove_label(shelf, case_id)
                return Whereabouts.ELSEWHERE
            if read_label(shelf, case_id) is None and not _finished_after_crash(shelf, label):
                return Whereabouts.ELSEWHERE
            lock(stack.enter_context(opened(_open_locked(shelf, label))))
            return Whereabouts.QUARANTINE

    @contextmanager
    def _working_in(self, place: Place) -> Iterator[ExitStack]:
        """Whatever the disk refuses (full, read-only, a quota) is named with its place."""
        if place.tree not in self.trees:
            raise RefusedError(f"{place} is in no watched tree")
        try:
            with ExitStack() as stack:
                yield stack
        except OSError as error:
            hint = "put the disk right, then: goodhoster cases confirm, or restart the daemon"
            raise QuarantineError(f"{place}: the disk refuses: {error.strerror}", hint=hint) from error

    @staticmethod
    def _find(case_id: str, upload: Upload, stack: ExitStack) -> tuple[int, Label] | None:
        devices: set[int] = set()
        for shelf in shelves(upload.place, devices):
            label = read_label(shelf, case_id) or read_intent(shelf, case_id)
            if label is not None:
                return stack.enter_context(opened(os.dup(shelf))), label
            if exists(shelf, file_name(case_id)):
                raise _without_label(case_id, shelf)
            remove_label(shelf, case_id)  # half written
        if upload.state.dev not in devices and not _lies_at_its_place(upload):
            message = f"{upload.place}: the file system it was on is not there, so nobody can say where the file is"
            raise QuarantineError(message, hint="mount it again, then: goodhoster cases restore or confirm")
        return None

    def _sealed(self, case_id: str, upload: Upload, stack: ExitStack) -> tuple[int, Label]:
        found = self._find(case_id, upload, stack)
        if found is None or read_label(found[0], case_id) is None:
            raise RefusedError(f"the file of case {case_id} is not in quarantine", hint="see: goodhoster cases show")
        return found


def _expect_lain_for(seconds: float, shelf: int, case_id: str) -> None:
    """Refuse a file that has not lain here for so long by its label, which is written once."""
    label = entry(shelf, label_name(case_id))
    if label is None or time.time() - label.st_mtime < seconds:
        raise RefusedError(f"the file of case {case_id} has not lain in quarantine for as long as is set up")


def _expect_no_name_elsewhere(file: int, shelf: int, case_id: str) -> None:
    found = os.fstat(file)
    if found.st_nlink > names_of_inode(shelf, found.st_ino):
        message = f"the file of case {case_id} has other names outside quarantine: its bytes would stay"
        raise RefusedError(message, hint="find them (find DISK -inum) and remove them; it is tried again every day")


def _open_parent(place: Place) -> int:
    try:
        return open_parent(place)
    except OSError as error:
        if error.errno in ABSENT:
            message = f"the directory of {place} is gone or is no plain directory: {error.strerror}"
            raise RefusedError(message) from error
        raise QuarantineError(f"cannot open the directory of {place}: {error.strerror}") from error


def _open_file(parent: int, name: bytes, upload: Upload) -> int:
    """Open the file that was checked, or at least its inode with as many bytes.

    Which bytes they are is checked once it is locked.
    """
    try:
        file = kernel.open_beneath(parent, name, _READ)
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


def _without_label(case_id: str, shelf: int) -> QuarantineError:
    """The error for a file in quarantine whose label is missing; the file stays offline."""
    where = os.fsdecode(os.readlink(b"/proc/self/fd/%d" % shelf))
    message = f"the file of case {case_id} lies in quarantine without its label: owner, mode and place are not known"
    return QuarantineError(message, hint=f"bring {where}/{case_id}.label back from a backup, then say it again")


def _open_untouched(parent: int, name: bytes) -> int:
    """Open without changing the access time, which is given back exactly; where permitted."""
    try:
        return kernel.open_beneath(parent, name, _READ | os.O_NOATIME)
    except PermissionError:
        return kernel.open_beneath(parent, name, _READ)


def _lies_at_its_place(upload: Upload) -> bool:
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


def _not_ours_already(parent: int, shelf: int, place: Place) -> None:
    if os.path.samestat(os.fstat(parent), os.fstat(shelf)) or was_shelf(place, parent):
        raise RefusedError(f"{place} is in quarantine already")


def _label(case_id: str, upload: Upload, sha256: bytes, descriptors: tuple[int, int, int]) -> Label:
    state, (parent, shelf, file) = upload.state, descriptors
    return Label(
        case_id=case_id,
        place=upload.place,
        customer=upload.customer,
        ino=state.ino,
        parent=identity(parent),
        size=state.size,
        sha256=sha256,
        metadata=_metadata_of(file, shelf),
        parent_flags=read_metadata(parent).flags,
    )


def _metadata_of(file: int, shelf: int) -> Metadata:
    """The metadata as the owner had them.

    Where another name of the file is in quarantine it is locked, and that label tells. Only then is the whole
    quarantine looked through: a customer with thousands of names for one file would keep others waiting.
    """
    found = os.fstat(file)
    may_be_locked = found.st_nlink > 1 and not stat.S_IMODE(found.st_mode)
    other = label_of_inode(shelf, found.st_ino) if may_be_locked else None
    return other.metadata if other else read_metadata(file)


def _move_out(file: int, source: tuple[int, bytes], shelf: int, label: Label) -> None:
    """Rename, then check what was renamed: a file that was swapped in goes back."""
    guards = read_metadata(file).flags  # not the label's: it may be locked under another name
    try:
        set_guards(file, 0)
        _rename_out(file, source, shelf, label)
        if not _is_file_of(shelf, label):
            return_stranger(shelf, label, source[0])
            message = f"{label.place} was replaced while it was being taken offline; the other file was put back"
            raise RefusedError(message)
    except BaseException:
        set_guards(file, guards)
        raise


def _rename_out(file: int, source: tuple[int, bytes], shelf: int, label: Label) -> None:
    try:
        with_reserve(shelf, lambda: kernel.rename_noreplace(source, (shelf, file_name(label.case_id))))
    except OSError as error:
        remove_label(shelf, label.case_id)
        if error.errno in ABSENT and not _is_there(file, source):
            raise RefusedError(f"{label.place} is gone") from error
        raise QuarantineError(f"cannot move {label.place}: {error.strerror}") from error


def _finish(file: int, shelf: int, label: Label, parent: int) -> str:
    """Lock the moved file and keep it if its bytes are those that were checked; else return it."""
    missing = with_reserve(shelf, lambda: lock(file))
    if not has_bytes(file, label.sha256):
        _give_back_changed(file, label)
        return_stranger(shelf, label, parent)
        set_guards(file, label.metadata.flags)
        raise RefusedError(f"{label.place} was written to since it was checked; it was put back")
    seal_label(shelf, label.case_id)
    return missing


def _finished_after_crash(shelf: int, label: Label) -> bool:
    """Seal the moved file if it is the checked one; return anything else to where it was."""
    if not _is_file_of(shelf, label):
        return_after_crash(shelf, label)
        return False
    with opened(_open_locked(shelf, label)) as file:
        lock(file)
        if has_bytes(file, label.sha256):
            seal_label(shelf, label.case_id)
            return True
        _give_back_changed(file, label)
        return_after_crash(shelf, label)
        set_guards(file, label.metadata.flags)
        return False


def _give_back_changed(file: int, label: Label) -> None:
    """Its owner wrote it meanwhile: that time stays."""
    found = os.fstat(file)
    unlock(file, replace(label.metadata, atime_ns=found.st_atime_ns, mtime_ns=found.st_mtime_ns))


def _give_flags_back(label: Label) -> None:
    """A crash before the rename left the file in its place without the flags that forbid one."""
    if not label.metadata.flags:
        return
    with opened(open_parent(label.place)) as parent:
        file = kernel.open_beneath(parent, os.path.basename(label.place.path), _READ)
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


def _move_back(file: int, shelf: int, target: tuple[int, bytes], label: Label) -> None:
    """Unlock and rename back; a failure before the rename leaves the file locked."""
    try:
        if not has_bytes(file, label.sha256):
            message = f"the bytes of case {label.case_id} in quarantine are not those that were checked"
            raise QuarantineError(message, hint="a program went on writing to it: compare with a backup")
        unlock(file, label.metadata)
        _rename_back((shelf, file_name(label.case_id)), target, label)
    except BaseException:
        lock(file)
        raise
    set_guards(file, label.metadata.flags)


def _rename_back(source: tuple[int, bytes], target: tuple[int, bytes], label: Label) -> None:
    try:
        kernel.rename_noreplace(source, target)
    except FileExistsError as error:
        raise _taken(label.place) from error
    except FileNotFoundError as error:
        raise RefusedError(f"the directory of {label.place} is gone") from error


def _is_file_of(shelf: int, label: Label) -> bool:
    """Whether the file under the case's name is the inode that was checked."""
    found = entry(shelf, file_name(label.case_id))
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_ino == label.ino


def _expect_file_of(file: int, label: Label) -> None:
    """On another disk or server than before it has another number: then its bytes decide."""
    found = os.fstat(file)
    same = stat.S_ISREG(found.st_mode) and (found.st_ino == label.ino or has_bytes(file, label.sha256))
    if not same:
        raise QuarantineError(f"the file of case {label.case_id} in quarantine is not the one its label describes")


def _is_there(file: int, source: tuple[int, bytes]) -> bool:
    found = entry(*source)
    return found is not None and os.path.samestat(found, os.fstat(file))


def _open_locked(shelf: int, label: Label) -> int:
    """The file on the shelf. The shelf is ours alone: nobody else can swap a name there."""
    name = file_name(label.case_id)
    try:
        file = os.open(name, _READ | os.O_NOATIME, dir_fd=shelf)
    except PermissionError:  # mode 000 and not root
        os.chmod(name, 0o400, dir_fd=shelf)
        file = os.open(name, _READ | os.O_NOATIME, dir_fd=shelf)
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


def _taken(place: Place) -> RefusedError:
    return RefusedError(f"{place} exists: nothing is overwritten", hint="move that file away and restore again")


def _verify_offline(shelf: int, label: Label) -> None:
    locked = entry(shelf, file_name(label.case_id))
    if locked is None or stat.S_IMODE(locked.st_mode) or read_label(shelf, label.case_id) is None:
        raise QuarantineError(f"{label.place} was moved, but reading back does not show it offline and locked")
