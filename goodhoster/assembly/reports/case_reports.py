"""Reports about single cases: to the police, to the EU's database, as XARF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from goodhoster.assembly.services import Services
from goodhoster.errors import RefusedError, UnclearUrlError
from goodhoster.locating.urls import read_url
from goodhoster.model.cases import CaseState
from goodhoster.ports import CaseQuery
from goodhoster.reports.case_files import Reporting, eu_record, police_report, xarf_of
from goodhoster.reports.periods import Period
from goodhoster.reports.removals import ORDER, kind_of_sender


def police_text(services: Services, case_ids: Sequence[str]) -> str:
    """The notification to the police about cases; RefusedError where there is no such case."""
    cases, wanted = services.case_store.get_all(case_ids), set(case_ids)
    entries = [entry for entry in services.audit.entries() if entry.event.data.get("case") in wanted]
    return police_report(cases, entries, _reporting(services))


def eu_records(services: Services, period: Period) -> Iterator[dict[str, Any] | None]:
    """A record for the EU's transparency database of each case of a period that is offline.

    None for each that must be withheld: its notice is confidential, or is lost and may have been.
    """
    kinds = {notifier.id: notifier.kind for notifier in services.notices.notifiers}
    offline = frozenset({CaseState.OFFLINE})
    query = CaseQuery(states=offline, opened_since=period.query_since, opened_before=period.query_until)
    for case in services.case_store.each(query):
        if not case.notice:
            yield eu_record(case, kinds)
            continue
        try:
            notice = services.notices.store.get(case.notice)
        except RefusedError:
            yield None
            continue
        withheld = notice.read is None or notice.read.is_confidential
        yield None if withheld else eu_record(case, kinds, by_order=kind_of_sender(notice) == ORDER)


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
