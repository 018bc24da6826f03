"""Names for cases and notices."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_LONG = 12
"""Letters of a name that is not drawn: two may not meet by chance, and nobody looks for another then."""


def new_id(now: datetime, prefix: str = "") -> str:
    """Sortable by day, short enough to say on the phone, without letters that look alike."""
    return f"{prefix}{now:%Y%m%d}-" + "".join(secrets.choice(_LETTERS) for _ in range(7))


def id_of(name: bytes, now: datetime, prefix: str = "") -> str:
    """The same form, always the same for the same name on the same day."""
    digits = hashlib.sha256(name).digest()
    return f"{prefix}{now:%Y%m%d}-" + "".join(_LETTERS[digit % len(_LETTERS)] for digit in digits[:_LONG])
