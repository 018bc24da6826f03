"""The contents of a tree's quarantines, read from disk: for a lost record, and to be sealed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from goodhoster.errors import QuarantineError
from goodhoster.evidence.quarantine.directory_access import exists
from goodhoster.evidence.quarantine.labels import file_name, is_case_name, read_intent, read_label
from goodhoster.evidence.quarantine.storage import quarantine_folders
from goodhoster.model.quarantine import Label
from goodhoster.model.uploads import Place


def quarantined(tree: bytes) -> Iterator[str]:
    """The names of all files in quarantine on the mounted file systems of a tree."""
    for folder in quarantine_folders(Place(tree, b""), set()):
        with os.scandir(folder) as found:
            yield from (entry.name for entry in found if is_case_name(entry.name))


def damaged(tree: bytes) -> Iterator[tuple[str, str]]:
    """Files in quarantine that could not be put back as they were, by name and why.

    No label, or another size. Their bytes are not read.
    """
    for folder in quarantine_folders(Place(tree, b""), set()):
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found if is_case_name(entry.name))
        for name in names:
            with suppress(FileNotFoundError):  # put back meanwhile
                if why := _damage(folder, name):
                    yield name, why


def _damage(folder: int, name: str) -> str:
    size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    try:
        label = read_label(folder, name)
        if label is None and read_intent(folder, name) is None:
            os.stat(name, dir_fd=folder, follow_symlinks=False)  # while it is put back its label goes after it
            return "its label is missing"
    except QuarantineError as error:
        return str(error)
    return f"it has {size:,} bytes, and {label.size:,} were taken" if label and size != label.size else ""


def label_of(tree: bytes, name: str) -> Label | None:
    """The label of a file in quarantine; None where there is none, or it cannot be read."""
    for folder in quarantine_folders(Place(tree, b""), set()):
        try:
            label = read_label(folder, name) or read_intent(folder, name)
        except QuarantineError:
            continue
        if label is not None:
            return label
    return None


def open_quarantined(place: Place, name: str) -> int | None:
    """The file of that name in quarantine, open; None when it is not there, or not locked yet.

    QuarantineError when the disk does not let it be read.
    """
    try:
        for folder in quarantine_folders(place, set()):
            if exists(folder, file_name(name)) and read_label(folder, name) is not None:
                file = os.open(file_name(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                if stat.S_ISREG(os.fstat(file).st_mode):
                    return file
                os.close(file)
    except OSError as error:
        message = f"the quarantine of {place} cannot be read: {error.strerror}"
        raise QuarantineError(message, hint="repair the disk; it is tried again") from error
    return None
