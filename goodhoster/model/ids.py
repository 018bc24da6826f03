"""Names for cases and notices."""

from __future__ import annotations

import secrets
from datetime import datetime

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


def new_id(now: datetime, prefix: str = "") -> str:
    """Sortable by day, short enough to say on the phone, without letters that look alike."""
    return f"{prefix}{now:%Y%m%d}-" + "".join(secrets.choice(_LETTERS) for _ in range(7))
