"""References that stand in the audit log in place of personal data."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import NamedTuple

KEY_BYTES = 32
_ID_BYTES = 8
_HASH_BYTES = 16
_TOKEN = re.compile(rf"~([0-9a-f]{{{2 * _ID_BYTES}}}):([0-9a-f]{{{2 * _HASH_BYTES}}})")
_SHOWN = 12
_FORGOTTEN_URL = re.compile(rf"https://forgotten-[0-9a-f]{{{_SHOWN}}}\.invalid/[0-9a-f]{{{_SHOWN}}}")


class PersonalValue(NamedTuple):
    """A value that names a person or a place, and what its key belongs to."""

    scope: str
    """Such as `case/20261130-fbgedfq` or `customer/anna`: all values of a scope share one key."""
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """The key of one scope.

    Who has it can tell whether a reference stands for a value that is guessed.
    """

    id: str
    secret: bytes

    def token(self, field: str, value: str) -> str:
        """The reference: 128 bits of HMAC-SHA-256 over the field's name, a zero byte and the value."""
        digest = hmac.digest(self.secret, field.encode() + b"\0" + value.encode(), hashlib.sha256)
        return f"~{self.id}:{digest[:_HASH_BYTES].hex()}"


def is_token(text: str) -> bool:
    """Whether a text has the form of a reference."""
    return _TOKEN.fullmatch(text) is not None


def unlinked(token: str) -> str:
    """How a reference is shown whose key was deleted: different ones stay different."""
    return f"forgotten-{token.partition(':')[2][:_SHOWN]}"


def forgotten_url(host: str, url: str) -> str:
    """What stands in place of a URL that is forgotten: at a host that can never be (RFC 2606)."""
    return f"https://forgotten-{host[:_SHOWN]}.invalid/{url[:_SHOWN]}"


def is_forgotten(url: str) -> bool:
    """Whether a URL stands in place of another that is forgotten."""
    return _FORGOTTEN_URL.fullmatch(url) is not None
