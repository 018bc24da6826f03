"""Sites from a list that the administrator keeps, or that a script writes: CSV or TOML.

CSV has a header with at least `customer_id`, `domain` and `docroot` (the list of customers has them); several domains
of one docroot stand in one cell with blanks between, or on lines of their own. `email` and `language` say where and how
the customer is written to, and need not be there. TOML has a `[[site]]` for each, and may say more:

    [[site]]
    customer = "anna"
    names = ["anna.example", "*.anna.example"]
    docroot = "/srv/customers/anna/www"
    email = "anna@anna.example"
    language = "nl"
    aliases = { "/media/" = "/srv/customers/anna/media/" }
"""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from goodhoster.adapters.directories.host_names import host_name
from goodhoster.errors import ConfigurationError
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.notices import Matching, PathRoute, Site
from goodhoster.settings.values import MAIL_ADDRESS

_COLUMNS = ("customer_id", "domain", "docroot")
_MORE_COLUMNS = ("email", "language")
_KEYS = frozenset({"customer", "names", "docroot", "aliases", "addresses", *_MORE_COLUMNS})
_LANGUAGES: dict[str, Literal["nl", "en", "de"]] = {"nl": "nl", "en": "en", "de": "de"}


@dataclass(frozen=True, slots=True)
class ListedDirectory:
    """Reads its file again each time; one wrong row refuses the whole file."""

    file: Path
    name: str = "list"

    def sites(self) -> list[Site]:
        """All sites. ConfigurationError names the file and the row."""
        try:
            if self.file.suffix == ".toml":
                return list(_from_toml(self.file))
            return list(_from_csv(self.file))
        except csv.Error as error:
            hint = 'is a quote opened and not closed? write a quote inside a cell twice: "5"" disk"'
            raise ConfigurationError(f"the list of sites {self.file} is not CSV: {error}", hint=hint) from error
        except (OSError, UnicodeDecodeError) as error:
            hint = "check its name, owner and mode"
            raise ConfigurationError(f"cannot read the list of sites {self.file}: {error}", hint=hint) from error


def _from_csv(file: Path) -> Iterator[Site]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.DictReader(opened, strict=True)
        missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            hint = "the first line names the columns: " + ",".join(_COLUMNS)
            raise ConfigurationError(f"{file}: no column {', '.join(missing)}", hint=hint)
        for row in rows:
            where = f"{file}, line {rows.line_num}"
            cells = {column: (row.get(column) or "").strip() for column in (*_COLUMNS, *_MORE_COLUMNS)}
            if any(cells.values()):
                site = _site(where, cells["customer_id"], tuple(cells["domain"].split()), cells["docroot"])
                yield replace(site, contact=_contact(site.customer, cells))


def _from_toml(file: Path) -> Iterator[Site]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", hint="see the line it names") from error
    sites = table.get("site")
    if not isinstance(sites, list) or set(table) != {"site"}:
        raise ConfigurationError(f"{file} holds something other than [[site]]", hint="write each site as [[site]]")
    for number, entry in enumerate(sites, 1):
        yield _entry(f"{file}, site {number}", entry)


def _entry(where: str, entry: Mapping[str, Any]) -> Site:
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise ConfigurationError(f"{where}: unknown key {unknown[0]}", hint="known are: " + ", ".join(sorted(_KEYS)))
    aliases, addresses = entry.get("aliases", {}), entry.get("addresses", [])
    names = entry.get("names", [])
    if not _texts(names) or not _texts(addresses) or not isinstance(aliases, dict) or not _texts([*aliases.values()]):
        hint = 'names and addresses are lists of texts, aliases is a table: { "/media/" = "/srv/media/" }'
        raise ConfigurationError(f"{where} is not valid", hint=hint)
    site = _site(where, entry.get("customer"), tuple(names), entry.get("docroot"))
    more = tuple(
        PathRoute(Matching.PREFIX, prefix.rstrip("/") + "/", os.fsencode(directory.rstrip("/") + "/"), replaces=True)
        for prefix, directory in aliases.items()
    )
    contact = _contact(site.customer, entry)
    return replace(site, routes=(*site.routes, *more), addresses=tuple(addresses), contact=contact)


def _contact(customer: str, said: Mapping[str, Any]) -> AbuseContact | None:
    """The contact of a row; None where it has no valid address.

    That a site is served there is accepted all the same.
    """
    address = str(said.get("email", ""))
    if not MAIL_ADDRESS.fullmatch(address):
        return None
    return AbuseContact(customer, address, _LANGUAGES.get(str(said.get("language", "")).lower()))


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _site(where: str, customer: object, names: tuple[str, ...], docroot: object) -> Site:
    if not isinstance(customer, str) or not customer or not names:
        raise ConfigurationError(f"{where}: a customer and a domain are needed", hint="complete or remove it")
    if not isinstance(docroot, str) or not docroot.startswith("/"):
        raise ConfigurationError(f"{where}: docroot must be an absolute path", hint="complete or remove it")
    return Site(customer, tuple(map(host_name, names)), (PathRoute(Matching.PREFIX, "/", os.fsencode(docroot)),))
