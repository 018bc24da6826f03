"""The facts that the reports of a period are made from, read once from record and log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from goodhoster.assembly.reports.check_counts import counted_days
from goodhoster.assembly.services import Services
from goodhoster.model.audit import AuditEntry
from goodhoster.model.customers.contact_requests import ContactState
from goodhoster.model.customers.standing import StepState
from goodhoster.model.customers.vetting import RiskLevel, VettingState
from goodhoster.ports import CaseQuery, CustomerQuery, NoticeQuery
from goodhoster.ports.common import utc_now
from goodhoster.reports.facts import Complaints, CustomerFigures, Facts
from goodhoster.reports.periods import Period
from goodhoster.reports.removals import Key, OutsideCheckEntry, needs_log, note_look, reported

_WAITS_LONG = timedelta(days=30)


def gather(services: Services, period: Period) -> Facts:
    """Read log and record once, for all reports of a period.

    Of notices only the URLs stay in memory, some hundred bytes each.
    """
    now = utc_now()
    facts, store = Facts(period, now), services.notices.store
    looks: dict[Key, list[OutsideCheckEntry]] = {}
    looked_up: set[Key] = set()
    deferred = []
    for notice in store.find(_notices_of(period)):
        if keys := [(notice.id, item.url) for item in notice.items if needs_log(item)]:
            looked_up.update(keys)
            deferred.append(notice.id)
        else:
            facts.take_notice(notice, reported(notice, {}))

    def noted() -> Iterator[AuditEntry]:
        for entry in services.audit.entries():
            note_look(looks, entry, looked_up)
            yield entry

    facts.take_log(noted(), counted_days(services, now))
    query = CaseQuery(opened_since=period.query_since, opened_before=period.query_until)
    for case in services.case_store.each(query):
        facts.take_case(case)
    for notice in map(store.get, deferred):
        facts.take_notice(notice, reported(notice, looks))
    if services.customers.in_use:
        facts.complaints = Complaints()
        for appeal in services.customers.standing.store.appeals():
            if appeal.received_at in period:
                facts.complaints.take(appeal)
    return facts


def customer_figures(services: Services, period: Period) -> CustomerFigures | None:
    """What is known of the customers; None without a register. Looks at each of them."""
    customers = services.customers
    if not customers.in_use:
        return None
    active = vetted = with_evidence = proven = 0
    for customer in customers.store.find(CustomerQuery(statuses=frozenset({"active", "suspended"}))):
        active += 1
        vetting, evidence = customers.vetting.assessed(customer)
        vetted += vetting.state is VettingState.VETTED
        with_evidence += bool(evidence)
        high_risk = vetting.risk.level is RiskLevel.HIGH
        proven += customers.contacts.status(customer.id, high_risk=high_risk).state is ContactState.VERIFIED
    steps = customers.standing.store.steps_in(frozenset(StepState))
    waiting = [step for step in steps if step.state is StepState.WAITING]
    long_ago = utc_now() - _WAITS_LONG
    return CustomerFigures(
        active,
        vetted,
        with_evidence,
        proven,
        enforcing=customers.standing.rules.enforce,
        steps=sum(bool(step.imposed_at and step.imposed_at in period) for step in steps),
        waiting=len(waiting),
        waiting_long=sum(step.announced_at < long_ago for step in waiting),
    )


def _notices_of(period: Period) -> NoticeQuery:
    return NoticeQuery(received_since=period.query_since, received_before=period.query_until)
