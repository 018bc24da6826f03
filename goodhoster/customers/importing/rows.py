"""Rows of a customer list, whatever its form, and the report about those that are rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from goodhoster.errors import ConfigurationError

MOST_REJECTED = 1000
"""Rejected lines that are told one by one; more are counted."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One entry of a list as it was written: a line of a CSV file, or an object."""

    line: int
    """Where it begins, counted from 1; for JSON and TOML the number of the entry."""
    fields: Mapping[str, Any]


Rows = Iterator[ListRow]


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that was not imported."""

    line: int
    why: str
    hint: str
    customer: str = ""
    """Whose it is, as far as that can be read."""


class RowError(Exception):
    """A row cannot be imported; `why` and `hint` are for the person who keeps the list."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(slots=True)
class ListReport:
    """The result of reading a list."""

    encoding: str = "UTF-8"
    unit: str = "line"
    """What `line` of a row counts: `line` or `entry`."""
    rejected: list[RejectedLine] = field(default_factory=list)
    rejections: int = 0
    """All of them, also those that are not told one by one."""
    unnamed: bool = False
    """A rejected line does not tell whose it is: nobody may be taken for missing."""
    kept: set[str] = field(default_factory=set)
    """Customers of rejected lines: they are in the list, whatever is wrong with their line."""
    ignored: dict[str, None] = field(default_factory=dict)
    """Columns and keys that mean nothing to us, in their order."""
    warnings: list[str] = field(default_factory=list)
    cut: str = ""
    """Why the list seems to lack its end; empty where it does not."""

    def reject(self, line: int, error: RowError, customer: str = "") -> None:
        """Note a line that is not imported."""
        self.rejections += 1
        if customer:
            self.kept.add(customer)
        else:
            self.unnamed = True
        if len(self.rejected) < MOST_REJECTED:
            self.rejected.append(RejectedLine(line, error.why, error.hint, customer))


def unusable(name: object, why: str, hint: str) -> ConfigurationError:
    """Error about a list that cannot be read as a whole: nothing of it was imported."""
    return ConfigurationError(f"the list of customers {name} {why}; nothing was imported", hint=hint)
