"""An audit entry as a line of bytes: canonical JSON, bound to the line before it.

Canonical as in RFC 8785 for the values used here: keys sorted, no white space, strings and whole numbers only (a float
is never logged). So the same entry is always the same bytes, any program can check the chain, and the lines are the
leaves of a Merkle tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent

FIRST = bytes(32)
"""What the first entry is bound to."""

CLOCK_TOLERANCE = timedelta(seconds=1)
"""A clock that went back by more is told: time servers correct by less."""

_AT = slice(7, 34)
"""Where a line has its time: behind `{"at":"`, always 27 characters."""


class LogLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line as it is written."""

    at: str
    data: dict[str, str | int | bool | list[str] | None]
    kind: str
    n: int
    previous: str


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(LogLine).decode


def as_line(entry: AuditEntry) -> bytes:
    """The entry's line, without its newline.

    What is no Unicode character (half a surrogate pair) becomes "?".
    """
    at, event = format_time(entry.at), entry.event
    try:
        return _encode(LogLine(at, dict(event.data), event.kind, entry.number, entry.previous.hex()))
    except UnicodeEncodeError:
        data = _unicode(event.data)
        return _encode(LogLine(at, data, _replaced(event.kind), entry.number, entry.previous.hex()))


def read_line(line: bytes) -> AuditEntry:
    """The entry of a line; AuditError unless the line is exactly what `as_line` writes."""
    read = check_line(line)
    event = AuditEvent(read.kind, read.data)
    return AuditEntry(read.n, datetime.fromisoformat(read.at), event, bytes.fromhex(read.previous))


def decode_line(line: bytes) -> LogLine:
    """The entry in a line that was verified."""
    return _decode(line)


def check_line(line: bytes) -> LogLine:
    """The entry in a line; AuditError unless the line is exactly what `as_line` writes."""
    try:
        read = _decode(line)
        at = format_time(datetime.fromisoformat(read.at))
        bound = bytes.fromhex(read.previous).hex() == read.previous and len(read.previous) == 2 * len(FIRST)
    except (ValueError, OverflowError, RecursionError) as error:
        raise AuditError(f"not an entry: {error!r:.200}") from error
    if at != read.at or not bound or _encode(read) != line:
        raise AuditError("not written as this log writes entries")
    return read


def format_time(at: datetime) -> str:
    """Universal time to the microsecond, in the same 27 characters always: later is greater."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_in(line: bytes) -> datetime:
    """The time of the entry in a line. AuditError where no time stands."""
    try:
        return datetime.fromisoformat(line[_AT].decode())
    except ValueError as error:
        raise AuditError(f"not an entry: {error}") from error


def is_set_back(before: datetime, now: datetime) -> bool:
    """Whether the clock was set back between the two, by more than clocks are."""
    return before - now > CLOCK_TOLERANCE


def bound_to(number: int, previous: bytes) -> bytes:
    """The ending of a line that has this number and follows the line of that fingerprint."""
    return b',"n":%d,"previous":"%s"}' % (number, previous.hex().encode())


def fingerprint(line: bytes) -> bytes:
    """The fingerprint that the next entry is bound to."""
    return hashlib.sha256(line).digest()


def _unicode(data: Mapping[str, str | int | bool | list[str] | None]) -> dict[str, str | int | bool | list[str] | None]:
    return {_replaced(name): _value(value) for name, value in data.items()}


def _value(value: str | int | bool | list[str] | None) -> str | int | bool | list[str] | None:  # noqa: FBT001 - JSON
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    return _replaced(value) if isinstance(value, str) else value


def _replaced(text: str) -> str:
    return text.encode(errors="replace").decode()
