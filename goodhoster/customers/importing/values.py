"""Fields of a customer list as values; each reader takes what was written, or says why not."""

from __future__ import annotations

import ipaddress
import os
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime

from goodhoster.customers.importing.rows import RowError
from goodhoster.locating.urls import host_name

LONGEST_TEXT = 500
"""Characters."""
LONGEST_ID = 255
"""Bytes: a directory may be called so."""
_LONGEST_HOST = 253
_LONGEST_PATH = 4096
_RESERVED = frozenset({"first-directory", "unassigned", "register"})
"""What `[[watch]] customer` and files without a customer have for other things."""
_CONTROL = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b")
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAIL = re.compile(r"[^\s@<>,;:=\"()\[\]\\]{1,64}@[^\s@<>,;:=\"()\[\]\\]{1,253}")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_NUMBER = re.compile(r"[a-z]{2}\.[a-z][a-z0-9]{1,15}:[A-Za-z0-9./ -]{2,40}")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TRUE, _FALSE = frozenset({"1", "yes", "true", "y"}), frozenset({"0", "no", "false", "n"})


def plain(name: str, value: object, longest: int = LONGEST_TEXT) -> str:
    """Text on one line, without anything invisible; may be empty."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RowError(f"{name} is not text", f"write {name} as a text")
    text = unicodedata.normalize("NFC", str(value).strip()) if isinstance(value, str) else str(value)
    if len(text) > longest:
        raise RowError(f"{name} has {len(text):,} characters", f"give {longest} at most")
    odd = next((c for c in text if c in _BIDI or unicodedata.category(c) in _CONTROL), "")
    if odd:
        raise RowError(f"{name} has the character U+{ord(odd):04X}, which nobody sees", "take it out")
    return text


def customer_id(name: str, value: object) -> str:
    """Id as other parts use it: printable, and no word with another meaning."""
    text = plain(name, value)
    if not text:
        raise RowError(f"there is no {name}", "give each customer its id")
    if len(text.encode()) > LONGEST_ID or text in _RESERVED or "/" in text or text in {".", ".."}:
        raise RowError(f"{name} {text[:80]!r} cannot be used", f"give an id without / of {LONGEST_ID} bytes at most")
    return text


def one_of(*allowed: str) -> Callable[[str, object], str]:
    """Reader of one of these words, whatever their case; empty where nothing is written."""

    def read(name: str, value: object) -> str:
        text = plain(name, value).lower()
        if text and text not in allowed:
            raise RowError(f"{name} {text[:80]!r} is not known", "write " + ", ".join(allowed) + " or nothing")
        return text

    return read


def word(name: str, value: object) -> str:
    """A short word of the house's own, lower case."""
    text = plain(name, value).lower().replace(" ", "-")
    if text and not _WORD.fullmatch(text):
        raise RowError(f"{name} {text[:80]!r} is not a short word", "write letters, digits, dots and dashes")
    return text


def language(name: str, value: object) -> str:
    """ISO 639-1; of `nl-NL` the language."""
    text = plain(name, value).lower().replace("_", "-").partition("-")[0]
    if text and not re.fullmatch("[a-z]{2}", text):
        raise RowError(f"{name} {text[:80]!r} is not a language", 'write two letters, such as "nl"')
    return text


def country(name: str, value: object) -> str:
    """ISO 3166-1, two capitals."""
    text = plain(name, value).upper()
    if text and not re.fullmatch("[A-Z]{2}", text):
        raise RowError(f"{name} {text[:80]!r} is not a country", 'write two letters, such as "NL"')
    return text


def mail_address(name: str, value: object) -> str:
    """One mail address; whether it exists is for its verification to find out."""
    text = plain(name, value)
    if text and not _MAIL.fullmatch(text):
        raise RowError(f"{name} {text[:80]!r} is not a mail address", "write one address, such as abuse@example.com")
    return text


def phone(name: str, value: object) -> str:
    """A phone number, as digits with the plus in front."""
    text = re.sub(r"[\s()./-]", "", plain(name, value))
    if text and not _PHONE.fullmatch(text):
        raise RowError(f"{name} {text[:80]!r} is not a phone number", "write it such as +31 20 1234567")
    return text


def company_number(name: str, value: object) -> str:
    """`scheme:value`; whether there is such a company is for vetting to find out."""
    text = plain(name, value)
    if text and not _NUMBER.fullmatch(text):
        raise RowError(f"{name} {text[:80]!r} does not tell its kind", "write it such as nl.kvk:12345678")
    return text


def day(name: str, value: object) -> date | None:
    """A date, YYYY-MM-DD; a time of day is left out."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = plain(name, value)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise RowError(f"{name} {text[:80]!r} is not a date", "write it such as 2026-11-02") from error


def yes_or_no(name: str, value: object) -> bool:
    """A truth value; true where nothing is written."""
    if isinstance(value, bool):
        return value
    text = plain(name, value).lower()
    if text and text not in _TRUE | _FALSE:
        raise RowError(f"{name} {text[:80]!r} is neither yes nor no", "write yes or no")
    return text not in _FALSE


def host(name: str, value: object) -> str:
    """A host name, or `*.` and one, as every URL and site list has it here; also an address."""
    text = plain(name, value)
    normal = host_name(text.removesuffix("."))
    try:
        return str(ipaddress.ip_address(normal.strip("[]")))
    except ValueError:
        pass  # no address: then it must be a name
    if len(normal) > _LONGEST_HOST or not _HOST.fullmatch(normal):
        raise RowError(f"{name} {text[:80]!r} is not a host name", "write it such as www.example.com or *.example.com")
    if normal.startswith("*.") and normal.count(".") == 1:
        raise RowError(f"{name} {text[:80]!r} is all of a top-level domain", "write it such as *.example.com")
    return normal


def hosts(name: str, value: object) -> tuple[str, ...]:
    """Host names with blanks between, or as a list; each once."""
    written = value if isinstance(value, list | tuple) else plain(name, value, _LONGEST_PATH).replace(",", " ").split()
    return tuple(dict.fromkeys(host(name, one) for one in written if one))


def directory(name: str, value: object) -> bytes | None:
    """An absolute path without detours; None where nothing is written."""
    text = plain(name, value, _LONGEST_PATH)
    if not text:
        return None
    path = os.path.normpath(text.encode())
    if not path.startswith(b"/") or b".." in text.encode().split(b"/"):
        raise RowError(f"{name} {text[:80]!r} is not an absolute path", "write it from / on, without ..")
    if path.strip(b"/") == b"":
        raise RowError(f"{name} is the whole machine", "write the directory of this site")
    return b"/" + path.lstrip(b"/")


def networks(name: str, value: object) -> tuple[str, ...]:
    """Addresses and networks in CIDR form, with blanks between, or as a list."""
    written = value if isinstance(value, list | tuple) else plain(name, value, _LONGEST_PATH).replace(",", " ").split()
    return tuple(dict.fromkeys(_network(name, one) for one in written))


def _network(name: str, value: object) -> str:
    text = plain(name, value)
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        hint = "write addresses or networks, such as 192.0.2.7 or 2001:db8::/48"
        raise RowError(f"{name} {text[:80]!r} is not a network", hint) from error
