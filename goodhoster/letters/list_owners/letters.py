"""Letters to the owner of a hash source that knows an exempt content, once each."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from goodhoster.letters import texts
from goodhoster.letters.list_owners.reports import ListOwnerReports
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead, Provenance
from goodhoster.model.audit import AuditEvent
from goodhoster.model.exemptions import OwnerReport
from goodhoster.ports import AuditLog

_log = logging.getLogger(__name__)


class Owners(Protocol):
    """The owners of hash sources, and the versions of their lists."""

    def address_of(self, source: str) -> str:
        """The address of the source's owner; empty where none is set."""

    def version_of(self, report: OwnerReport) -> str:
        """The version of the source's list that knew it, in words; empty where that is not known."""

    def origin_of(self, set_name: str) -> str:
        """The origin of the exemption set of that name, in words.

        Empty where that is not known any more.
        """


@dataclass(frozen=True, slots=True)
class ListOwnerLetters:
    """The writer of these letters, one a machine.

    What it could not write is written when an address is set.
    """

    reports: ListOwnerReports
    outbox: Outbox
    audit: AuditLog
    head: Letterhead
    owners: Owners
    automatic: bool
    """False in mode observe: nothing goes out by itself."""
    _said: set[str] = field(default_factory=set)

    def write(self) -> None:
        """Put the letter of every waiting report into the outbox.

        A report that cannot be sent is logged once.
        """
        for report in self.reports.waiting():
            address = self.owners.address_of(report.source) if self.automatic else ""
            if address:
                self._write(report, address)
            elif report.id not in self._said:
                self._said.add(report.id)
                self._say(report)

    def _say(self, report: OwnerReport) -> None:
        why = "no owner is set for it" if self.automatic else "mode observe"
        what = f"what is exempt here ({report.exemption})" if report.exemption else "what a person found to be harmless"
        _log.warning("%s knows %s, SHA-1 %s, and its owner is not told: %s", *(report.source, what, report.sha1, why))

    def _write(self, report: OwnerReport, address: str) -> None:
        told = {"source": report.source, "sha256": report.sha256, "exemption": report.exemption, "to": address}
        event = "mistake.reported" if report.kind == "mistake" else "exemption.reported"
        self.audit.append(AuditEvent(event, told))
        provenance = Provenance(self.owners.version_of(report), self.owners.origin_of(report.set_name))
        self.outbox.put(texts.exempt(report, provenance, address, self.head))
        self.reports.mark_sent(report)
