"""Reads lists in the JSON forms of the field; an entry shaped in none of these ways refuses the file.

    ThreatExchange   {"raw_indicator" or "indicator": "<hex>", "type": "HASH_PDQ", …}; one with "should_delete": true
                     or "status": "NON_MALICIOUS" is withdrawn
    HMA              {"signal_type": "pdq", "signal_value" or "signal": "<hex>"}, or {"signals": {"pdq": "<hex>", …}}
    NCMEC            {"fingerprints": {"md5": "<hex>", "pdq": "<hex>", …}, "classification": "A1", "deleted": false}

(`facebook/ThreatExchange`: exchanges/clients/fb_threatexchange/descriptor.py and threat_updates.py, the curation API of
OpenMediaMatch, exchanges/clients/ncmec/hash_api.py.) Any may name one of our categories in "category". A file is one
entry a line, or one document: a list of entries, or an object that has such a list, or an object of entries, as "data",
"entries", "updates", "images" or "videos". Hashes of kinds that we cannot compare (PhotoDNA, TMK, NetClean) are passed
over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from goodhoster.hashlists.entries import KINDS, ListEntry, Reading, unhex
from goodhoster.model.verdicts import Category

_LARGEST = 1 << 30  # bytes of a document
_LONGEST = 1 << 20  # bytes of a line
_CONTAINERS = ("data", "entries", "updates", "images", "videos")
_VALUES = ("raw_indicator", "indicator", "signal_value", "signal")
_TYPES = ("type", "signal_type")
_GROUPS = ("fingerprints", "signals")
_CLASSIFICATIONS = dict.fromkeys(("a1", "a2", "b1", "b2"), Category.ILLEGAL)
"""NCMEC's scale grades what is illegal; INTERPOL's baseline is another."""


def looks_like_json(file: BinaryIO) -> bool:
    """Does the first thing in the file open a JSON object or list? The file is then as if nothing was read."""
    start = file.read(_LONGEST).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    return start[:1] in {b"{", b"["}


def read_json_entries(reading: Reading, file: BinaryIO) -> Iterator[ListEntry]:
    """The entries in their order. ConfigurationError names the first that is wrong."""
    for where, value in _values(reading, file):
        if not isinstance(value, dict):
            raise reading.bad(where, value, "is no entry of a list")
        yield from _entry(reading, where, value)


def _values(reading: Reading, file: BinaryIO) -> Iterator[tuple[str, Any]]:
    first = file.readline(_LONGEST)
    more = file.readline(_LONGEST)
    if not more.strip() or not _is_json(first):
        file.seek(0)
        yield from _document(reading, file.read(_LARGEST + 1))
        return
    for number, line in enumerate((first, more, *iter(lambda: file.readline(_LONGEST), b"")), 1):
        if line.strip():
            yield f"line {number}", _parsed(reading, f"line {number}", line)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _document(reading: Reading, text: bytes) -> Iterator[tuple[str, Any]]:
    if len(text) > _LARGEST:
        raise reading.bad("line 1", text[:1], f"begins a document of more than {_LARGEST} bytes: write an entry a line")
    document = _parsed(reading, "line 1", text)
    lists = [document[name] for name in _CONTAINERS if name in document] if isinstance(document, dict) else [document]
    entries = [entry for some in lists for entry in _contained(some)] if lists else [document]
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _contained(some: object) -> Iterable[Any]:
    """The entries of a list, or of an object that names each; what is neither holds none."""
    if isinstance(some, dict):
        return some.values()
    return some if isinstance(some, list) else ()


def _parsed(reading: Reading, where: str, text: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise reading.bad(where, text, f"is not JSON ({error})") from error


def _entry(reading: Reading, where: str, entry: Mapping[str, Any]) -> Iterator[ListEntry]:
    hashes = _hashes(entry)
    if not hashes:
        raise reading.bad(where, entry, "is in none of the forms of ThreatExchange, HMA and NCMEC")
    category = None if _is_withdrawn(entry) else _category(reading, where, entry)
    for name, text in hashes:
        kind = KINDS.get(_plain(name))
        if kind is None:
            continue
        value = unhex(text) if isinstance(text, str) else None
        if value is None or len(value) != kind.width:
            raise reading.bad(where, text, f"is no hexadecimal {kind}")
        yield ListEntry(kind, value, category)


def _hashes(entry: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names of kinds and what stands there for each."""
    for group in _GROUPS:
        if isinstance(entry.get(group), dict):
            return [(name, value) for name, value in entry[group].items() if value]
    names = [entry[key] for key in _TYPES if isinstance(entry.get(key), str)]
    values = [entry[key] for key in _VALUES if isinstance(entry.get(key), str)]
    return [(names[0], values[0])] if names and values else []


def _plain(name: str) -> str:
    """HASH_PDQ, SHA-1 and video_md5 as we call them."""
    return name.lower().replace("-", "").removeprefix("hash_").removeprefix("video_")


def _is_withdrawn(entry: Mapping[str, Any]) -> bool:
    flags = (entry.get("should_delete"), entry.get("deleted"), entry.get("status") == "NON_MALICIOUS")
    return any(flag is True for flag in flags)


def _category(reading: Reading, where: str, entry: Mapping[str, Any]) -> Category:
    name = entry.get("category") or entry.get("classification") or reading.category.value
    known = {category.value: category for category in Category} | _CLASSIFICATIONS
    found = known.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        raise reading.bad(where, name, "is not one of the categories " + ", ".join(known))
    return found
