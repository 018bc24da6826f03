"""Personal data of customers: what is kept and why, all of it for the person, and its end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from goodhoster.customers.register import Register
from goodhoster.errors import RefusedError, recording
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, MeasureKind, MeasureState
from goodhoster.model.casework import Note
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, CustomerTraces, ForgottenCustomer, PersonalDataStore
from goodhoster.ports.customers import ForgottenUrl, ReportedUrls, SettledUrls

UNFINISHED = frozenset({CaseState.OPEN, CaseState.HELD, CaseState.FAILED, CaseState.RESTORING})
"""Cases in which somebody or something still has to act."""

LEFT_ONLINE = frozenset({CaseState.RESTORED, CaseState.OBSERVED})
"""Outcomes that the next check of the same file goes by: a person put it back, or only recorded was what is known."""


_FORGOTTEN = "customer.forgotten"


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
        "id and path until the customer is forgotten, or until no file of the case lies in quarantine any more, and"
        " none that was left or put back is online, if that is later; the rest as long as the record",
        forgotten=True,
    ),
    KeptData(
        "notes that people of the desk wrote on cases and notices, and who worked on them",
        "so that whoever goes on with it knows what is known already",
        "as [retention] casework says; at the latest until the customer is forgotten",
        forgotten=True,
    ),
    KeptData(
        "entries of the audit log: what was done, when, by whom, and keyed hashes of the customer's id, of paths and of"
        " reasons",
        "to prove that nothing was changed afterwards; an entry that is taken out breaks the proof",
        "as long as the log; the keys until the customer is forgotten: after that nobody can tell whom they are about",
        forgotten=True,
    ),
    KeptData(
        "older entries of the audit log, with the customer's id and paths in plain",
        "the same; they were signed as they are and cannot be changed",
        "as long as the log",
        forgotten=False,
    ),
    KeptData(
        "letters to the customer's own mail addresses",
        "to show what the customer was told, and when",
        "as the register",
        forgotten=True,
    ),
    KeptData(
        "notices: URLs on the customer's sites, and what the log says of those and caches were told about them",
        "to act on notices, to look again, to lift blocks, and to count how fast what was reported was gone",
        "until the customer is forgotten, or until the notice is done, the last look is over and no block or case"
        " needs them, if that is later; the rest of the notice as long as the record",
        forgotten=True,
    ),
    KeptData(
        "notices as they were received, and letters to others",
        "to show what was reported and answered, and when (legal claims)",
        "as `[retention]` says for raw_notices and letters, two years unless set otherwise",
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
    """That stay, without the customer's id and paths."""
    done: bool
    kept: tuple[str, ...] = ()
    """Cases that stay as they are, as their files still lie in quarantine or, left or put back, online, or a hold, an
    appeal or an order wants it: run the command again when that is over.
    """
    notices_kept: tuple[str, ...] = ()
    """Notices with a URL that is still needed, which stay as they are: run the command again when it is not."""
    traces: int = 0
    """Entries elsewhere that named the customer: cases, rows of the index, letters, alerts, keys of the log."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Exports and erases what is held of one customer; each access is in the audit log."""

    register: Register
    store: PersonalDataStore
    cases: CaseStore
    audit: AuditLog
    lock: FileLock
    traces: Sequence[CustomerTraces] = ()
    """What names customers beside the register; the keys of the audit log are the last."""
    reported: ReportedUrls | None = None
    """None where there was never a notice."""
    draw: Callable[[str, Sequence[str]], Mapping[str, str]] = lambda _customer, _urls: {}
    """Names that stand in place of URLs: the same for as long as a notice is kept."""
    needed_cases: Callable[[], Callable[[Case], bool]] = lambda: lambda _: False
    """Tells whether a hold, an appeal or an order wants a case kept as it is."""
    online: Callable[[Case], bool] = lambda _: False
    """Whether a file of a case is still where customers' files are, or that could not be seen."""
    notices_lock: AbstractContextManager[object] = field(default_factory=nullcontext)
    """Held while notices change."""
    notes_on: Callable[[Sequence[str]], Sequence[Note]] = lambda _: ()
    """What people of the desk noted on these cases."""

    def note_access(self, customer_id: str, actor: str, how: str) -> None:
        """Write into the audit log that somebody saw a customer's data."""
        self.audit.append(AuditEvent("customer.accessed", {"customer": customer_id, "actor": actor, "how": how}))

    def export(self, customer_id: str, actor: str) -> Mapping[str, object]:
        """Everything held about a customer, as JSON carries it. The audit log is written first."""
        ids = self._ids(customer_id)
        self.note_access(ids[0], actor, "export")
        cases = self._cases(ids)
        return {
            "customer": ids[0],
            "former_ids": list(ids[1:]),
            "record": self.store.held(ids),
            "cases": [_case_object(case) for case in cases],
            "notes": [_note_object(note) for note in self.notes_on([case.id for case in cases])],
            "kept_for": [{"what": kept.what, "why": kept.why, "how_long": kept.how_long} for kept in KEPT],
        }

    def forget(self, customer_id: str, actor: str, reason: str, *, preview: bool = False) -> Forgetting:
        """Erase what is held of a customer, and unlink cases and log.

        RefusedError says why that must not be done now.

        The log stays whole: only the keys of its references go. May be said again after a crash. A case whose file
        still lies in quarantine, or that a hold, an appeal or an order wants kept, is kept as it is, with its key; so
        is a notice with a URL that is still needed, and a case whose file was left or put back and is still online:
        without it the next check would decide about that file anew.
        """
        with self.lock, self.notices_lock:
            self._log_erased(after_crash=True)
            ids = self._ids(customer_id)
            cases = self._cases(ids)
            self._expect_forgettable(ids[0], cases)
            rows = {table: len(found) for table, found in self.store.held(ids).items()}
            forgotten = self._forgotten(ids, cases)
            left = len(forgotten.cases)
            urls = self.reported.settled_urls(ids, forgotten.kept) if self.reported else SettledUrls()
            if preview:
                return Forgetting(ids[0], rows, left, done=False, kept=forgotten.kept, notices_kept=urls.needed)
            drawn = self._drawn_names(ids[0], urls)
            forgotten = replace(forgotten, urls=drawn, notices=urls.whole, notices_kept=urls.needed)
            data = {"customer": ids[0], "actor": actor, "reason": reason, "name": forgotten.name}
            self.audit.append(AuditEvent("customer.forget-intended", data))
            traces = sum(trace.unlink(forgotten) for trace in self.traces)
            # Without the id: its key is gone, and must not be made again.
            note: dict[str, str | int] = {"name": forgotten.name, "actor": actor, "cases": left, "traces": traces}
            note |= {"cases_kept": len(forgotten.kept), "notices_kept": len(urls.needed)}
            gone = self.store.erase(ids, forgotten.name, note)
            with recording("the customer is forgotten: their rows and key are gone"):
                self._log_erased()
            stays = {"kept": forgotten.kept, "notices_kept": urls.needed}
            return Forgetting(ids[0], gone, left, done=True, traces=traces, **stays)

    def complete(self) -> None:
        """Write into the audit log what a crash left erased and unsaid."""
        with self.lock:
            self._log_erased(after_crash=True)

    def _log_erased(self, *, after_crash: bool = False) -> None:
        """Write into the audit log what is erased, once each."""
        unlogged = self.store.unlogged()
        entries = self.audit.entries() if unlogged and after_crash else ()
        logged = {entry.event.data["name"] for entry in entries if entry.event.kind == _FORGOTTEN}
        for name, note in unlogged.items():
            if name not in logged:
                self.audit.append(AuditEvent(_FORGOTTEN, note))
            self.store.note_logged(name)

    def _drawn_names(self, customer_id: str, settled: SettledUrls) -> tuple[ForgottenUrl, ...]:
        names = self.draw(customer_id, sorted({url for _, url in settled.urls}))
        return tuple(ForgottenUrl(notice, url, names[url], url in settled.elsewhere) for notice, url in settled.urls)

    def _forgotten(self, ids: Sequence[str], cases: Sequence[Case]) -> ForgottenCustomer:
        is_needed = self.needed_cases()
        kept = tuple(case.id for case in cases if self._is_kept(case) or is_needed(case))
        unlinked = [case for case in cases if case.id not in kept]
        customer = self.register.store.known(ids[0])
        return ForgottenCustomer(
            ids=tuple(ids),
            name=f"forgotten-{secrets.token_hex(6)}",
            cases=tuple(case.id for case in unlinked),
            kept=kept,
            addresses=tuple(
                contact.address for contact in (customer.contacts if customer else ()) if contact.kind == "email"
            ),
            paths=tuple({str(upload.place) for case in unlinked for upload in case.uploads}),
        )

    def _is_kept(self, case: Case) -> bool:
        if case.state in LEFT_ONLINE and not case.is_attempt:
            return self.online(case)
        return _in_quarantine(case)

    def _expect_forgettable(self, customer_id: str, cases: Sequence[Case]) -> None:
        customer = self.register.store.known(customer_id)
        if customer and (sources := self.register.store.naming(customer_id)):
            named = ", ".join(sources)
            hint = f"take it out of {named} and import that with --replace: the next import would bring it back"
            why = "is still named by a source and cannot be forgotten"
            raise RefusedError(f"customer {customer_id} is {customer.status}, {why}", hint=hint)
        unfinished = [case.id for case in cases if case.state in UNFINISHED]
        if unfinished:
            hint = f"finish them first: goodhoster cases list --customer {customer_id}"
            told = ", ".join(unfinished[:5])
            raise RefusedError(f"customer {customer_id} has {len(unfinished)} unfinished cases: {told}", hint=hint)

    def _ids(self, customer_id: str) -> tuple[str, ...]:
        """The id of today, and the former ones; an id that only cases name is itself."""
        if not self.register.store.known(customer_id) and self.cases.count(CaseQuery(customer=customer_id)):
            return (customer_id,)
        now = self.register.resolve(customer_id)
        return (now, *self.register.store.former_ids(now))

    def _cases(self, ids: Sequence[str]) -> list[Case]:
        return [case for name in ids for case in self.cases.find(CaseQuery(customer=name))]


def _in_quarantine(case: Case) -> bool:
    """Whether a file of it lies in quarantine: its path is needed to put it back."""
    return case.state is CaseState.OFFLINE and any(
        measure.kind is MeasureKind.QUARANTINE and measure.state is MeasureState.DONE for measure in case.measures
    )


def _case_object(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "state": case.state.value,
        "path": str(case.upload.place),
        "opened_at": case.opened_at.isoformat(),
    }


def _note_object(note: Note) -> dict[str, object]:
    return {"case": note.subject, "by": note.author, "at": note.at.isoformat(), "text": note.text}
