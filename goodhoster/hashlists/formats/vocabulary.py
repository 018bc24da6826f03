"""The names in common use for kinds of hashes, categories and inactive entries."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from functools import lru_cache

from goodhoster.hashlists.entries import KINDS, ListKind, unhex
from goodhoster.model.verdicts import Category

_NAME = re.compile(
    r"(?:file|image|photo|hash)*(?P<picture>pdq|phash)(?:hash|hex|value)?"
    r"|(?:file|image|photo|video|media|hash|checksum)*(?P<digest>md5|sha1|sha2?256)(?:hash|sum|digest|hex|value|checksum)*"
)
"""HASH_SHA_1, sha256_hash, FileHash-MD5, VideoMD5, ImagePDQ, md5sum … without case and punctuation."""
_OTHERS = re.compile(
    r"photodna|pdna|photohash|tmk|netclean|pdqf|vpdq|videopdq|ssdeep|tlsh|sdhash|imphash|impfuzzy|pehash|telfhash|gimphash"
    r"|dhash|ahash|whash|sha(?:2|512)?(?:224|384|512)(?:224|256)?|sha3|blake|crc|adler|ripemd|rmd160|tiger|whirlpool|sm3|gost"
    r"|md[246]|xxh|ed2k|authentihash|textsignal|url|trendquery"
)
"""How the names of kinds begin that we do not compare, after the same words."""
_WORDS = re.compile(r"^(?:file|image|photo(?!dna|hash)|video|media|hash|checksum)+")
_VICS = {"1": Category.ILLEGAL, "2": Category.INVESTIGATIVE, "3": Category.OTHER}
"""Project VIC's scale: abuse material, exploitative or of unclear age, drawn. What has another number, such as 0 (not
categorised), 4 (for comparison) and 5 (not pertinent), is nothing to act on.
"""
_GRADES = dict.fromkeys(("a1", "a2", "b1", "b2"), Category.ILLEGAL)
"""NCMEC's scale grades what is illegal; INTERPOL's baseline is another."""
_NAMED = {category.value: category for category in Category} | _GRADES
CATEGORIES = ", ".join(_NAMED)
"""For messages."""

_REMEMBERED = 1024  # names: a file has the same few in each entry
_TRUE = frozenset({"true", "1", "yes", "y", "t"})
_GONE = frozenset({"deleted", "shoulddelete", "withdrawn", "revoked", "removed"})
_STATUSES = frozenset({"status", "hashstatus", "state", "reviewstatus"})
_NOT_ACTIVE = frozenset({"nonmalicious", "withdrawn", "deleted", "revoked", "removed"})


@lru_cache(_REMEMBERED)
def plain(name: str) -> str:
    """A name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(_REMEMBERED)
def kind_named(name: str) -> ListKind | None:
    """The kind of hash of that name; None for any other name."""
    found = _NAME.fullmatch(plain(name))
    if found is None:
        return None
    return KINDS[found["picture"] or found["digest"].replace("sha2256", "sha256")]


def is_other_kind(name: str) -> bool:
    """Return whether it is the name of a kind of hash that is not compared."""
    return _OTHERS.match(_WORDS.sub("", plain(name)) or plain(name)) is not None


def kind_typed(name: str) -> ListKind | None:
    """The kind of hash that a type names.

    Of `filename|md5` and `malware-sample`, as MISP has them, that of the hash.
    """
    return kind_named("md5" if plain(name) == "malwaresample" else name.rpartition("|")[2])


def category_named(name: object) -> Category | None:
    """The category of that name in a file; None for one that asks for no action.

    KeyError for any other name.
    """
    text = str(name).strip().lower()
    return _VICS.get(text) if text.isdecimal() else _NAMED[text]


def is_withdrawn(fields: Mapping[str, object]) -> bool:
    """Return whether these fields, by their plain names, mark an entry as inactive.

    It may be not, or no longer, active.
    """
    if any(is_true(fields.get(name)) for name in _GONE):
        return True
    if "toids" in fields and not is_true(fields["toids"]):
        return True  # MISP: not for detection
    return any(plain(str(fields[name])) in _NOT_ACTIVE for name in _STATUSES.intersection(fields))


def is_true(value: object) -> bool:
    """Return whether a text means yes, in any of the spellings that files use."""
    return value is True or str(value).strip().lower() in _TRUE


def decoded(text: str, kind: ListKind) -> bytes | None:
    """Decode a hash of that kind from hexadecimal or Base64; None when it is neither."""
    value = unhex(text)
    if value is None or len(value) != kind.width:
        try:
            value = binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            return None
    return value if len(value) == kind.width else None
