"""Return files that were moved by mistake after a name was swapped, or set them aside."""

from __future__ import annotations

import os

from goodhoster.errors import QuarantineError
from goodhoster.evidence.quarantine.directory_access import ABSENT, identity, open_parent, opened
from goodhoster.evidence.quarantine.labels import file_name, remove_label
from goodhoster.linux import kernel
from goodhoster.model.quarantine import Label


def return_misplaced(folder: int, label: Label, parent: int) -> None:
    """Put the wrongly moved file back into the open directory, never over another file.

    The intention is forgotten then. QuarantineError when it cannot go back: it is kept beside, untouched, under a
    name of its own.
    """
    name = file_name(label.case_id)
    try:
        kernel.rename_noreplace((folder, name), (parent, os.path.basename(label.place.path)))
    except OSError as error:
        raise _set_aside_for_person(folder, label, error.strerror) from error
    os.fsync(parent)
    remove_label(folder, label.case_id)


def return_misplaced_after_crash(folder: int, label: Label) -> None:
    """Return a misplaced file after a crash: only into the directory that it was taken from."""
    try:
        parent = open_parent(label.place)
    except OSError as error:
        if error.errno in ABSENT:
            raise _set_aside_for_person(folder, label, error.strerror) from error
        raise
    with opened(parent):
        if identity(parent) != label.parent:
            raise _set_aside_for_person(folder, label, "another directory is there now")
        return_misplaced(folder, label, parent)


def _set_aside_for_person(folder: int, label: Label, why: str | None) -> QuarantineError:
    kept = _set_aside(folder, file_name(label.case_id))
    remove_label(folder, label.case_id)
    message = f"another file was moved from {label.place} and cannot go back ({why}): it is kept as {kept.decode()}"
    return QuarantineError(message, hint="put it where it belongs by hand: it lies in .goodhoster/quarantine")


def _set_aside(folder: int, name: bytes) -> bytes:
    number = 1
    while True:
        kept = b"%s.limbo-%d" % (name, number)
        try:
            kernel.rename_noreplace((folder, name), (folder, kept))
        except FileExistsError:
            number += 1
        else:
            return kept
