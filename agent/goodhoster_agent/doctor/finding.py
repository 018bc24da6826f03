"""The result of one check of `goodhoster doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """The result of one check."""

    what: str
    ok: bool
    detail: str
    hint: str = ""
    unchecked: bool = False
    """It could not be looked at: neither right nor wrong."""
