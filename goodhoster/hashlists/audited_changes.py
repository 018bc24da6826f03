"""Own lists, changed with an entry in the audit log before and after: a measure leads back to who brought it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from goodhoster.hashlists import own_lists
from goodhoster.hashlists.entries import ListKind
from goodhoster.hashlists.importing import Imported, Removed
from goodhoster.model.audit import AuditEvent
from goodhoster.model.verdicts import Category
from goodhoster.ports import AuditLog

_Told = Mapping[str, str | bool | list[str] | None]


@dataclass(frozen=True, slots=True)
class RecordedLists:
    """The lists of a directory. `actor` is who orders a change. AuditError, and no change, without a record."""

    directory: Path
    audit: AuditLog

    def import_files(
        self, files: Sequence[Path], whose: tuple[str, Category], actor: str, *, replace: bool = False
    ) -> tuple[Imported, ...]:
        """As `ownlists.import_files`; the log names the files first, then what became of each list."""
        source, category = whose
        names = [str(file.absolute()) for file in files]
        what: _Told = {"change": "import", "category": category, "replace": replace, "files": names}
        self._intend(source, what, actor)
        imported = own_lists.import_files(self.directory, files, whose, replace=replace)
        self.audit.append_all([AuditEvent("list.imported", asdict(each)) for each in imported])
        return imported

    def remove(self, source: str, kind: ListKind | None, actor: str) -> tuple[Removed, ...]:
        """As `ownlists.remove`."""
        self._intend(source, {"change": "remove", "algorithm": kind and kind.value}, actor)
        removed = own_lists.remove(self.directory, source, kind)
        self.audit.append_all([AuditEvent("list.removed", asdict(each)) for each in removed])
        return removed

    def _intend(self, source: str, what: _Told, actor: str) -> None:
        self.audit.append(AuditEvent("list.intended", {"source": source, **what, "actor": actor}))
