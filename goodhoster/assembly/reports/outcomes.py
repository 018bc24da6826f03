"""The comparison of record, log, index and quarantine of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import sleep

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts
from goodhoster.errors import GoodhosterError
from goodhoster.evidence.quarantine.survey import quarantined
from goodhoster.model.uploads import display
from goodhoster.ports import CaseQuery
from goodhoster.ports.common import utc_now
from goodhoster.reports.outcomes import ComparedRecords, KnownFile, OutcomeComparison, compare, confirmed, trails_of
from goodhoster.uploads.census import IndexCensus

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
