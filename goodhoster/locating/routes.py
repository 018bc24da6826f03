"""Choice of the site route that serves a path, and of the file, in nginx's order.

Apache's order is a part of nginx's.

An exact route wins; else the longest prefix, at once if it is firm; else the first pattern that matches; else that
longest prefix (nginx, ngx_http_core_module, `location`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache

from goodhoster.errors import UnclearRouteError
from goodhoster.model.notices import Matching, PathRoute
from goodhoster.model.site_rules import ServedFrom

_LONGEST_FOR_PATTERNS = 2048  # characters: the patterns are the administrator's, the path is anybody's
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_HARMLESS = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.IGNORECASE)


def choose(routes: Sequence[PathRoute], path: str) -> PathRoute | None:
    """The route that serves this path; None when none does."""
    exact = [r for r in routes if r.matching is Matching.EXACT and r.pattern == path]
    if exact:
        return exact[0]
    prefixes = [r for r in routes if r.matching in _PREFIXES and path.startswith(r.pattern)]
    longest = max(prefixes, key=lambda r: len(r.pattern), default=None)
    if longest and longest.matching is Matching.FIRM_PREFIX:
        return longest
    return next((r for r in routes if r.matching in _PATTERNS and _matches(r, path)), longest)


_PREFIXES = frozenset({Matching.PREFIX, Matching.FIRM_PREFIX})
_PATTERNS = {Matching.PATTERN: 0, Matching.PATTERN_ANY_CASE: re.IGNORECASE}


def _matches(route: PathRoute, path: str) -> bool:
    if len(path) > _LONGEST_FOR_PATTERNS:
        raise UnclearRouteError(f"a path of {len(path)} characters, and patterns to compare it with")
    return pattern_of(route.pattern, _PATTERNS[route.matching]).search(path) is not None


@cache
def pattern_of(text: str, flags: int = 0) -> re.Pattern[str]:
    """Convert a web server's pattern (PCRE) to a Python pattern.

    UnclearRouteError where there is no equivalent.
    """
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text), flags)
    except re.error as error:
        raise UnclearRouteError(f"the pattern {text[:80]!r}: {error}") from error


def served_from(route: PathRoute, path: bytes, names: Mapping[str, str]) -> ServedFrom | None:
    """Where that route finds the path; None when it is not served from files.

    `names` are the variables of the host.
    """
    if route.directory is None:
        return None
    directory = _filled_in(route.directory, names)
    rest = path[len(os.fsencode(route.pattern)) :] if route.replaces else path
    if route.replaces and rest and not directory.endswith(b"/") and not rest.startswith(b"/"):
        raise UnclearRouteError(f"the alias {route.pattern} goes on in the middle of a name")
    return ServedFrom(directory, b"/".join(piece for piece in rest.split(b"/") if piece))


def _filled_in(directory: bytes, names: Mapping[str, str]) -> bytes:
    """Fill the variables in a directory such as `/home/$user/www`.

    The host comes from an untrusted URL: only plain names go in.
    """

    def value(found: re.Match[str]) -> str:
        text = names.get(found[1], "")
        if not _HARMLESS.fullmatch(text):
            raise UnclearRouteError(f"{os.fsdecode(directory)}: ${found[1]} is {text[:40]!r}")
        return text

    return os.fsencode(_VARIABLE.sub(value, os.fsdecode(directory)))
