"""Names for cases and notices."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from goodhoster.errors import RefusedError

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_LONG = 12
"""Letters of a name that is not drawn: two may not meet by chance, and nobody looks for another then."""


_DRAWN = 7
_SHORTEST = 3
_NAMED = 5


def new_id(now: datetime, prefix: str = "") -> str:
    """Sortable by day, short enough to say on the phone, without letters that look alike."""
    drawn, letters = secrets.randbelow(len(_LETTERS) ** _DRAWN), ""
    for _ in range(_DRAWN):
        drawn, letter = divmod(drawn, len(_LETTERS))
        letters += _LETTERS[letter]
    return f"{prefix}{now:%Y%m%d}-{letters}"


def id_of(name: bytes, now: datetime, prefix: str = "") -> str:
    """The same form, always the same for the same name on the same day."""
    digits = hashlib.sha256(name).digest()
    return f"{prefix}{now:%Y%m%d}-" + "".join(_LETTERS[digit % len(_LETTERS)] for digit in digits[:_LONG])


def is_short_for(part: str, name: str) -> bool:
    """Whether a name, or what stands behind its date, begins so."""
    return len(part) >= _SHORTEST and (name.startswith(part) or name.partition("-")[2].startswith(part))


def complete_name(part: str, names: Iterable[str], kind: str, see: str = "") -> str:
    """The name that a person means by a part of it, of all there are. Raises as `only_match`."""
    return only_match(part, (name for name in names if name == part or is_short_for(part, name)), kind, see)


def only_match(part: str, names: Iterable[str], kind: str, see: str = "") -> str:
    """The name that a person means by a part of it, of those that it is short for.

    A name in full means itself. RefusedError when there is none, and when there are several. `see`: what lists them.
    """
    found = list(names)
    if part in found or len(found) == 1:
        return part if part in found else found[0]
    if not found:
        more = f"type at least {_SHORTEST} letters of its id; " if len(part) < _SHORTEST else ""
        raise RefusedError(f"there is no {kind} {part}", hint=f"{more}see: {see or f'goodhoster {kind}s list'}")
    named = ", ".join(sorted(found)[:_NAMED])
    hint = f"type more of one of: {named}"
    raise RefusedError(f"{part} is short for {len(found)} {kind}s", hint=hint, ambiguous=True)
