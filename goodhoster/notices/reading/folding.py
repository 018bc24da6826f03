"""Words of a text without case, accents and addresses."""

from __future__ import annotations

import re
import unicodedata

_TOKEN = re.compile(r"\S+")
_MARK = re.compile(r"//|\\\\|\[\.\]|\(\.\)|\[:\]|@|\.[^\W_]")
_ADDRESS = re.compile(
    r"[!-~]{0,40}?(?://|\\\\|\[\.\]|\(\.\)|\[:\]|@)[!-~]*|[\w-]{1,63}(?:\.[\w-]{1,63})+(?:[/:?][!-~]*)?"
)
"""An address, the name of a host or file, a mailbox: what is in it is no word of the sender's."""
_UNDRAWN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
"""Letters that have no accent to leave out."""
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NOT = re.compile(r"n['\u2019\u02bc]t\b")
_NE = re.compile(r"\bn['\u2019\u02bc]")
ADDRESS = "\u2192"
"""Stands for an address that was left out."""


def folded(text: str) -> str:
    """Text in small letters without accents, with *not* and *ne* as words of their own."""
    shown = _HIDDEN.sub("", text).casefold()
    return _NE.sub("ne ", _NOT.sub(" not", without_accents(shown).translate(_UNDRAWN)))


def without_accents(text: str) -> str:
    """Text without accents and other signs that are added to a letter."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def without_addresses(text: str) -> str:
    """Text with a sign in place of each address."""
    return _TOKEN.sub(_without_address, text)


def _without_address(token: re.Match[str]) -> str:
    """A word without the address in it: text of languages that put no blank there stays."""
    word = token[0]
    return _ADDRESS.sub(f" {ADDRESS} ", word) if _MARK.search(word) else word


def comparable(text: str) -> str:
    """What is compared of a sentence: its letters, without addresses, digits and blanks."""
    return "".join(sign for sign in folded(without_addresses(text)) if sign.isalpha())
