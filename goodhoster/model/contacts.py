"""Where a customer's mail about abuse is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to write to about a customer's site; that anybody answers there is not proven by this."""

    customer: str
    address: str
    """Mail address."""
    language: Literal["nl", "en"] | None = None
    """None: the house's own."""
