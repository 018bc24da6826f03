"""Open a quarantined file for reading, where it lies now."""

from __future__ import annotations

import os
import stat

from goodhoster.errors import QuarantineError
from goodhoster.evidence.quarantine.directories import exists
from goodhoster.evidence.quarantine.labels import file_name, read_label
from goodhoster.evidence.quarantine.storage import quarantine_folders
from goodhoster.model.uploads import Place


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
