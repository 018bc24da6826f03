"""Own lists, changed with an audit log entry before and after each change.

So a measure can be traced back to the person who imported the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from goodhoster.errors import recording
from goodhoster.hashlists import own_lists
from goodhoster.hashlists.entries import STANDARD_INPUT, ListKind
from goodhoster.hashlists.importing import Removed
from goodhoster.hashlists.own_lists import ImportReport, ListImportOrder
from goodhoster.model.audit import AuditEvent
from goodhoster.ports import AuditLog

_Told = Mapping[str, str | bool | list[str] | None]


@dataclass(frozen=True, slots=True)
class RecordedLists:
    """The lists of a directory, changed with an audit log entry before and after.

    `actor` is the person who orders a change. AuditError, and no change, when it cannot be recorded.
    """

    directory: Path
    audit: AuditLog

    def import_files(self, order: ListImportOrder, actor: str) -> ImportReport:
        """As `own_lists.import_files`, recorded in the audit log.

        The log names the files first, then the result for each list.
        """
        what: _Told = {
            "change": "import",
            "category": order.category,
            "replace": order.replace,
            "files": [_name(file) for file in order.files],
        }
        self._intend(order.source, what, actor)
        report = own_lists.import_files(self.directory, order)
        with recording(f"the lists of {order.source} are imported and in force"):
            self.audit.append_all([AuditEvent("list.imported", asdict(each)) for each in report.lists])
        return report

    def remove(self, source: str, kind: ListKind | None, actor: str) -> tuple[Removed, ...]:
        """As `own_lists.remove`."""
        self._intend(source, {"change": "remove", "algorithm": kind and kind.value}, actor)
        removed = own_lists.remove(self.directory, source, kind)
        with recording(f"the lists of {source} are removed"):
            self.audit.append_all([AuditEvent("list.removed", asdict(each)) for each in removed])
        return removed

    def _intend(self, source: str, what: _Told, actor: str) -> None:
        self.audit.append(AuditEvent("list.intended", {"source": source, **what, "actor": actor}))


def _name(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file.absolute())
