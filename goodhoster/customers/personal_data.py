"""Personal data of customers: what is kept and why, all of it for the person, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goodhoster.customers.register import Register
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, PersonalDataStore

UNFINISHED = frozenset({CaseState.OPEN, CaseState.HELD, CaseState.FAILED, CaseState.RESTORING})
"""Cases in which somebody or something still has to act."""


@dataclass(frozen=True, slots=True)
class KeptData:
    """One purpose for which personal data is kept; no other uses it."""

    what: str
    why: str
    how_long: str
    forgotten: bool
    """Whether `customers forget` erases it."""


KEPT = (
    KeptData(
        "name, kind, language, country, company number, reseller, numbers in other systems, dates and status",
        "to know whose a file is, and whom to hold to the agreement (contract)",
        "until the customer is forgotten, which can be asked for once its contract has ended",
        forgotten=True,
    ),
    KeptData(
        "mail addresses and phone numbers",
        "to tell the customer what was done and why (DSA Art. 17), and to reach it about abuse",
        "as the register",
        forgotten=True,
    ),
    KeptData(
        "host names, document roots and accounts of sites, and those that were the customer's before",
        "to find the file that a notice is about, also after a site has moved",
        "as the register",
        forgotten=True,
    ),
    KeptData(
        "evidence of vetting: type, date, checker and outcome; never a copy of a document or a citizen number",
        "to know the customer (sector agreement)",
        "as the register; it must be checked again at the latest after 12 months",
        forgotten=True,
    ),
    KeptData(
        "steps of the ladder, statements of reasons, appeals with what the customer wrote, answers of gates",
        "to hold the customer to the agreement fairly, and to decide appeals (DSA Art. 17 and 20)",
        "as the register; a step counts as long as the house rules say",
        forgotten=True,
    ),
    KeptData(
        "findings of screening: what of a customer resembles an entry of a list, and what a person decided",
        "to know the customer, and not to decide the same twice",
        "as the register",
        forgotten=True,
    ),
    KeptData(
        "cases: path of the file, digests, time, what was done",
        "to undo a measure exactly, to answer whoever reported, and to prove what was done",
        "with the record of cases, which has the customer's id and no name",
        forgotten=False,
    ),
    KeptData(
        "entries of the audit log: the customer's id, what was done, by whom",
        "to prove that nothing was changed afterwards; an entry that is taken out breaks the proof",
        "as long as the log; it has ids, and no names or addresses from the register",
        forgotten=False,
    ),
    KeptData(
        "notices and letters as they were received and sent",
        "to show what was reported and answered, and when",
        "with the record of notices",
        forgotten=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was, or would be, erased of a customer, and what stays."""

    customer: str
    rows: Mapping[str, int]
    """By table of the record of customers."""
    cases: int
    """That stay, with the id alone."""
    done: bool


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Exports and erases what is held of one customer; each access is in the audit log."""

    register: Register
    store: PersonalDataStore
    cases: CaseStore
    audit: AuditLog
    lock: FileLock

    def note_access(self, customer_id: str, actor: str, how: str) -> None:
        """Write into the audit log that somebody saw a customer's data."""
        self.audit.append(AuditEvent("customer.accessed", {"customer": customer_id, "actor": actor, "how": how}))

    def export(self, customer_id: str, actor: str) -> Mapping[str, object]:
        """Everything held about a customer, as JSON carries it. The audit log is written first."""
        ids = self._ids(customer_id)
        self.note_access(ids[0], actor, "export")
        return {
            "customer": ids[0],
            "former_ids": list(ids[1:]),
            "record": self.store.held(ids),
            "cases": [_case_object(case) for case in self._cases(ids)],
            "kept_for": [{"what": kept.what, "why": kept.why, "how_long": kept.how_long} for kept in KEPT],
        }

    def forget(self, customer_id: str, actor: str, reason: str, *, preview: bool = False) -> Forgetting:
        """Erase what the record of customers holds; RefusedError says why that must not be done now.

        Cases, notices and the audit log stay as they are: they have the id, and the log stays whole.
        """
        with self.lock:
            ids = self._ids(customer_id)
            cases = self._cases(ids)
            self._expect_forgettable(ids[0], cases)
            rows = {table: len(found) for table, found in self.store.held(ids).items()}
            if preview:
                return Forgetting(ids[0], rows, len(cases), done=False)
            data: dict[str, str | int] = {"customer": ids[0], "actor": actor, "reason": reason}
            data["rows"] = sum(rows.values())
            self.audit.append(AuditEvent("customer.forget-intended", data))
            gone = self.store.erase(ids)
            self.audit.append(AuditEvent("customer.forgotten", data | {"rows": sum(gone.values())}))
            return Forgetting(ids[0], gone, len(cases), done=True)

    def _expect_forgettable(self, customer_id: str, cases: Sequence[Case]) -> None:
        customer = self.register.store.get(customer_id)
        if customer.status != "ended":
            sources = [entry.origin for entry in self.register.store.entries_of(customer_id) if entry.status != "ended"]
            hint = f"end it in {', '.join(sources)} first: the next import would bring it back"
            raise RefusedError(f"customer {customer_id} is {customer.status} and cannot be forgotten", hint=hint)
        unfinished = [case.id for case in cases if case.state in UNFINISHED]
        if unfinished:
            hint = f"finish them first: goodhoster cases list --customer {customer_id}"
            told = ", ".join(unfinished[:5])
            raise RefusedError(f"customer {customer_id} has {len(unfinished)} unfinished cases: {told}", hint=hint)

    def _ids(self, customer_id: str) -> tuple[str, ...]:
        """The id of today, and the former ones."""
        now = self.register.resolve(customer_id)
        return (now, *self.register.store.former_ids(now))

    def _cases(self, ids: Sequence[str]) -> list[Case]:
        return [case for name in ids for case in self.cases.find(CaseQuery(customer=name))]


def _case_object(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "state": case.state.value,
        "path": str(case.upload.place),
        "opened_at": case.opened_at.isoformat(),
    }
