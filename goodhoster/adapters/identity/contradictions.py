"""Reasons to refuse, wherever a provider's answer carries them.

A pass that carries one contradicts itself. Where providers write reasons is not the same in any two of them, and each
adds fields, so they are recognised by their names: in the whole answer, at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_REASON = re.compile(
    "reason|reject|refus|declin|denie|deny|error|fail|warning|problem|issues$|comment|buttonids"
    "|fraud|forge|tamper|suspect|mismatch|risklabel|highrisk|blocklist|blacklist|watchlist"
)
_ANSWER = re.compile("result|status|outcome|answer|decision|verdict|conclusion")
_REFUSALS = frozenset(
    (
        *("consider", "caution", "suspected", "unidentified", "red"),
        *("rejected", "reject", "refused", "declined", "denied", "revoked", "expired"),
        *("failed", "fail", "failure", "error", "unsuccessful"),
        *("invalid", "forged", "unverified", "not_verified", "not-verified"),
    )
)
_NOTHING = frozenset({"", "none", "null", "no", "false", "0", "n/a"})


def gives_reasons(whole: Mapping[str, Any], metadata_keys: Collection[str] = ()) -> bool:
    """Whether anything in an answer is a reason to refuse, or a part of it was refused."""
    return any(_is_refusal(key, value) for key, value in _fields(whole, metadata_keys))


def _is_refusal(key: str, value: object) -> bool:
    name = re.sub("[^a-z]", "", key.lower())
    if _REASON.search(name):
        return _says_something(value)
    return bool(_ANSWER.search(name)) and isinstance(value, str) and value.strip().lower() in _REFUSALS


def _says_something(value: object) -> bool:
    """Whether there is more than an empty field; also of a list or an object of empty ones."""
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING
    if isinstance(value, Mapping):
        return any(_says_something(each) for each in value.values())
    if isinstance(value, list):
        return any(_says_something(each) for each in value)
    return bool(value)


def _fields(whole: Mapping[str, Any], metadata_keys: Collection[str]) -> Iterator[tuple[str, object]]:
    """Each key with its value, at any depth; a list's members stand under the list's key."""
    waiting: list[tuple[str, object]] = list(whole.items())
    while waiting:
        key, value = waiting.pop()
        if key in metadata_keys:
            continue
        yield key, value
        if isinstance(value, Mapping):
            waiting.extend(value.items())
        elif isinstance(value, list):
            waiting.extend((key, each) for each in value)
