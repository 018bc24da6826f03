"""Owners of networks as recorded by the hoster, so that a notifier learns where else to ask.

Nobody outside is asked about the addresses in a notice.
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from goodhoster.errors import ConfigurationError

_COLUMNS = ["prefix", "owner", "contact"]
_LONGEST_OWNER = 200  # characters of an owner with its contact
_Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Networks:
    """Owners by prefix; the longest prefix that holds an address counts."""

    owners: Mapping[_Prefix, str] = field(default_factory=dict)
    lengths: tuple[tuple[int, int], ...] = ()
    """Version and length of every prefix that there is, longest first."""

    def owner_of(self, address: str) -> str:
        """Name and contact of the network's owner.

        Empty when it is no address, or in no known network.
        """
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return ""
        around = (length for version, length in self.lengths if version == found.version)
        prefixes = (ipaddress.ip_network((found, length), strict=False) for length in around)
        return next((self.owners[prefix] for prefix in prefixes if prefix in self.owners), "")


def networks_of(owners: Mapping[_Prefix, str]) -> Networks:
    """Build the look-up of networks."""
    lengths = {(prefix.version, prefix.prefixlen) for prefix in owners}
    return Networks(owners, tuple(sorted(lengths, key=lambda pair: -pair[1])))


def read_networks(file: Path) -> Networks:
    """Read networks from a CSV file with the columns prefix, owner, contact.

    ConfigurationError names the line that is wrong.
    """
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return networks_of(dict(_rows(file, csv.reader(opened, strict=True))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        hint = "a CSV file with the columns prefix,owner,contact"
        raise ConfigurationError(f"cannot read the networks in {file}: {error}", hint=hint) from error


def _rows(file: Path, rows: Iterable[list[str]]) -> Iterable[tuple[_Prefix, str]]:
    for number, row in enumerate(rows, 1):
        if number == 1 and row != _COLUMNS:
            raise ConfigurationError(f"{file} has other columns", hint="its first line is: prefix,owner,contact")
        if number > 1 and row:
            yield _row(row, f"{file}, line {number}")


def _row(row: list[str], where: str) -> tuple[_Prefix, str]:
    try:
        prefix, owner, contact = (cell.strip() for cell in row)
        network = ipaddress.ip_network(prefix)
    except ValueError as error:
        hint = "write: 192.0.2.0/24,Example Net,abuse@net.example"
        raise ConfigurationError(f"{where} is not a network: {error}", hint=hint) from error
    return network, " ".join(f"{owner}, {contact}".strip(", ").split())[:_LONGEST_OWNER]
