"""Patterns of web servers (PCRE), matched within a time limit.

Some are the customers' own.
"""

from __future__ import annotations

from functools import lru_cache
from re import Match
from typing import Protocol

import regex

from goodhoster.errors import UnclearRouteError

_TIMEOUT_SECONDS = 0.2
_LONGEST_PATTERN = 2048  # characters
_LONGEST_TEXT = 4096


class _Pattern(Protocol):
    def search(self, text: str, *, timeout: float) -> Match[str] | None: ...


def search(pattern: str, text: str, *, any_case: bool = False) -> Match[str] | None:
    """The first match of a pattern.

    UnclearRouteError where the pattern is not one that is known here, or takes too long.
    """
    if len(text) > _LONGEST_TEXT:
        raise UnclearRouteError(f"a path of {len(text)} characters, and patterns to compare it with")
    try:
        return _compiled(pattern, any_case).search(text, timeout=_TIMEOUT_SECONDS)
    except TimeoutError as error:
        raise UnclearRouteError(f"the pattern {pattern[:80]!r} takes too long") from error


@lru_cache(4096)
def _compiled(pattern: str, any_case: bool) -> _Pattern:  # noqa: FBT001 - part of what is cached
    if len(pattern) > _LONGEST_PATTERN:
        raise UnclearRouteError(f"a pattern of {len(pattern)} characters")
    try:
        compiled: _Pattern = regex.compile(pattern, regex.ASCII | (regex.IGNORECASE if any_case else 0))
    except (regex.error, OverflowError, RecursionError) as error:
        raise UnclearRouteError(f"the pattern {pattern[:80]!r}: {error}") from error
    return compiled
