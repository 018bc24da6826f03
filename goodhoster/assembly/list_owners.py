"""Who keeps each hash source, and what is told them of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from goodhoster.assembly.desk import Services
from goodhoster.assembly.notice_services import NoticeServices
from goodhoster.assembly.sources import hash_source_kinds
from goodhoster.assembly.state import exemption_sets, lists_directory, owner_reports
from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_files, list_path
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.letters.list_owner_letters import ListOwnerLetters
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import OwnerReport
from goodhoster.settings import Settings, read_plugged

_OF_LISTS = "list"
"""The kind whose matches carry the names of its lists and not its own."""


class ListOwners:
    """See `cases.ownerletters`. What is read from disk is read when it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_source: Mapping[str, str] = dict(_addresses(settings))

    def sources(self) -> list[str]:
        """The names that matches may carry: of configured sources, and of the lists on this host."""
        names = set(self._by_source)
        if _OF_LISTS in names:
            directory = lists_directory(self._settings)
            names |= {source for _, source, _ in (*list_files(directory), *near_lists(directory))}
        return sorted(names - {_OF_LISTS})

    def address_of(self, source: str) -> str:
        """Of whoever keeps it; empty where none is set."""
        return self._by_source.get(source, self._by_source.get(_OF_LISTS, ""))

    def version_of(self, report: OwnerReport) -> str:
        """When the own list was imported; a service tells nothing of its list's state."""
        if report.algorithm not in set(Algorithm):
            return ""
        path = list_path(lists_directory(self._settings), report.source, Algorithm(report.algorithm))
        try:
            with closing(DigestList.open(path)) as opened:
                return f"imported here on {opened.created:%Y-%m-%d %H:%M} UTC"
        except (FileNotFoundError, ConfigurationError):
            return ""

    def origin_of(self, set_name: str) -> str:
        """Version and origin of the exemption set, as far as it is still there."""
        try:
            made = exemption_sets(self._settings).get(set_name)
        except (RefusedError, ConfigurationError):
            return ""
        return ", ".join(filter(None, (made.version, made.origin)))


def _addresses(settings: Settings) -> list[tuple[str, str]]:
    kinds = hash_source_kinds()
    found: list[tuple[str, str]] = []
    for table in settings.hash_sources:
        source = read_plugged(table, kinds)
        found.append((getattr(source, "name", table.kind), table.common.owner or ""))
        found += [(name, address) for name, _, address in (one.partition("=") for one in getattr(source, "owners", ()))]
    return found


def owner_letters(services: Services, notices: NoticeServices) -> ListOwnerLetters:
    """They share letterhead and outbox with the letters about notices."""
    letters = notices.letters
    reports, owners = owner_reports(services.settings), ListOwners(services.settings)
    return ListOwnerLetters(reports, letters.outbox, services.audit, letters.head, owners, letters.automatic)
