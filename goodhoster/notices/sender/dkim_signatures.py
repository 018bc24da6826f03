"""DKIM signatures (RFC 6376): what each claims, and whether it verifies.

The only importer of dkimpy besides `arc`.

dkimpy answers one question, "does this signature match", and only that is asked of it: it accepts a signature over part
of the body, over From alone, by a weak key or one on trial, and by anybody. Whether a matching signature proves
anything is decided in `trust`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dkim
import dkim.util

from goodhoster.notices.reading.mail import head_of

MOST_SIGNATURES = 10
_LINE = re.compile(rb"(?:[!-9;-~]+:|[ \t]+[^ \t\r\n])[^\r\n\0]*")
_NAME = re.compile(rb"([!-9;-~]+):")
_BLANKS = re.compile(rb"[ \t]{16,}")
_MOST_BLANKS = 10**8  # sum of squares: dkimpy's work on runs of blanks grows like that; some seconds
_LONGEST_SIGNATURE = 8 << 10  # bytes
_LONG_BLANK = re.compile(r"\s{64}")
"""Not in a signature: dkimpy's pattern for b= grows with its square."""
_LONGEST_RECORD = 2048  # characters; RSA with 8192 bits has 1,400


@dataclass(frozen=True, slots=True)
class Signed:
    """Header with tags that say who signed, by which key.

    It is a header of DKIM, or of ARC, which adopted these tags.
    """

    tags: Mapping[str, str]

    @property
    def domain(self) -> str:
        """Domain of the signer, lower case."""
        return self.tags["d"].lower().rstrip(".")

    @property
    def key_name(self) -> str:
        """DNS name at which its public key is published."""
        return f"{self.tags['s']}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Signature(Signed):
    """One DKIM-Signature or ARC-Message-Signature header."""

    number: int
    """Its place among the signatures, from 0."""

    @property
    def signed(self) -> tuple[str, ...]:
        """Names of the headers it covers, lower case; each as often as it covers one of that name."""
        return tuple(name.strip().lower() for name in self.tags["h"].split(":"))

    @property
    def covers_whole_body(self) -> bool:
        """Whether no text can be appended without breaking the signature."""
        return "l" not in self.tags


def unclear(raw: bytes) -> str:
    """Reason why no signature on this message counts; "" where there is none.

    The message could be read in two ways or only at a great cost. Every header line must be one for any parser:
    otherwise the headers that were signed are perhaps not those that are shown.
    """
    lines = re.split(rb"\r?\n", head_of(raw))
    if any(not _LINE.fullmatch(line) for line in lines) or not _NAME.match(lines[0]):
        return "a header line can be read in more than one way"
    if sum(len(run[0]) ** 2 for run in _BLANKS.finditer(raw)) > _MOST_BLANKS:
        return "too many blanks in a row to verify in bounded time"
    return ""


def header_names(raw: bytes) -> tuple[str, ...]:
    """The names of all headers in order, lower case."""
    names = (_NAME.match(line) for line in re.split(rb"\r?\n", head_of(raw)))
    return tuple(name[1].decode("ascii").lower() for name in names if name)


def signatures_of(headers: list[str]) -> tuple[Signature, ...]:
    """Well-formed signatures among the first ten, in their order.

    They are well-formed enough to be verified.
    """
    found = (_signature(number, text) for number, text in enumerate(headers[:MOST_SIGNATURES]))
    return tuple(signature for signature in found if signature)


def _signature(number: int, text: str) -> Signature | None:
    if len(text) > _LONGEST_SIGNATURE or _LONG_BLANK.search(text):
        return None
    tags = tags_of(text)
    return Signature(tags, number) if tags and {"d", "s", "h", "a", "b", "bh"} <= set(tags) else None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A published key."""

    record: str
    kind: str
    """`rsa` or `ed25519`."""
    bits: int
    on_trial: bool
    """`t=y`: its owner only tries it, and asks to treat its mail as unsigned."""

    @property
    def strong(self) -> bool:
        """Whether it is RSA from 2048 bits, or Ed25519."""
        return self.kind == "ed25519" or self.bits >= 2048  # noqa: PLR2004 - said in words


def public_key(record: str) -> PublicKey | None:
    """Public key in a TXT record.

    None when it holds none that can be used (malformed, revoked, not for mail).
    """
    tags = tags_of(record) if len(record) <= _LONGEST_RECORD else None
    if not tags or not tags.get("p") or not _for_mail(tags):
        return None
    try:
        _, bits, kind, _ = dkim.evaluate_pk("key", record)
    except (dkim.DKIMException, ValueError, TypeError, LookupError):
        return None
    on_trial = "y" in (flag.strip().lower() for flag in tags.get("t", "").split(":"))
    return PublicKey(record, kind.decode(), bits, on_trial)


def _for_mail(tags: Mapping[str, str]) -> bool:
    return bool({"*", "email"} & {service.strip() for service in tags.get("s", "*").split(":")})


def matches(raw: bytes, signature: Signature, key: PublicKey) -> bool:
    """Whether this signature matches message and key. Nothing is fetched."""
    try:
        found: Any = dkim.DKIM(raw).verify(signature.number, dnsfunc=lambda *_, **__: key.record.encode())
    except (dkim.DKIMException, ValueError, TypeError, LookupError):
        return False
    return bool(found)


def tags_of(text: str) -> dict[str, str] | None:
    """The tags of a signature or key record, without blanks; None when it is no list of tags."""
    try:
        pairs = dkim.util.parse_tag_value(text.encode("ascii"))
    except (dkim.util.InvalidTagValueList, UnicodeEncodeError, IndexError):
        return None
    return {key.decode(): re.sub(r"\s+", "", value.decode()) for key, value in pairs.items()}
