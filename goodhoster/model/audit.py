"""What the audit log holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened or is about to happen, before it is an entry of the log."""

    kind: str
    """`subject.verb`, such as `measure.intended`; the glossary lists them."""
    data: Mapping[str, str | int | bool | list[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log, numbered from 0 and bound to the line before it by `previous`."""

    number: int
    at: datetime
    event: AuditEvent
    previous: bytes
    """SHA-256 over the line before, without its newline; 32 zero bytes for the first."""


@dataclass(frozen=True, slots=True)
class AuditMark:
    """How the log stood at an earlier moment, by a checkpoint of then."""

    entries: int
    root: bytes
    where: str
    """Where that is written, for people: "the checkpoint of FILE"."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What verification of the whole log found."""

    entries: int
    size: int
    """Bytes of the log."""
    root: str
    """RFC 6962 Merkle tree hash over the lines, hexadecimal."""
    first_bad: int | None = None
    """Number of the first line that is not valid; the number after the last one where lines are missing, or
    where an earlier checkpoint tells that some of them were rewritten.
    """
    problem: str = ""
    clock_set_back: tuple[int, ...] = ()
    """Numbers of entries that are older than the one before them: the log is whole, the machine's clock was not."""

    @property
    def ok(self) -> bool:
        """True when every line is whole and bound to the one before, and none is missing."""
        return self.first_bad is None


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record that the log speaks of, where it is kept, and the entries about it."""

    name: str
    """The field of entries that has its id."""
    plural: str
    database: str
    table: str
    entries: tuple[str, ...]
    """After each of them it is there."""


_OF_CASES = ("case.opened", "case.rebuilt", "measure.intended", "measure.done")
RECORD_KINDS = (
    RecordKind("case", "cases", "record.sqlite", "cases", _OF_CASES),
    RecordKind("notice", "notices", "notices.sqlite", "notices", ("notice.received",)),
    RecordKind("suspension", "suspensions", "customers.sqlite", "suspensions", ("suspension.intended",)),
    RecordKind("step", "steps of the ladder", "customers.sqlite", "standing_steps", ("step.intended",)),
    RecordKind("appeal", "appeals", "customers.sqlite", "appeals", ("appeal.decided",)),
)
