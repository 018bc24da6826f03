"""Rate limit for repeated lines in the journal.

What an outsider can have written again and again does not fill a disk. Lines of one logger with one template count
together, whatever stands in their places. Some of them are written in each interval; the others are counted, and
their number is written at its end. Lines that tell of a case or a storm, alarms and whatever is critical are all
written.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LINES_PER_INTERVAL = 20
"""Lines of a kind that are written in one interval."""
INTERVAL = 60.0
"""Seconds."""
_KINDS = 1000
"""Kinds that are counted at a time; more share one count."""
_EVERY_ONE = re.compile(r"ALARM|\b(case|storm) %s")
_PLACES = re.compile(r"%(\(\w+\))?[-#0 +]*[\d.]*[a-zA-Z]")
_SUMMARY = "repeated_lines_summary"
Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Count:
    since: float
    written: int = 0
    more: int = 0
    last: logging.LogRecord | None = None


class RepeatLimit(logging.Filter):
    """Rate limit of one handler, whatever threads and loggers write to it."""

    def __init__(self, handler: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._handler = handler
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[Kind, _Count] = {}
        self._ends_at: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be written; otherwise it is counted."""
        if hasattr(record, _SUMMARY) or _is_written_always(record):
            return True
        self.write_counts()
        with self._lock:
            count = self._count_of(_kind_of(record))
            if count.written < LINES_PER_INTERVAL:
                count.written += 1
                return True
            count.more, count.last = count.more + 1, record
            if self._ends_at is None:
                self._ends_at = count.since + INTERVAL
                threading.Thread(target=self._write_later, name="repeated-lines", daemon=True).start()
        return False

    def write_counts(self, *, at_once: bool = False) -> None:
        """Write how often lines were repeated whose interval is over; `at_once`: of all of them."""
        now = self._clock()
        with self._lock:
            over = [kind for kind, count in self._counts.items() if at_once or now - count.since >= INTERVAL]
            ended = [self._counts.pop(kind) for kind in over]
        for count in ended:
            if count.last is not None:
                self._handler.handle(_summary(count, now))

    def _count_of(self, kind: Kind) -> _Count:
        if len(self._counts) >= _KINDS and kind not in self._counts:
            kind = ("", 0, "")
        return self._counts.setdefault(kind, _Count(self._clock()))

    def _write_later(self) -> None:
        """Write the counts also where no further line comes."""
        while (ends_at := self._next_end()) is not None:
            time.sleep(max(0.05, ends_at - self._clock()))
            self.write_counts()

    def _next_end(self) -> float | None:
        with self._lock:
            ends = [count.since + INTERVAL for count in self._counts.values() if count.more]
            self._ends_at = min(ends, default=None)
            return self._ends_at


def _is_written_always(record: logging.LogRecord) -> bool:
    if record.levelno >= logging.CRITICAL:
        return True
    template = str(record.msg)
    return bool(_EVERY_ONE.search(template)) or record.getMessage().startswith("ALARM")


def _kind_of(record: logging.LogRecord) -> Kind:
    """The logger and the template, or the words put into a template that has none of its own."""
    template = str(record.msg)
    words = any(letter.isalpha() for letter in _PLACES.sub("", template))
    return record.name, record.levelno, template if words else record.getMessage()


def _summary(count: _Count, now: float) -> logging.LogRecord:
    last = count.last
    assert last is not None  # noqa: S101 - only what was repeated is told
    message = "repeated %d times in %d s, at last: %s"
    values = (count.more, max(1, round(now - count.since)), last.getMessage())
    record = logging.LogRecord(last.name, last.levelno, last.pathname, last.lineno, message, values, None)
    setattr(record, _SUMMARY, True)
    return record
