"""Reports of this machine, made from its record, log, index and quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlsplit

from goodhoster.assembly.audit import checkpoints, origin
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts
from goodhoster.audit.verify import SignedNote
from goodhoster.errors import GoodhosterError, RefusedError, UnclearUrlError
from goodhoster.evidence.quarantine.survey import quarantined
from goodhoster.locating.urls import read_url
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.contact_requests import ContactState
from goodhoster.model.customers.standing import StepState
from goodhoster.model.customers.vetting import RiskLevel, VettingState
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.uploads import display
from goodhoster.notices.sender.domains import organisational_domain
from goodhoster.ports import CaseQuery, CustomerQuery, NoticeQuery
from goodhoster.ports.common import utc_now
from goodhoster.reports.bundle import File, files_of, verify_bundle, write_bundle
from goodhoster.reports.case_files import Reporting, eu_record, police_report, xarf_of
from goodhoster.reports.conduct import Installation, NormId, conduct, conduct_document
from goodhoster.reports.documents import Document, as_text
from goodhoster.reports.facts import Complaints, CustomerFigures, Facts
from goodhoster.reports.measures import measures_document
from goodhoster.reports.norm import Mirror, mirror
from goodhoster.reports.norm_document import norm_document
from goodhoster.reports.outcomes import ComparedRecords, KnownFile, OutcomeComparison, compare, confirmed, trails_of
from goodhoster.reports.periods import Period, month_before
from goodhoster.reports.proofs import read_proofs
from goodhoster.reports.removals import Key, OutsideCheckEntry, needs_log, note_look, reported
from goodhoster.reports.transparency import transparency_document
from goodhoster.reports.weekly import CHECKS_COUNTED, CountedDay, checks_by_day
from goodhoster.reports.weekly_document import weekly_document
from goodhoster.settings import Settings
from goodhoster.uploads.census import IndexCensus

_DAY = timedelta(days=1)
_WAITS_LONG = timedelta(days=30)
_LOOK_AGAIN_AFTER = 2.0
"""Seconds in which what was just being done ends."""


@dataclass(frozen=True, slots=True)
class OutcomeCheck:
    """The comparison, and what could not be compared."""

    comparison: OutcomeComparison
    unchecked: tuple[str, ...] = ()


def check_outcomes(services: Services) -> OutcomeCheck:
    """Compare record, log, index and quarantine.

    A finding is only one that is still there when all is read a second time, a moment later.
    """
    first = _compare(services)
    if not first.comparison.findings:
        return first
    sleep(_LOOK_AGAIN_AFTER)
    second = _compare(services)
    return OutcomeCheck(confirmed(first.comparison, second.comparison), second.unchecked)


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

    facts.take_log(noted(), _of_the_index(services, now))
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


class ReportMaker:
    """The reports of one period, all made from the same facts."""

    def __init__(self, services: Services, period: Period) -> None:
        self._services = services
        self.proofs = read_proofs(services.settings.reports.proofs, list(NormId))
        self.facts = gather(services, period)
        self._mirror: Mirror | None = None
        self._installation: Installation | None = None

    def make(self, name: str) -> Document:
        """One report, by its name."""
        made: Mapping[str, Callable[[], Document]] = {
            "norm": lambda: norm_document(self.facts, self.mirror),
            "weekly": lambda: weekly_document(self.facts),
            "conduct": self._conduct,
            "transparency": lambda: transparency_document(self.facts, self.mirror, self.proofs.people),
            "measures": lambda: measures_document(self.facts, self.installation, self.proofs),
        }
        return made[name]()

    @property
    def mirror(self) -> Mirror:
        """The figures of the mirror."""
        if self._mirror is None:
            self._mirror = mirror(self.facts.urls, self.facts.now, domain_of)
        return self._mirror

    @property
    def installation(self) -> Installation:
        """What configuration and moment tell."""
        if self._installation is None:
            self._installation = _installation(self._services)
        return self._installation

    @property
    def hoster(self) -> str:
        """The name under which reports are made."""
        return self._services.settings.notices.hoster

    def _conduct(self) -> Document:
        self.facts.customers = customer_figures(self._services, self.facts.period)
        findings = conduct(self.facts, self.mirror, self.installation, self.proofs)
        return conduct_document(self.facts, findings, self.proofs)


REPORTS = ("norm", "weekly", "conduct", "transparency", "measures")
"""Every report of a period, by name."""


def write_all(services: Services, period: Period, directory: Path) -> SignedNote:
    """Write every report of a period into a new directory, with a signed index."""
    from goodhoster.reports.pages import page_of

    maker = ReportMaker(services, period)
    book = checkpoints(services.settings)

    def files() -> Iterator[File]:
        for name in REPORTS:
            yield from files_of(maker.make(name), lambda document: page_of(document, maker.facts, maker.hoster))
        yield "audit.checkpoint", [book.issue(origin(services.settings)).write()]

    return write_bundle(directory, files(), lambda text: book.sign_text(text, origin(services.settings)))


def send_monthly(services: Services) -> None:
    """Put the figures of the last whole month into the outbox, for everybody who is to get them.

    Each gets them once, however often this is called.
    """
    month = month_before(utc_now().date())
    due = {_letter_id(month, address): address for address in services.settings.reports.monthly_to}
    due = {name: address for name, address in due.items() if not services.notices.outbox.has(name)}
    if not due:
        return
    maker = ReportMaker(services, month)
    text = "\n\n".join(as_text(maker.make(name), tables=1) for name in ("norm", "weekly", "conduct"))
    for name, address in due.items():
        subject = f"goodhoster: figures of {month.name}"
        services.notices.outbox.put(
            Letter(name, LetterKind.REPORT, address, subject, f"{maker.hoster}, {month.name}\n\n{text}")
        )


def _letter_id(month: Period, address: str) -> str:
    return f"{month.name}-report-{hashlib.sha256(address.lower().encode()).hexdigest()[:12]}"


def verify_all(settings: Settings, directory: Path) -> list[str]:
    """What is not as it was signed in a directory that `write_all` made."""
    return verify_bundle(directory, checkpoints(settings).known_keys())


def police_text(services: Services, case_ids: Sequence[str]) -> str:
    """The notification to the police about cases; RefusedError where there is no such case."""
    cases, wanted = services.case_store.get_all(case_ids), set(case_ids)
    entries = [entry for entry in services.audit.entries() if entry.event.data.get("case") in wanted]
    return police_report(cases, entries, _reporting(services))


def eu_records(services: Services, period: Period) -> Iterator[dict[str, Any]]:
    """A record for the EU's transparency database of each case of a period that is offline."""
    kinds = {notifier.id: notifier.kind for notifier in services.notices.notifiers}
    offline = frozenset({CaseState.OFFLINE})
    query = CaseQuery(states=offline, opened_since=period.query_since, opened_before=period.query_until)
    for case in services.case_store.each(query):
        yield eu_record(case, kinds)


def xarf_report(services: Services, case_id: str, url: str, classification: str | None) -> dict[str, Any]:
    """Our own detection as XARF; RefusedError where the URL is none, or is not reported so."""
    try:
        address = read_url(url)[0].href
    except UnclearUrlError as error:
        raise RefusedError(
            f"{url!r} is not a URL: {error}", hint="such as https://customer.example/picture.jpg"
        ) from error
    return xarf_of(services.case_store.get(case_id), address, classification, _reporting(services))


def _reporting(services: Services) -> Reporting:
    head = services.notices.letterhead
    contact = head.objections or "no address is set: see [smtp] sender"
    return Reporting(head.hoster, contact, contact.partition("@")[2])


def _installation(services: Services) -> Installation:
    notices = services.settings.notices
    ways = {
        "LMTP": notices.lmtp,
        "HTTP": notices.listen,
        "Maildir": notices.maildir,
        "IMAP": services.settings.imap,
    }
    check = check_outcomes(services)
    return Installation(
        enforcing=services.rules.enforce,
        sources=len(services.settings.hash_sources),
        ways_in=tuple(name for name, configured in ways.items() if configured),
        answers=services.settings.smtp is not None,
        without_outcome=None if check.unchecked else len(check.comparison.findings),
    )


def domain_of(url: str) -> str:
    """The registered domain of a URL.

    The host itself where it has none, empty where it is no URL.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return _organisational_domain(host) if host else ""


_organisational_domain = cache(organisational_domain)


def _notices_of(period: Period) -> NoticeQuery:
    return NoticeQuery(received_since=period.query_since, received_before=period.query_until)


def _of_the_index(services: Services, now: datetime) -> Iterator[CountedDay]:
    """The checks of every day that the index still has."""
    census = IndexCensus(services.index.database)
    since = census.counted_since()
    day = since.date() if since else now.date() + _DAY
    while day <= now.date():
        yield CountedDay(day, _checks_of(census, day))
        day += _DAY


def _checks_of(census: IndexCensus, day: date) -> int:
    begin = datetime.combine(day, time(), UTC)
    return census.checks_between(begin, begin + timedelta(hours=23))  # both ends are hours that count


def count_checks(services: Services, today: date) -> None:
    """Add to the log the checks of every whole day (UTC) before today that it does not have yet."""
    census = IndexCensus(services.index.database)
    since = census.counted_since()
    if since is None:
        return
    day = since.date()  # of what was before, nobody knows: those days stay uncounted
    for counted in checks_by_day(services.audit.entries()):
        day = max(day, counted.day + _DAY)
    events = []
    while day < today:
        events.append(AuditEvent(CHECKS_COUNTED, {"day": day.isoformat(), "checks": _checks_of(census, day)}))
        day += _DAY
    services.audit.append_all(events)


def _compare(services: Services) -> OutcomeCheck:
    trails = trails_of(services.audit.entries())
    names, unchecked = _quarantined(services)
    known: Iterable[KnownFile] = ()
    try:
        found = IndexCensus(services.index.database).known_files()
        known = [KnownFile(customer, str(place), sha256.hex()) for customer, place, sha256 in found]
    except GoodhosterError as error:
        unchecked.append(str(error))
    cases = services.case_store.each(CaseQuery())
    evidence = ComparedRecords(trails, cases, None if unchecked else names, known)
    return OutcomeCheck(compare(evidence, utc_now()), (*unchecked, *lost_parts(services.settings)))


def _quarantined(services: Services) -> tuple[set[str], list[str]]:
    """Names of all files in quarantine, and the trees that could not be looked at."""
    names: set[str] = set()
    unchecked = []
    for tree in services.trees:
        try:
            names.update(quarantined(tree.root))
        except (GoodhosterError, OSError) as error:
            unchecked.append(f"the quarantine of {display(tree.root)} cannot be read: {error}")
    return names, unchecked
