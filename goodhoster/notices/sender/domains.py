"""Organisation that a host name belongs to, by the public suffix list.

The list comes with the library (no network).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisational_domain(host: str) -> str:
    """Registered domain of a host name (RFC 7489, 3.2).

    The name itself where it has none above it.
    """
    name = host.rstrip(".").lower()
    return _suffixes().privatesuffix(name) or name


def same_organisation(one: str, other: str) -> bool:
    """Whether both names belong to one registered domain.

    Two names that have none are only the same when equal.
    """
    return bool(one) and organisational_domain(one) == organisational_domain(other)


def within(host: str, domains: Iterable[str]) -> bool:
    """Whether the host name is one of these or below one."""
    name = host.rstrip(".").lower()
    return any(name == domain or name.endswith("." + domain) for domain in domains)
