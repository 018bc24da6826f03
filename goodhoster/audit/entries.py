"""An audit entry as a line of bytes: canonical JSON, bound to the line before it.

Canonical as in RFC 8785 for the values used here: keys sorted, no white space, strings and whole numbers only (a float
is never logged). So the same entry is always the same bytes, and any program can check the chain. A transparency log
can later take the very same lines as its leaves.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent

FIRST = bytes(32)
"""What the first entry is bound to."""


def as_line(entry: AuditEntry) -> bytes:
    """The entry's line, without its newline. What is no Unicode character (half a surrogate pair) becomes "?"."""
    data = {
        "at": entry.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        "data": dict(entry.event.data),
        "kind": entry.event.kind,
        "n": entry.number,
        "previous": entry.previous.hex(),
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def read_line(line: bytes) -> AuditEntry:
    """The entry of a line; AuditError unless the line is exactly what `as_line` writes."""
    try:
        data = json.loads(line)
        at = datetime.fromisoformat(data["at"])
        entry = AuditEntry(data["n"], at, AuditEvent(data["kind"], data["data"]), bytes.fromhex(data["previous"]))
        written = as_line(entry)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AuditError(f"not an entry: {error!r:.200}") from error
    if written != line:
        raise AuditError("not written as this log writes entries")
    return entry


def fingerprint(line: bytes) -> bytes:
    """What the next entry is bound to."""
    return hashlib.sha256(line).digest()
