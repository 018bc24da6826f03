"""Rows of the register from the sites that web servers are configured with.

The customer of a site is the one that its directory names, else the account that owns the document root, else whoever
the watched tree says. Whose nobody can tell is told, and not imported.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from goodhoster.customers.importing.rows import ListReport, ListRow, RowError
from goodhoster.customers.importing.vocabulary import ID
from goodhoster.model.notices import Matching, Site

_FIRST_ACCOUNT = 1000
"""Accounts below are the system's: a web server's own is no customer."""
_LAST_ACCOUNT = 59_999
"""Beyond are those that services are given while they run, and nobody (Debian policy 9.2.2)."""
_HINT = "goodhoster doctor, or set the customer of that site yourself"


def directory_rows(sites: Iterable[Site], report: ListReport, customer_of: Callable[[bytes], str]) -> Iterator[ListRow]:
    """A row for each site; what `sites` raises ends the import: nothing is changed.

    A site that cannot be read is rejected: then nobody ends for being missed.
    """
    claimed: set[str] = set()
    without: list[str] = []
    for number, site in enumerate(sites, 1):
        if site.trouble:
            named = site.names[0] if site.names else "a site of unknown name"
            report.reject(number, RowError(f"{named} cannot be read: {site.trouble}", _HINT))
            continue
        names = [name for name in _plain_names(site) if name not in claimed]
        docroot = _docroot(site)
        owner = site.customer or (account_owning(docroot) or customer_of(docroot) if docroot else "")
        if not names or not owner:
            without += names
            continue
        claimed.update(names)
        entry: dict[str, Any] = {"host": names[0], "aliases": names[1:]}
        if docroot:
            entry |= {"docroot": os.fsdecode(docroot), "user": account_owning(docroot)}
        yield ListRow(number, {ID: owner, "sites": [entry]})
    if unknown := sorted(set(without) - claimed):
        told = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")  # noqa: PLR2004 - as many as fit a line
        report.warnings.append(f"whose {len(unknown)} hosts are cannot be told, and they are left out: {told}")


def account_owning(docroot: bytes) -> str:
    """The person's account that owns a directory; empty for the system's or where unknown."""
    try:
        uid = os.stat(docroot).st_uid
        return pwd.getpwuid(uid).pw_name if _FIRST_ACCOUNT <= uid <= _LAST_ACCOUNT else ""
    except (OSError, KeyError):
        return ""


def _plain_names(site: Site) -> Iterator[str]:
    """The names that the register can hold: no patterns but `*.` before a name."""
    for name in site.names:
        if name.startswith("."):
            yield from (name[1:], f"*{name}")
        elif not name.startswith("~") and "*" not in name.removeprefix("*."):
            yield name


def _docroot(site: Site) -> bytes | None:
    """Where the site's own files are: what `/` shows, else the first directory of all."""
    found = [route for route in site.routes if route.directory]
    roots = [route for route in found if route.matching is Matching.PREFIX and route.pattern == "/"]
    return next((route.directory for route in (*roots, *found)), None)
