"""Reads NCMEC's hash sharing responses in XML.

    <queryResult><images><image><classification>A1</classification><fingerprints><md5>…</md5></fingerprints></image>
    <deletedImage><id>…</id></deletedImage></images><videos>…</videos><paging><next>…</next></paging></queryResult>

(`facebook/ThreatExchange`: exchanges/clients/ncmec/hash_api.py.) Deleted entries are named by NCMEC's own number only,
so no entry of ours can be found by it: such are counted. A file that declares an entity or refers to another document
is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from goodhoster.hashlists.entries import ListEntry, Reading
from goodhoster.hashlists.formats.text_stream import Stream
from goodhoster.hashlists.formats.vocabulary import CATEGORIES, category_named, decoded, kind_named

_DEEPEST = 32
_LONGEST_TEXT = 1 << 20
"""Bytes without a beginning or an end of anything, and characters of a text."""
_LISTS = frozenset({"images", "videos"})
_ENTRIES = frozenset({"image", "video"})
_DELETED = frozenset({"deletedImage", "deletedVideo"})


def read_ncmec(reading: Reading, stream: Stream) -> Iterator[ListEntry]:
    """Read the entries in their order.

    ConfigurationError for any other document, and for a damaged one.
    """
    document = _Document(reading)
    try:
        while block := stream.read(0):
            document.feed(block)
            yield from document.taken()
        document.feed(b"", last=True)
    except expat.ExpatError as error:
        raise reading.unusable(f"is not whole XML: {error}", "fetch it again") from error
    yield from document.taken()


@dataclass(slots=True)
class _Entry:
    number: int
    classification: str = ""
    hashes: list[tuple[str, str]] = field(default_factory=list)


class _Document:
    """Parser target; finished entries are in `taken`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text_came
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._path: list[str] = []
        self._entry: _Entry | None = None
        self._texts: list[str] = []
        self._text_size = 0
        self._ready: list[ListEntry] = []
        self._seen = 0
        self._silent = 0

    def feed(self, block: bytes, *, last: bool = False) -> None:
        self._silent += len(block)
        self._parser.Parse(block, last)
        if self._silent > _LONGEST_TEXT:
            raise self._too_long()

    def taken(self) -> list[ListEntry]:
        ready, self._ready = self._ready, []
        return ready

    def _too_long(self) -> Exception:
        return self._reading.unusable(f"has a text of more than {_LONGEST_TEXT:,} bytes", "it is not a list of NCMEC's")

    def _doctype(self, *_: object) -> None:
        raise self._reading.unusable("is a web page, or declares a document type", "fetch the list itself")

    def _begin(self, name: str, _: object) -> None:
        self._silent = 0
        name = name.rpartition(" ")[2]
        if not self._path and name != "queryResult":
            hint = "of lists in XML only NCMEC's are read"
            raise self._reading.unusable(f"is a document of another kind ({name[:40]})", hint)
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise self._reading.unusable(f"is nested deeper than {_DEEPEST} levels", "it is not a list of NCMEC's")
        self._texts, self._text_size = [], 0
        if name in _LISTS:
            self._reading.is_list = True
        elif name in _ENTRIES:
            self._seen += 1
            self._entry = _Entry(self._seen)
        elif name in _DELETED:
            self._reading.passed_over[f"{name} (told by number only)"] += 1

    def _text_came(self, text: str) -> None:
        self._text_size += len(text)
        if self._text_size > _LONGEST_TEXT:
            raise self._too_long()
        self._texts.append(text)

    def _end(self, name: str) -> None:
        self._silent = 0
        name = name.rpartition(" ")[2]
        text = "".join(self._texts).strip()
        self._texts, self._text_size = [], 0
        self._path.pop()
        entry = self._entry
        if name == "next" and text:
            self._reading.goes_on = "<paging>"
        elif entry and name == "classification":
            entry.classification = text
        elif entry and self._path[-1:] == ["fingerprints"] and text:
            entry.hashes.append((name, text))
        elif entry and name in _ENTRIES:
            self._ready += self._read(entry)
            self._entry = None

    def _read(self, entry: _Entry) -> Iterator[ListEntry]:
        where = f"entry {entry.number}"
        if not entry.hashes:
            raise self._reading.bad(where, entry.classification, "has no fingerprints")
        try:
            category = category_named(entry.classification) if entry.classification else self._reading.category
        except KeyError:
            message = f"is not one of the categories {CATEGORIES}"
            raise self._reading.bad(where, entry.classification, message) from None
        for name, text in entry.hashes:
            kind = kind_named(name)
            if kind is None:
                self._reading.passed_over[name[:40]] += 1
                continue
            value = decoded(text, kind)
            if value is None:
                raise self._reading.bad(where, text, f"is not a hexadecimal {kind}")
            yield ListEntry(kind, value, category)
