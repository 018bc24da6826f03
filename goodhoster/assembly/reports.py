"""Reports of this machine, made from its record, log, index and quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from time import sleep
from urllib.parse import urlsplit

from goodhoster.assembly.services import Services
from goodhoster.audit.log import utc_now
from goodhoster.errors import GoodhosterError
from goodhoster.evidence.quarantine.survey import quarantined
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import Case
from goodhoster.model.uploads import display
from goodhoster.notices.sender.domains import organisational_domain
from goodhoster.ports import CaseQuery, CaseStore, NoticeQuery
from goodhoster.reports.documents import Document
from goodhoster.reports.facts import Facts
from goodhoster.reports.norm import mirror
from goodhoster.reports.norm_document import norm_document
from goodhoster.reports.outcomes import Comparison, Evidence, KnownFile, compare, confirmed, trails_of
from goodhoster.reports.periods import Period
from goodhoster.reports.removals import Key, Look, needs_log, note_look, reported
from goodhoster.reports.weekly import CHECKS_COUNTED, CountedDay, checks_by_day
from goodhoster.uploads.census import IndexCensus

_AT_ONCE = 500
_DAY = timedelta(days=1)
_LOOK_AGAIN_AFTER = 2.0
"""Seconds in which what was just being done ends."""


@dataclass(frozen=True, slots=True)
class OutcomeCheck:
    """The comparison, and what could not be compared."""

    comparison: Comparison
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


def each_case(store: CaseStore, query: CaseQuery) -> Iterator[Case]:
    """The cases that the query describes, oldest first, a few hundred in memory at a time."""
    ids = store.ids(query)
    for begin in range(0, len(ids), _AT_ONCE):
        yield from store.get_all(ids[begin : begin + _AT_ONCE])


def gather(services: Services, period: Period) -> Facts:
    """Read log and record once, for all reports of a period.

    Of notices only the URLs stay in memory, some hundred bytes each.
    """
    now = utc_now()
    facts, store = Facts(period, now), services.notices.store
    looks: dict[Key, list[Look]] = {}
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
    for case in each_case(services.case_store, query):
        facts.take_case(case)
    for notice in map(store.get, deferred):
        facts.take_notice(notice, reported(notice, looks))
    return facts


def norm_of(facts: Facts) -> Document:
    """The mirror of a period."""
    return norm_document(facts, mirror(facts.urls, facts.now, domain_of))


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


def hoster_of(services: Services) -> str:
    """The name under which reports are made."""
    return services.settings.notices.hoster


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
    return census.checks_between(begin, begin + timedelta(hours=23))


def count_checks(services: Services) -> None:
    """Write the checks of every whole day (UTC) that the log does not have yet to the log."""
    census, today = IndexCensus(services.index.database), utc_now().date()
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
    cases = each_case(services.case_store, CaseQuery())
    evidence = Evidence(trails, cases, None if unchecked else names, known)
    return OutcomeCheck(compare(evidence, utc_now()), tuple(unchecked))


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
