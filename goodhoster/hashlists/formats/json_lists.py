"""Reads hash lists in the common JSON formats; an entry in none of them refuses the file.

    ThreatExchange   {"raw_indicator" or "indicator": "<hex>", "type": "HASH_PDQ", …}
    HMA              {"signal_type": "pdq", "signal_value" or "signal": "<hex>"}, or {"signals": {"pdq": "<hex>", …}}
    NCMEC            {"fingerprints": {"md5": "<hex>", "pdq": "<hex>", …}, "classification": "A1", "deleted": false}
    StopNCII         {"signalType": "ImagePDQ", "hashValue": "<hex>", "hashStatus": "Active"}
    Project VIC      {"MD5": "<hex or Base64>", "SHA1": …, "Category": 1, "AlternativeHashes": [{"HashName", …}]}
    MISP             {"type": "sha256" or "filename|sha256", "value": …, "to_ids": true}
    STIX 2           {"type": "file", "hashes": {"SHA-256": …}}, {"pattern": "[file:hashes.MD5 = '…']", …}
    OTX, hashlookup  {"type": "FileHash-MD5", "indicator": …}, {"MD5": …, "SHA-1": …}

(`facebook/ThreatExchange`: exchanges/clients; `VICSDATAMODEL/ProjectVic`; MISP core format; STIX 2.1, 6.7 and 9.) A
file is any number of documents, one a line or not; a document is an entry, a list of entries, or an object that has
such lists under the names that those sources use. What is not active any more is withdrawn. It is read as it comes: a
file of any size takes no more memory than its largest entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import ijson

from goodhoster.hashlists.entries import ListEntry, Reading
from goodhoster.hashlists.formats.text_stream import BLOCK, Stream
from goodhoster.hashlists.formats.vocabulary import (
    CATEGORIES,
    category_named,
    decoded,
    is_true,
    is_withdrawn,
    kind_named,
    kind_typed,
    plain,
)
from goodhoster.model.verdicts import Category

_DEEPEST = 64
_LARGEST_VALUE = 1 << 20
"""Bytes without an end of any value: the longest text, or number."""
_MOST_VALUES = 10_000
"""Values that are kept of one entry."""
_LISTS = frozenset({
    "data", "entries", "updates", "images", "videos", "value", "attribute", "objects", "hashrecords", "indicators",
    "media", "response", "event", "object", "results",
})  # fmt: skip
"""Members that hold entries, or objects that hold them."""
_BY_NAME = frozenset({"data", "entries", "updates", "images", "videos", "objects"})
"""Those of them that may be objects in which each member is an entry."""
_GROUPS = ("fingerprints", "signals", "hashes")
_KEPT = frozenset({*_GROUPS, "alternativehashes", "paging", "error", "errors"})
"""Members of entries of which more than plain values count."""
_VALUES = ("rawindicator", "indicator", "signalvalue", "signal", "hashvalue", "value", "iocvalue")
_TYPES = ("type", "signaltype", "hashname", "ioctype")
_NEXT = ("hasmorerecords", "next", "odatanextlink", "more")
_EQUAL = re.compile(
    r"\s*\[\s*file:hashes\.(?:'([^']+)'|([A-Za-z0-9-]+))\s*=\s*'([^']*)'((?:\s*(?:OR|AND)\s*file:hashes\.(?:'[^']+'|[A-Za-z0-9-]+)"
    r"\s*=\s*'[^']*')*)\s*\](\s*OR\s*)?"
)
_COMPARISON = re.compile(r"file:hashes\.(?:'([^']+)'|([A-Za-z0-9-]+))\s*=\s*'([^']*)'")

_Event = tuple[str, Any]
_Fields = dict[str, Any]


def read_json(reading: Reading, stream: Stream) -> Iterator[ListEntry]:
    """Read the entries in their order. ConfigurationError names the first that is wrong."""
    documents = _Documents(reading, _Bounded(reading, stream))
    try:
        yield from documents.entries()
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        why = " ".join(str(error).split())[:80]
        raise reading.bad(documents.where, documents.shown, f"is followed by what is not JSON ({why})") from error


class _Bounded:
    """The file as the parser reads it, bounded because an endless value would be kept whole."""

    def __init__(self, reading: Reading, stream: Stream) -> None:
        self._reading, self._stream = reading, stream
        self.silent = 0
        """Bytes read since the parser last reported a value."""

    def read(self, size: int) -> bytes:
        if size <= 0:
            return b""  # how the parser finds out whether it gets bytes
        if self.silent > _LARGEST_VALUE:
            raise self._reading.unusable(
                f"holds a value of more than {_LARGEST_VALUE:,} bytes", "it is not a list of hashes"
            )
        block = self._stream.read(size)
        self.silent += len(block)
        return block


class _Documents:
    """Walks through the values of a file and keeps the parts of each entry that may count."""

    def __init__(self, reading: Reading, file: _Bounded) -> None:
        self._reading, self._file = reading, file
        self._events: Iterator[_Event] = ijson.basic_parse(file, buf_size=BLOCK, multiple_values=True, use_float=True)
        self._depth = 0
        self._seen = 0
        self.shown: object = ""
        """The last entry, for messages."""

    @property
    def where(self) -> str:
        return f"entry {self._seen}" if self._seen else "the beginning"

    def entries(self) -> Iterator[ListEntry]:
        for event, value in self._events:
            self._file.silent, self._depth = 0, 1
            if event == "start_array":
                self._reading.is_list = True
                yield from self._array()
            elif event == "start_map":
                yield from self._object()
            else:
                raise self._no_entry(value)

    def _next(self) -> _Event:
        event, value = next(self._events)
        self._file.silent = 0
        if event in {"start_map", "start_array"}:
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._reading.unusable(f"is nested deeper than {_DEEPEST} levels", "it is not a list of hashes")
        elif event in {"end_map", "end_array"}:
            self._depth -= 1
        return event, value

    def _array(self) -> Iterator[ListEntry]:
        while (found := self._next())[0] != "end_array":
            event, value = found
            if event == "start_map":
                yield from self._object()
            elif event == "start_array":
                yield from self._array()
            else:
                raise self._no_entry(value)

    def _object(self, *, by_name: bool = False) -> Iterator[ListEntry]:
        """An entry, or an object that holds entries; `by_name`: its members may be entries."""
        fields: _Fields = {}
        holds = False
        while (found := self._next())[0] != "end_map":
            name = plain(found[1])
            event, value = self._next()
            if event == "start_array" and name in _LISTS:
                holds = self._reading.is_list = True
                yield from self._array()
            elif event == "start_map" and name in _LISTS:
                holds = True
                yield from self._object(by_name=name in _BY_NAME)
            elif event in {"start_map", "start_array"} and name in _KEPT:
                fields[name] = self._kept(event)
            elif event == "start_map" and by_name:
                holds = True
                yield from self._object()
            elif event in {"start_map", "start_array"}:
                self._skip(self._depth)
            elif len(fields) < _MOST_VALUES:
                fields[name] = value
        if holds:
            self._note_frame(fields)
        elif by_name and not fields:
            self._reading.is_list = True
        else:
            self._seen += 1
            self.shown = fields
            yield from _entry(self._reading, self.where, fields)

    def _kept(self, start: str) -> Any:  # noqa: ANN401 - JSON is anything
        """The whole value, within limits."""
        builder = ijson.ObjectBuilder()
        builder.event(start, None)
        depth = self._depth
        for _ in range(_MOST_VALUES):
            event, value = self._next()
            builder.event(event, value)
            if self._depth < depth:
                return builder.value
        self._skip(depth)
        raise self._reading.bad(self.where, "", f"and what follows it has more than {_MOST_VALUES:,} values")

    def _skip(self, depth: int) -> None:
        while self._depth >= depth:
            self._next()

    def _note_frame(self, fields: _Fields) -> None:
        """Record the fields of an object beside its lists."""
        for name in ("error", "errors"):
            if fields.get(name):
                raise self._reading.bad("beside its list", fields[name], "says that something failed")
        if any(is_true(value) or (value and name != "more") for name in _NEXT if (value := fields.get(name))):
            self._reading.goes_on = "its last line"
        paging = fields.get("paging")
        if isinstance(paging, dict) and paging.get("next"):
            self._reading.goes_on = '"paging"'

    def _no_entry(self, value: object) -> Exception:
        self._seen += 1
        return self._reading.bad(self.where, value, "is not an entry of a list")


def _entry(reading: Reading, where: str, fields: _Fields) -> Iterator[ListEntry]:
    hashes = _hashes(reading, fields)
    if hashes is None:
        if _is_stix(fields):
            return
        known = "ThreatExchange, HMA, NCMEC, StopNCII, Project VIC, MISP and STIX"
        raise reading.bad(where, fields, f"is in none of the forms of {known}")
    category = None if is_withdrawn(fields) else _category(reading, where, fields)
    for name, text in hashes:
        kind = kind_typed(name)
        if kind is None:
            reading.passed_over[name[:40]] += 1
            continue
        value = decoded(text.rpartition("|")[2], kind) if isinstance(text, str) else None
        if value is None:
            raise reading.bad(where, text, f"is not a hexadecimal {kind}")
        yield ListEntry(kind, value, category)


def _hashes(reading: Reading, fields: _Fields) -> list[tuple[str, Any]] | None:
    """The kinds of hash that an entry names, with their values; None for an unknown format."""
    for group in _GROUPS:
        if isinstance(fields.get(group), dict):
            return [(name, value) for name, value in fields[group].items() if value]
    if isinstance(pattern := fields.get("pattern"), str) and fields.get("type") == "indicator":
        return _pattern_hashes(reading, pattern)
    types = [fields[key] for key in _TYPES if isinstance(fields.get(key), str)]
    values = [fields[key] for key in _VALUES if isinstance(fields.get(key), str)]
    if types and values:
        return [(types[0], values[0])]
    named = [(name, value) for name, value in fields.items() if kind_named(name) and value]
    return named + _alternatives(fields) or None


def _alternatives(fields: _Fields) -> list[tuple[str, Any]]:
    """Project VIC's list of further hashes."""
    found = fields.get("alternativehashes")
    pairs = [{plain(name): value for name, value in each.items()} for each in found or () if isinstance(each, dict)]
    return [(str(pair["hashname"]), pair.get("hashvalue")) for pair in pairs if pair.get("hashname")]


def _pattern_hashes(reading: Reading, pattern: str) -> list[tuple[str, str]]:
    """The hashes of a STIX pattern that compares nothing but hashes.

    Any other pattern would find less when reduced to its hashes, and is counted.
    """
    found: list[tuple[str, str]] = []
    at, more = 0, True
    while more and (comparisons := _EQUAL.match(pattern, at)):
        at, more = comparisons.end(), bool(comparisons[5])
        found += [(quoted or bare, value) for quoted, bare, value in _COMPARISON.findall(comparisons[0])]
    if at == len(pattern.rstrip()) and not more and found:
        return found
    reading.passed_over["STIX pattern"] += 1
    return []


def _is_stix(fields: Mapping[str, Any]) -> bool:
    """Return whether it is another STIX object, one without the hash of a file."""
    identity, kind = fields.get("id"), fields.get("type")
    return isinstance(identity, str) and isinstance(kind, str) and identity.startswith(f"{kind}--")


def _category(reading: Reading, where: str, fields: Mapping[str, Any]) -> Category | None:
    name = next((fields[key] for key in ("category", "classification") if fields.get(key) not in {None, ""}), None)
    if name is None:
        return reading.category
    try:
        return category_named(name)
    except KeyError:
        if "value" in fields:  # MISP's categories are others
            return reading.category
        raise reading.bad(where, name, f"is not one of the categories {CATEGORIES}") from None
