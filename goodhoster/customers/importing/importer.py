"""The import of one list: read, stage, compare, guard, log, apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from goodhoster.customers.importing.entries import RegisterEntry, id_in, merged_customer, merged_site, read_entry
from goodhoster.customers.importing.list_files import opened_list
from goodhoster.customers.importing.reseller_chains import ResellerChains
from goodhoster.customers.importing.rows import ListReport, RowError, Rows, unusable
from goodhoster.errors import recording
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.customers.register import CustomerSite, RegisterDifference, RegisterImport
from goodhoster.model.uploads import visible
from goodhoster.policy.register_guard import RegisterGuard
from goodhoster.ports import AuditLog, Clock, CustomerStore, StagedImport

_TOLD = 1000
"""Changes that a result tells one by one."""
_CONTESTED_TOLD = 20
"""Names with two customers that are told one by one."""


@dataclass(frozen=True, slots=True)
class RegisterImportOrder:
    """What a person or the daemon wants imported."""

    origin: str
    """The source: what other sources named stays."""
    actor: str
    replace: bool = False
    """The list is all there is of this source: whom it misses, ends."""
    preview: bool = False
    guard: RegisterGuard = field(default_factory=RegisterGuard)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import changed, or would change."""

    origin: str
    applied: bool
    customers: int
    """In the list, accepted."""
    sites: int
    difference: RegisterDifference
    report: ListReport
    contested: int = 0
    """Names that another source gives to another customer."""
    objection: str = ""
    """Why the guard did not let it through."""
    changes: tuple[tuple[str, str], ...] = ()
    """The first changes: `added`, `changed` or `ended`, and whom."""


@dataclass(frozen=True, slots=True)
class RegisterImporter:
    """Imports lists into the register, one at a time."""

    store: CustomerStore
    audit: AuditLog
    lock: FileLock
    clock: Clock

    def import_file(self, file: Path, order: RegisterImportOrder) -> ImportResult:
        """Import a list file.

        ConfigurationError when it cannot be read as a whole: nothing was changed.
        """
        report = ListReport()
        with opened_list(file, report) as rows:
            return self.import_rows(rows, order, report, name=str(file))

    def import_rows(self, rows: Rows, order: RegisterImportOrder, report: ListReport, *, name: str) -> ImportResult:
        """Import rows of any form; lines that are wrong are rejected, and the others imported.

        With `replace` nobody ends whose line was rejected, and nobody at all where one does not tell whose it is. The
        guard's objection changes nothing, and neither does a preview.
        """
        with self.lock, self.store.stage(order.origin) as staged:
            counted = _Staging(self.store, staged, order, report).stage(rows)
            if not counted["rows"] and not report.rejections and not order.replace:
                raise unusable(name, "names no customer", "see docs/how-to-customers.md for its form")
            if order.replace and report.cut:
                hint = "write it again to its end (a CSV ends with a line end), or import it without --replace"
                raise unusable(name, f"was cut off: {report.cut}", hint)
            replace_all = order.replace and not report.unnamed
            if order.replace and report.unnamed:
                report.warnings.append(
                    f"a rejected {report.unit} does not name its customer: no missing customer was ended"
                )
            found = staged.difference(replace=replace_all, keep=frozenset(report.kept))
            contested = _warn_of_contested(staged, report)
            objection = order.guard.objection(found, named=counted["customers"]) if replace_all else ""
            result = ImportResult(
                origin=order.origin,
                applied=not (order.preview or objection),
                customers=counted["customers"],
                sites=counted["sites"],
                difference=found,
                report=report,
                contested=contested,
                objection=objection,
                changes=tuple(change for change, _ in zip(staged.changes(), range(_TOLD), strict=False)),
            )
            if result.applied:
                self._apply(staged, result, order, name)
            return result

    def _apply(self, staged: StagedImport, result: ImportResult, order: RegisterImportOrder, name: str) -> None:
        done = RegisterImport(
            order.origin, self.clock(), order.actor, name, result.customers, result.sites, result.report.rejections
        )
        data = _event_data(done, result)
        self.audit.append(AuditEvent("register.intended", data))
        staged.apply(done)
        with recording(f"{name} is imported as {order.origin} and in force"):
            self.audit.append(AuditEvent("register.imported", data))


class _Staging:
    """Stages the rows of one list."""

    def __init__(
        self, store: CustomerStore, staged: StagedImport, order: RegisterImportOrder, report: ListReport
    ) -> None:
        self._store, self._staged, self._report = store, staged, report
        self._origin, self._replace = order.origin, order.replace
        self._chains = ResellerChains()
        self._former: dict[str, tuple[int, str]] = {}
        self._counted: Counter[str] = Counter()

    def stage(self, rows: Rows) -> Counter[str]:
        """Stage every row that can be, and count rows, customers and sites."""
        for row in rows:
            self._counted["rows"] += 1
            try:
                self._stage_entry(row.line, read_entry(row))
            except RowError as error:
                self._report.reject(row.line, error, id_in(row))
        self._stage_former_ids()
        self._refuse_circles()
        return self._counted

    def _stage_entry(self, line: int, entry: RegisterEntry) -> None:
        """Stage all of a row, or nothing of it."""
        customer, known = entry.customer, self._staged.staged(entry.customer.id)
        if known is not None:
            customer = merged_customer(replace(known, origin=""), customer)
        sites: dict[str, CustomerSite] = {}
        for site in entry.sites:
            self._expect_plain_path(site.docroot)
            before = sites.get(site.host) or self._staged.staged_site(site.host)
            sites[site.host] = merged_site(replace(before, origin=""), site) if before else site
            self._counted["sites"] += before is None
        if entry.previous_id:
            self._expect_own(entry.previous_id)
            self._former[entry.previous_id] = line, customer.id
        self._counted["customers"] += known is None
        if known is None or customer != replace(known, origin=""):
            self._staged.add(customer)
            self._chains.add(customer.id, customer.reseller, line)
        for site in sites.values():
            self._staged.add_site(site)

    def _expect_plain_path(self, docroot: bytes | None) -> None:
        """Refuse a path whose bytes nobody can tell: paths are bytes, and the list is not in UTF-8."""
        if docroot and not docroot.isascii() and self._report.encoding not in {"UTF-8", "UTF-16"}:
            why = f"docroot has letters beyond ASCII, and the list is in {self._report.encoding}"
            raise RowError(why, "save the list as UTF-8")

    def _expect_own(self, former: str) -> None:
        others = [entry.origin for entry in self._store.entries_of(former) if entry.origin != self._origin]
        if others:
            why = f"previous_id {former[:80]!r} is a customer of the source {others[0]}"
            raise RowError(why, "let that source give it the new id, too")

    def _stage_former_ids(self) -> None:
        # All are looked at before one is dropped: of two that name each other, neither is right.
        in_list = {former for former in self._former if self._staged.staged(former) is not None}
        dropped: set[str] = set()
        for former, (line, customer_id) in self._former.items():
            if former in in_list:
                why = f"previous_id {former[:80]!r} is in the list itself"
                self._report.reject(line, RowError(why, "leave one of them out"), customer_id)
                dropped.add(customer_id)
        for customer_id in dropped:
            self._drop(customer_id)
        for former, (_, customer_id) in self._former.items():
            if former not in in_list and customer_id not in dropped:
                self._staged.had_id(former, customer_id)

    def _refuse_circles(self) -> None:
        for customer_id, line, error in self._chains.refused(self._reseller_by_other_source):
            self._report.reject(line, error, customer_id)
            if self._staged.staged(customer_id) is not None:
                self._drop(customer_id)

    def _drop(self, customer_id: str) -> None:
        self._staged.drop(customer_id)
        self._counted["customers"] -= 1

    def _reseller_by_other_source(self, customer_id: str) -> str:
        """The reseller that another source names, or this one before, where the list leaves it open."""
        renewed = self._replace and self._staged.staged(customer_id) is not None
        entries = self._store.entries_of(customer_id)
        told = (entry.reseller for entry in entries if not (renewed and entry.origin == self._origin))
        return next(filter(None, told), "")


def _warn_of_contested(staged: StagedImport, report: ListReport) -> int:
    """Warn of each name that another source gives to another customer.

    Notices of it wait for a person.
    """
    count = 0
    for count, one in enumerate(staged.contested(), start=1):
        if count <= _CONTESTED_TOLD:
            report.warnings.append(
                f"{visible(one.name)} is {one.customer}'s here, and {one.other}'s by the source {one.origin}: what it "
                "concerns waits for a person until the sources agree"
            )
    if count > _CONTESTED_TOLD:
        report.warnings.append(f"{count - _CONTESTED_TOLD} more names are given to two customers")
    return count


def _event_data(done: RegisterImport, result: ImportResult) -> Mapping[str, str | int]:
    found = result.difference
    return {
        "source": done.origin,
        "list": done.file,
        "actor": done.actor,
        "customers": done.customers,
        "sites": done.sites,
        "rejected": done.rejected,
        "contested": result.contested,
        "added": found.added,
        "changed": found.changed,
        "ended": found.ended,
        "sites_added": found.sites_added,
        "sites_changed": found.sites_changed,
        "sites_removed": found.sites_removed,
    }
