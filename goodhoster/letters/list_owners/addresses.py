"""The owner of each hash source, and the letter about their list and our exemption."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.exemptions.sets import ExemptionSets
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_files, list_path
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import OwnerReport

_OF_LISTS = "list"
"""The kind whose matches carry the names of its lists and not its own."""


@dataclass(frozen=True, slots=True)
class ListOwners:
    """The owners of hash sources, from the settings, the lists and the exemption sets.

    What is read from disk is read when it is asked for.
    """

    addresses: Mapping[str, str]
    """By the name of a configured source; empty where none is set."""
    lists: Path
    """Where own lists are kept."""
    sets: ExemptionSets

    def sources(self) -> list[str]:
        """The names that matches may carry: of configured sources, and of the lists on this host."""
        names = set(self.addresses)
        if _OF_LISTS in names:
            names |= {source for _, source, _ in (*list_files(self.lists), *near_lists(self.lists))}
        return sorted(names - {_OF_LISTS})

    def address_of(self, source: str) -> str:
        """The address of the source's owner; empty where none is set."""
        return self.addresses.get(source, self.addresses.get(_OF_LISTS, ""))

    def version_of(self, report: OwnerReport) -> str:
        """The date when the own list was imported.

        A service states nothing about its list's version.
        """
        if report.algorithm not in set(Algorithm):
            return ""
        path = list_path(self.lists, report.source, Algorithm(report.algorithm))
        try:
            with closing(DigestList.open(path)) as opened:
                return f"imported here on {opened.created:%Y-%m-%d %H:%M} UTC"
        except (FileNotFoundError, ConfigurationError):
            return ""

    def origin_of(self, set_name: str) -> str:
        """Version and origin of the exemption set; empty where it is not there any more."""
        try:
            made = self.sets.get(set_name)
        except (RefusedError, ConfigurationError):
            return ""
        return ", ".join(filter(None, (made.version, made.origin)))
