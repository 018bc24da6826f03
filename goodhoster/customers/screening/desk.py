"""The screening desk.

Compares customers with a list, keeps what it finds, and lets a person decide.

A finding never acts. Only what is new or has changed, on either side, is compared again; what was decided is asked
again when what the decision rested on has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from goodhoster.customers.screening.name_index import WordCounts
from goodhoster.customers.screening.party_index import PartyIndex
from goodhoster.customers.screening.reading import FIELDS, ListFile
from goodhoster.customers.vetting.citizen_numbers import refuse_personal_numbers
from goodhoster.errors import RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.customers.screening import (
    FieldComparison,
    Party,
    ScreeningDecision,
    ScreeningFinding,
    ScreeningRun,
)
from goodhoster.model.ids import new_id
from goodhoster.ports import AuditLog, Clock
from goodhoster.ports.screening import ScreeningStore

Pair = tuple[str, str]
"""The ids of an entry and of a customer."""
_WIDE = 50
_WIDE_SHARE = 20
"""An entry that resembles more than 50 customers, and more than one in 20, is told and makes no findings."""


@dataclass(frozen=True, slots=True)
class ScreeningParts:
    """What the desk works with."""

    parties: Callable[[], Iterable[Party]]
    """Every customer as it is compared."""
    store: ScreeningStore
    audit: AuditLog
    clock: Clock
    lock: AbstractContextManager[object]


@dataclass(slots=True)
class _Comparing:
    """What one run has seen so far."""

    known_entries: Mapping[str, bytes]
    entries: int = 0
    fresh: dict[str, bytes] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    pairs: dict[Pair, tuple[FieldComparison, ...]] = field(default_factory=dict)


_BY_PERSON = frozenset({ScreeningDecision.MATCH, ScreeningDecision.NO_MATCH})


def _expect_undecided(finding: ScreeningFinding) -> None:
    if finding.decision in _BY_PERSON:
        at = f" at {finding.decided_at:%Y-%m-%d %H:%M:%S} UTC" if finding.decided_at else ""
        message = f"finding {finding.id} was decided by {finding.actor}{at} as {finding.decision}"
        raise RefusedError(f"{message}: {finding.reason}", hint="to decide otherwise all the same: --overrule")


class ScreeningDesk:
    """The screening of customers."""

    def __init__(self, parts: ScreeningParts) -> None:
        self._parts = parts

    def screen(self, name: str, file: Path, order: Order, *, smaller: bool = False) -> ScreeningRun:
        """Compare every customer with a list, as far as either has changed.

        RefusedError where the list cannot be read, has no entry, or (without `smaller`) lost more than half of them.
        """
        with self._parts.lock:
            store, listed = self._parts.store, ListFile(file, name)
            customers = {party.id: party for party in self._parts.parties()}
            prints = {name_: fingerprint(party) for name_, party in customers.items()}
            known = store.fingerprints(name, "customer")
            changed = [party for party in customers.values() if known.get(party.id) != prints[party.id]]
            compared = _Comparing(store.fingerprints(name, "entry"))
            self._compare(listed, list(customers.values()), changed, compared)
            if not compared.entries:
                raise RefusedError(
                    f"the list {name} has no entry that can be read", hint="nothing was changed: look at the file"
                )
            # Where something could not be read, nothing is known to have gone.
            gone = _gone(compared, name, smaller=smaller) if not listed.unread_count else []
            asked_anew = [*compared.fresh, *gone]
            lost = [*(party.id for party in changed), *(known.keys() - customers.keys())]
            # A person may have decided while it was compared: what is on record now counts.
            with store.together():
                before = self._findings_about(name, asked_anew, lost)
                unsure = _unsure(listed, compared, before, frozenset(customers))
                saved = list(self._changed_findings(name, compared.pairs, before, unsure))
                asked_again = {customer for _, customer in unsure}
                remembered = [party for party in changed if party.id not in asked_again]
                run = _run(listed, compared, saved)
                run = replace(run, list_name=name, customers=len(customers), compared_customers=len(changed))
                self._log(run, order)
                for finding in saved:
                    store.save(finding)
                store.remember(name, "entry", compared.fresh.items())
                store.remember(name, "customer", ((party.id, prints[party.id]) for party in remembered))
                store.forget(name, "entry", gone)
                store.forget(name, "customer", known.keys() - customers.keys())
            open_now = sum(1 for _ in store.find(decisions=frozenset({ScreeningDecision.OPEN}), list_name=name))
            return replace(run, open=open_now)

    def _findings_about(
        self, name: str, entries: Sequence[str], customers: Sequence[str]
    ) -> dict[Pair, ScreeningFinding]:
        store = self._parts.store
        found = (*store.of_pairs(name, "entry", entries), *store.of_pairs(name, "customer", customers))
        return {(each.entry, each.customer): each for each in found}

    def decide(
        self, finding_id: str, decision: ScreeningDecision, order: Order, *, overrule: bool = False
    ) -> ScreeningFinding:
        """Record a person's decision about a finding.

        It is asked again when what the decision rests on changes.

        RefusedError where somebody decided before, unless `overrule` says that this is known.
        """
        if decision not in _BY_PERSON:
            raise RefusedError(f"{decision} is not a decision of a person", hint="match or no-match")
        reason = refuse_personal_numbers(order.reason, "the reason")
        with self._parts.store.together():
            finding = self._parts.store.get(finding_id)
            if not overrule:
                _expect_undecided(finding)
            overruled = (
                {"overruled": finding.actor} if finding.decision is not ScreeningDecision.OPEN and overrule else {}
            )
            data = {
                "finding": finding.id,
                "list": finding.list_name,
                "customer": finding.customer,
                "decision": decision,
                "by": order.actor,
                "reason": reason,
                **overruled,
            }
            self._parts.audit.append(AuditEvent("screening.decided", data))
            decided = replace(
                finding,
                decision=decision,
                decided_at=self._parts.clock(),
                actor=order.actor,
                reason=reason,
                asked_again=False,
            )
            self._parts.store.save(decided)
        return decided

    def complete(self, part: str) -> str:
        """The finding that a person means by a part of its id."""
        return self._parts.store.complete(part)

    def findings(
        self, decisions: frozenset[ScreeningDecision] = frozenset(), list_name: str = "", customer: str = ""
    ) -> Iterator[ScreeningFinding]:
        """The findings, oldest first; every argument that is given narrows."""
        return self._parts.store.find(decisions=decisions, list_name=list_name, customer=customer)

    def erase(self, customer_id: str) -> None:
        """Erase what is kept of a customer; the audit log keeps ids and decisions."""
        self._parts.store.erase_screening(customer_id)

    def _compare(
        self, listed: ListFile, customers: Sequence[Party], changed: Sequence[Party], compared: _Comparing
    ) -> None:
        """Compare new entries with everybody, and the others with the customers that changed."""
        counts = WordCounts(customers)
        with_all: PartyIndex | None = None
        with_changed = PartyIndex(changed, counts) if changed else None
        for entry in listed.entries():
            compared.entries += 1
            compared.seen.add(entry.id)
            print_ = fingerprint(entry)
            index = with_changed
            if compared.known_entries.get(entry.id) != print_:
                if entry.id not in listed.partial:
                    compared.fresh[entry.id] = print_
                if len(changed) < len(customers):
                    with_all = index = with_all or PartyIndex(customers, counts)
            found = list(index.resembling(entry)) if index is not None else []
            if len(found) > _WIDE and len(found) * _WIDE_SHARE > len(customers):
                listed.note_unread(
                    f"entry {entry.id}: it resembles {len(found)} customers, so it says nothing about any"
                )
                compared.fresh.pop(entry.id, None)  # it is told again the next time
                continue
            for party, comparisons in found:
                compared.pairs[entry.id, party.id] = comparisons

    def _changed_findings(
        self,
        name: str,
        pairs: Mapping[Pair, tuple[FieldComparison, ...]],
        before: Mapping[Pair, ScreeningFinding],
        unsure: frozenset[Pair],
    ) -> Iterator[ScreeningFinding]:
        """The findings that are new, or are another thing than before."""
        now = self._parts.clock()
        for (entry, customer), comparisons in pairs.items():
            known = before.get((entry, customer))
            if known is None:
                yield ScreeningFinding(new_id(now, "s"), name, entry, customer, comparisons, now)
            elif known.decision is ScreeningDecision.WITHDRAWN or known.comparisons != comparisons:
                was_decided = known.decision in _BY_PERSON
                again = known.asked_again or was_decided
                yield replace(known, comparisons=comparisons, decision=ScreeningDecision.OPEN, asked_again=again)
        for pair, known in before.items():
            if pair not in pairs and pair not in unsure and known.decision is ScreeningDecision.OPEN:
                yield replace(known, decision=ScreeningDecision.WITHDRAWN)

    def _log(self, run: ScreeningRun, order: Order) -> None:
        data: dict[str, str | int | bool | list[str] | None] = {
            "list": run.list_name,
            "entries": run.entries,
            "customers": run.customers,
            "found": run.found,
            "withdrawn": run.withdrawn,
            "unread": run.unread_count,
            "by": order.actor,
        }
        self._parts.audit.append(AuditEvent("screening.done", data))


def _unsure(
    listed: ListFile, compared: _Comparing, before: Mapping[Pair, ScreeningFinding], customers: frozenset[str]
) -> frozenset[Pair]:
    """Earlier findings whose entry could not be read whole this time.

    Nothing is known to have changed about them.
    """
    if not listed.unread_count:
        return frozenset()
    read = compared.seen - listed.partial
    return frozenset(pair for pair in before if pair[0] not in read and pair[1] in customers)


def _run(listed: ListFile, compared: _Comparing, saved: Sequence[ScreeningFinding]) -> ScreeningRun:
    withdrawn = sum(each.decision is ScreeningDecision.WITHDRAWN for each in saved)
    return ScreeningRun(
        entries=compared.entries,
        compared_entries=len(compared.fresh),
        found=len(saved) - withdrawn,
        withdrawn=withdrawn,
        unread=tuple(listed.unread),
        unread_count=listed.unread_count,
    )


def fingerprint(party: Party) -> bytes:
    """A digest of everything that is compared of a party."""
    values = (party.kind, *(getattr(party, name) for name in FIELDS if name != "remarks"))
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).digest()[:16]


def _gone(compared: _Comparing, name: str, *, smaller: bool) -> list[str]:
    """The entries that the list has no more; RefusedError where that are too many."""
    gone = [entry for entry in compared.known_entries if entry not in compared.seen]
    if len(gone) * 2 > len(compared.known_entries) and not smaller:
        raise RefusedError(
            f"the list {name} has lost {len(gone)} of {len(compared.known_entries)} entries; nothing was changed",
            hint="is it whole, and the same list? then give --smaller, or another --name",
        )
    return gone
