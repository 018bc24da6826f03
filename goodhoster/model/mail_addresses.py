"""Form of a mail address: whether any mail server could take a letter to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 254
"""Octets of a whole address (RFC 5321 4.5.3.1.3, without the brackets)."""
_LONGEST_LOCAL = 64
_LONGEST_LABEL = 63
_LOCAL = re.compile(r"[^\s()<>\[\]:;,\\\"@]+|\"[!#-\[\]-~]+\"")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_\u0080-\U0010ffff-]+(?<!-)")


def why_unmailable(address: str) -> str:
    """Why no mail server takes a letter to that address, in words; empty where one may."""
    return next(_faults(address), "")


def _faults(address: str) -> Iterator[str]:
    """What is wrong with it; what follows the first may be wrong because of that."""
    if not address.isprintable() or "\ufffd" in address:
        yield "its address has a character that no mail address has"
        return
    local, _, domain = address.rpartition("@")
    labels = domain.split(".")
    if not (local and domain):
        yield "its address has no name or no domain"
    if len(address.encode()) > _LONGEST or len(local.encode()) > _LONGEST_LOCAL:
        yield "its address is longer than a mail address may be"
    if not _LOCAL.fullmatch(local):
        yield "the name in its address is not valid"
    if domain.startswith("[") or labels[-1].isdigit():
        yield "the domain of its address is an IP address"
    if not all(_LABEL.fullmatch(label) and len(label) <= _LONGEST_LABEL for label in labels):
        yield "the domain of its address is not valid"
