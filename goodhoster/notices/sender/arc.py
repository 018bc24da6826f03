"""ARC chains (RFC 8617): who passed a mail on, what they report, and whether it is whole.

Besides `dkim_signatures` the only importer of dkimpy, which again is asked one question: does the chain hold?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message

import dkim

from goodhoster.notices.sender.dkim_signatures import MOST_SIGNATURES, Signature, Signed, signatures_of, tags_of

_LONGEST_SEAL = 8 << 10  # characters


@dataclass(frozen=True, slots=True)
class Chain:
    """The relevant parts of the ARC sets of a mail."""

    seals: tuple[Signed, ...]
    """Oldest first; never empty."""
    message: Signature
    """The newest ARC-Message-Signature."""
    results: str
    """The newest ARC-Authentication-Results: what the newest sealer found, without its instance."""


def chain_of(mail: Message) -> Chain | None:
    """ARC chain of a mail; None when there is none that is valid.

    Valid chains have whole sets, numbered without a gap, and at most ten.
    """
    seals = _numbered(mail, "ARC-Seal")
    messages = _numbered(mail, "ARC-Message-Signature")
    results = _numbered(mail, "ARC-Authentication-Results")
    newest = len(seals)
    if not newest or any(set(found) != set(range(1, newest + 1)) for found in (seals, messages, results)):
        return None
    read = [tags_of(seals[number]) for number in range(1, newest + 1)]
    whole = tuple(Signed(tags) for tags in read if tags and {"a", "b", "cv", "d", "s"} <= set(tags))
    signed = signatures_of([messages[newest]])
    if len(whole) != newest or not signed:
        return None
    return Chain(whole, signed[0], results[newest].partition(";")[2])


def _numbered(mail: Message, name: str) -> dict[int, str]:
    """Headers of that name by instance; empty when two share one, or anything else is irregular."""
    texts = [" ".join(str(text).split()) for text in mail.get_all(name, [])]
    numbers = [text.partition(";")[0].replace(" ", "") for text in texts]
    known = {f"i={number}": number for number in range(1, MOST_SIGNATURES + 1)}
    odd = len(set(numbers)) != len(texts) or any(len(text) > _LONGEST_SEAL for text in texts)
    if odd or not set(numbers) <= set(known):
        return {}
    return {known[number]: text for number, text in zip(numbers, texts, strict=True)}


def holds(raw: bytes, records: Mapping[str, str]) -> bool:
    """Whether all seals and the newest signature verify with these key records.

    False also for a chain that says it failed.
    """

    def published(name: bytes, **_: object) -> bytes:
        return records.get(name.decode("ascii", "replace").rstrip(".").lower(), "").encode()

    try:
        result, _, _ = dkim.ARC(raw).verify(dnsfunc=published)
    except (dkim.DKIMException, ValueError, TypeError, LookupError, AttributeError):
        return False
    return bool(result == dkim.CV_Pass)
