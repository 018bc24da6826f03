"""When what could not be checked is tried again."""

from __future__ import annotations

import random

_FIRST = 1.0
_LONGEST = 300.0
_OBEYED = 86400.0
"""A wait that was asked for is obeyed up to this: a date far away must not leave a file unchecked for years."""


def delay(tries: int, retry_after: float | None, chance: float | None = None) -> float:
    """Seconds until the next try: full jitter between the wait that was asked for and a ceiling that doubles with
    each try up to five minutes. What failed together comes back apart.
    """
    ceiling = min(_LONGEST, _FIRST * 2.0 ** min(tries, 30))
    return min(retry_after or 0.0, _OBEYED) + ceiling * (random.random() if chance is None else chance)  # noqa: S311 - no secret
