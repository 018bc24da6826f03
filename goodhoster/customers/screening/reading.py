"""Lists to screen against: CSV read by its header, and OpenSanctions' targets.simple.csv.

Several values in one cell stand between semicolons, with quotes of their own. A line that cannot be read is told and
never taken for one that resembles nobody.
"""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from goodhoster.customers.importing.csv_rows import Lines, row_cells
from goodhoster.customers.importing.rows import RowError
from goodhoster.errors import RefusedError
from goodhoster.model.customers.screening import Party, PartyKind

_COLUMNS: Mapping[str, str] = {
    "id": "id", "reference": "id",
    "schema": "kind", "kind": "kind", "type": "kind",
    "name": "names", "names": "names", "naam": "names", "company": "names", "bedrijf": "names", "person": "names",
    "alias": "names", "aliases": "names",
    "address": "addresses", "addresses": "addresses", "adres": "addresses",
    "domain": "domains", "domains": "domains", "host": "domains", "hostname": "domains", "domein": "domains",
    "network": "networks", "networks": "networks", "ip": "networks", "cidr": "networks", "prefix": "networks",
    "asn": "asns", "asns": "asns", "as": "asns",
    "email": "mails", "emails": "mails", "mail": "mails",
    "phone": "phones", "phones": "phones", "telefoon": "phones",
    "identifier": "identifiers", "identifiers": "identifiers", "company_number": "identifiers", "kvk": "identifiers",
    "vat": "identifiers",
    "country": "countries", "countries": "countries", "land": "countries",
    "birth_date": "birth_dates", "birth_dates": "birth_dates", "geboortedatum": "birth_dates",
    "sanctions": "remarks", "dataset": "remarks", "remark": "remarks", "remarks": "remarks", "note": "remarks",
}  # fmt: skip
_SEARCHED = frozenset({"names", "addresses", "domains", "networks", "asns", "mails", "phones", "identifiers"})
_KINDS: Mapping[str, PartyKind] = {
    "person": "person",
    "persoon": "person",
    "company": "company",
    "bedrijf": "company",
    "organization": "company",
    "organisation": "company",
    "publicbody": "company",
    "legalentity": "",
    "": "",
}
_MOST_VALUES = 500  # of one field of one entry
_LONGEST_VALUE = 1000
_MOST_TOLD = 100
_LONGEST_ID = 200
_WIDEST = {4: 8, 6: 19}
"""The shortest prefix that is looked for; a wider one is nobody's in particular."""
_ASN = re.compile(r"(?:AS)?\s*(\d{1,10})", re.IGNORECASE)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?)+")


@dataclass(slots=True)
class ListFile:
    """A list, read entry by entry; what could not be read is in `unread` after that."""

    file: Path
    name: str
    unread: list[str] = field(default_factory=list)
    unread_count: int = 0
    partial: set[str] = field(default_factory=set)
    """Ids of entries of which something could not be read."""

    def entries(self) -> Iterator[Party]:
        """The entries in their order; RefusedError where it is no such list."""
        try:
            with self.file.open(encoding="utf-8-sig", newline="") as opened:
                yield from self._read(opened)
        except UnicodeDecodeError as error:
            raise RefusedError(f"the list {self.name} is not UTF-8 text", hint="save it as CSV in UTF-8") from error
        except OSError as error:
            raise RefusedError(
                f"cannot read the list {self.name}: {error.strerror}", hint="check its name and mode"
            ) from error

    def _read(self, opened: TextIO) -> Iterator[Party]:
        lines = Lines(opened, self._too_long)
        _, first = next(lines, (1, ""))
        delimiter = max(",;\t", key=first.count)
        header = [name.strip().lower() for name in _header_cells(first, delimiter)]
        columns = [_COLUMNS.get(name, "") for name in header]
        if not _SEARCHED.intersection(columns):
            hint = "its first line must name its columns, such as name, domain, network, asn, address or identifiers"
            raise RefusedError(f"the list {self.name} has no column that can be searched for", hint=hint)
        seen: set[str] = set()
        for number, line in lines:
            try:
                row = row_cells(lines, line, delimiter)
            except RowError as error:
                self.note_unread(f"line {number}: {error.why}")
                continue
            if any(cell.strip() for cell in row):
                told = self.unread_count
                entry = self._entry(row, columns, number, delimiter)
                if entry is not None:
                    entry = _distinct(entry, seen)
                    if self.unread_count > told:
                        self.partial.add(entry.id)
                    yield entry

    def _too_long(self, number: int) -> Exception:
        return RefusedError(f"line {number} of the list {self.name} is far too long", hint="are its line ends missing?")

    def note_unread(self, problem: str) -> None:
        """Note what could not be read, or not be looked for."""
        self.unread_count += 1
        if len(self.unread) < _MOST_TOLD:
            self.unread.append(problem)

    def _entry(self, row: Sequence[str], columns: Sequence[str], number: int, delimiter: str) -> Party | None:
        if len(row) != len(columns):
            more = "more" if len(row) > len(columns) else "fewer"
            self.note_unread(f"line {number}: it has {more} cells than the header")
            return None
        if any(_swallows(cell, delimiter, len(columns)) for cell in row):
            self.note_unread(f"line {number}: a cell has whole lines in it, so a quote is not closed")
            return None
        found: dict[str, list[str]] = {}
        for column, cell in zip(columns, row, strict=False):
            if column and cell.strip():
                found.setdefault(column, []).extend(_values(cell) if column not in {"id", "kind"} else [cell.strip()])
        kind = _KINDS.get(found.get("kind", [""])[0].lower())
        values = {name: tuple(dict.fromkeys(each)) for name, each in found.items() if name not in {"id", "kind"}}
        if kind is None:
            # A ship or an aeroplane: its name is nobody's, its numbers may be.
            values.pop("names", None)
        for name, read in _READERS.items():
            values[name] = tuple(self._good(values.get(name, ()), read, number))
        entry = Party(found.get("id", [""])[0][:_LONGEST_ID] or _name_of(row), kind or "", **values)
        if not any(getattr(entry, name) for name in _SEARCHED):
            if kind is not None:
                self.note_unread(f"line {number}: nothing in it can be searched for")
            return None
        return entry

    def _good(self, values: Sequence[str], read: Callable[[str], str], number: int) -> Iterator[str]:
        for value in values:
            good = read(value)
            if good:
                yield good
            else:
                self.note_unread(f"line {number}: {value[:60]!r} cannot be searched for")


def _header_cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _swallows(cell: str, delimiter: str, columns: int) -> bool:
    """Whether a line within this cell looks like a row of its own."""
    return any(line.count(delimiter) >= max(1, columns - 1) for line in cell.splitlines()[1:])


def _values(cell: str) -> list[str]:
    """The values between semicolons, with quotes of their own."""
    try:
        row = next(csv.reader([cell.replace("\n", " ").replace("\r", " ")], delimiter=";", skipinitialspace=True), [])
    except csv.Error:
        row = [cell]
    return [value.strip()[:_LONGEST_VALUE] for value in row[:_MOST_VALUES] if value.strip()]


def _name_of(row: Sequence[str]) -> str:
    """The name of an entry that has none: the same for the same line, wherever it stands."""
    return hashlib.sha256("\0".join(row).encode()).hexdigest()[:16]


def _distinct(entry: Party, seen: set[str]) -> Party:
    name, number = entry.id, 1
    while name in seen:
        number += 1
        name = f"{entry.id}~{number}"
    seen.add(name)
    return entry if name == entry.id else Party(name, entry.kind, *_fields(entry))


def _fields(entry: Party) -> tuple[tuple[str, ...], ...]:
    return tuple(getattr(entry, name) for name in FIELDS)


FIELDS = (
    "names",
    "addresses",
    "domains",
    "networks",
    "asns",
    "mails",
    "phones",
    "identifiers",
    "countries",
    "birth_dates",
    "remarks",
)
"""The fields of a party after its id and kind, in their order."""


def read_network(value: str) -> str:
    """An address or network in its own form; empty where it is none, or far too wide."""
    try:
        network = ipaddress.ip_network(value.strip(), strict=False)
    except ValueError:
        return ""
    return str(network) if network.prefixlen >= _WIDEST[network.version] else ""


def read_asn(value: str) -> str:
    """The number of an autonomous system; empty where it is none."""
    found = _ASN.fullmatch(value.strip())
    return str(int(found[1])) if found and 0 < int(found[1]) < 1 << 32 else ""


def read_domain(value: str) -> str:
    """A host name in lower case and punycode; of a URL, its host; empty where it is none."""
    text = value.strip().lower()
    text = re.sub(r"^[a-z][a-z0-9+.-]{0,20}://", "", text).partition("/")[0].partition("@")[2] or text
    text = re.sub(r"^[a-z][a-z0-9+.-]{0,20}://", "", text).partition("/")[0].partition(":")[0]
    text = text.removeprefix("*.").strip(".")
    try:
        ascii_text = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        return ""
    return ascii_text if _HOST.fullmatch(ascii_text) else ""


_Reader = type(read_asn)
_READERS = {"networks": read_network, "asns": read_asn, "domains": read_domain}
