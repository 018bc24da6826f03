"""Where a customer's mail about abuse is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AbuseContact:
    """The abuse contact for a customer's site; not proof that anybody answers there."""

    customer: str
    address: str
    """Mail address."""
    language: Literal["nl", "en", "de"] | None = None
    """None: the house's own."""
