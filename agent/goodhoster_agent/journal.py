"""Logging to the systemd journal, with fields and a MESSAGE_ID for each kind of line.

The shipped catalog explains each id (tools/catalog.py). The format is that of
https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
import sys
import traceback
import uuid

PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
"""The syslog levels of what we log."""
SOCKET = "/run/systemd/journal/socket"

_NAMESPACE = uuid.UUID("5f0c7a52-0b1e-4a55-9b7e-9d6f6f1e1a19")
_PLACE = re.compile(r"%[\w.]+")
_NAMED = re.compile(r"%[\w.]+|\b(?P<word>case|storm|notice|customer) %s")
_LONGEST_FIELD = 64 << 10
"""Bytes of a field; the rest of a longer one is cut off."""
_WITHIN = 5.0
"""Seconds that a journal may take for a line; after that the line goes to stderr."""
Fields = list[tuple[str, str]]


def is_journal(stream_of: int = 2) -> bool:
    """Whether that descriptor, stderr, leads to the journal.

    Whoever sent it elsewhere gets the lines there.
    """
    try:
        status = os.fstat(stream_of)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def line_of(template: str) -> str:
    """A line as the reference of the journal has it, from the template in the source."""
    return _PLACE.sub("…", template)


def message_id(line: str) -> str:
    """The MESSAGE_ID of a line of the reference; the same in every version that has this line."""
    return uuid.uuid5(_NAMESPACE, line).hex


class JournalHandler(logging.Handler):
    """Handler that sends lines to the journal. What it does not take goes to stderr."""

    def __init__(self, address: str = SOCKET) -> None:
        super().__init__()
        self._address = address
        self._fallback = logging.StreamHandler(sys.stderr)
        self._fallback.setFormatter(PrioritisedFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; no error of the journal's is one of the program's."""
        try:
            sent = encode(fields_of(record))
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as journal:
                journal.settimeout(_WITHIN)
                journal.sendto(sent, self._address)
        except OSError:
            self._fallback.handle(record)
        except Exception:  # noqa: BLE001 - as in every handler: a line that cannot be made stops nothing
            self.handleError(record)


class PrioritisedFormatter(logging.Formatter):
    """Formatter for `<4>words`, as sd-daemon(3) reads priorities from stderr."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; every line of it has the priority."""
        priority = PRIORITIES.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def fields_of(record: logging.LogRecord) -> Fields:
    """The fields of a record (systemd.journal-fields(7)), and whom it is about."""
    template = str(record.msg)
    message = record.getMessage()
    if record.exc_info:
        message += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
    fields = [
        ("MESSAGE", message),
        ("PRIORITY", str(PRIORITIES.get(record.levelno, 6))),
        ("SYSLOG_IDENTIFIER", "goodhoster"),
        ("CODE_FILE", record.pathname),
        ("CODE_LINE", str(record.lineno)),
        ("CODE_FUNC", record.funcName or ""),
        ("GOODHOSTER_LOGGER", record.name),
    ]
    if any(letter.isalpha() for letter in _PLACE.sub("", template)):
        fields.append(("MESSAGE_ID", message_id(line_of(template))))
    return fields + _named(template, record.args)


def _named(template: str, values: object) -> Fields:
    """What the line names by a word: the case, storm, notice or customer that it is about."""
    if not isinstance(values, tuple):
        return []
    places = zip(_NAMED.finditer(template), values, strict=False)
    return [(f"GOODHOSTER_{place['word'].upper()}", str(value)) for place, value in places if place["word"]]


def encode(fields: Fields) -> bytes:
    """Encode fields as the journal takes them.

    A value is bytes of a known length: no line break in it begins a field.
    """
    encoded = bytearray()
    for name, text in fields:
        value = text.encode("utf-8", "replace")[:_LONGEST_FIELD]
        encoded += name.encode("ascii") + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return bytes(encoded)
