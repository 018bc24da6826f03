"""Whether keys that sign are lost: those of the log's checkpoints, and those of our witness.

Without the cryptography, which takes 9 MB: the daemon asks this where nothing is signed.
"""

from __future__ import annotations

from pathlib import Path

from goodhoster.linux.state_manifest import FILE as MANIFEST
from goodhoster.linux.state_manifest import is_known

KEY_FILE = "audit.key"
PUBLIC_KEYS = "audit.vkeys"
CHECKPOINT = "audit.checkpoint"
CHANGES = "audit-key-changes"
TIMESTAMPS = "audit-timestamps"
WITNESS_KEY_FILE = "witness.key"
_MADE_WITH_KEYS = (PUBLIC_KEYS, CHECKPOINT, CHANGES, TIMESTAMPS)


def trace_of_lost_keys(directory: Path) -> Path | None:
    """The file that shows that the log had keys, where there are none any more.

    The manifest only where nothing else does, and also where that cannot be read. The log itself is not read.
    """
    if (directory / KEY_FILE).exists():
        return None
    if found := next((directory / name for name in _MADE_WITH_KEYS if (directory / name).exists()), None):
        return found
    return directory / MANIFEST if is_known(directory, directory / KEY_FILE) else None


def trace_of_lost_witness_keys(directory: Path) -> str:
    """What shows that a witness had keys, where there are none any more; empty otherwise."""
    file = directory / WITNESS_KEY_FILE
    if file.exists():
        return ""
    if cosigned := next(directory.glob("*.checkpoint"), None):
        return f"there is {cosigned}, which they cosigned"
    return "they were there once" if is_known(directory.parent, file) else ""
