"""What people write down about a case or a notice, and who of them works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LONGEST_NOTE = 4000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Note:
    """Words of a person about a case or a notice, for colleagues. They change nothing."""

    subject: str
    """Id of the case or notice."""
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who works on a case or a notice."""

    subject: str
    """Id of the case or notice."""
    person: str
    given_by: str
    """That person itself, or whoever handed it over."""
    since: datetime
