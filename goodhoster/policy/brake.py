"""The storm brake, pure: why a person must look first (promise G5). It holds, never drops.

A source that is in a storm is not believed alone: when another source that is not in one matches too, that one is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from goodhoster.model.storms import FILE_CAPS, CapKinds, Cause, StormKind, StormState
from goodhoster.policy.circumstances import Circumstances, Rate, SourceRecord
from goodhoster.policy.rules import HouseRules

USUAL = Rate(matches=4, checks=10_000)
"""The least that counts as a source's past: the hash service's own average, 7.4 million matches of 18.2 billion
checks (Kamerstuk 31 015, nr. 203). A new source is measured by it, and a quiet one is not braked for its second match.
"""
_ENOUGH_PAST = 10_000
"""Checks a day ago and before, without which this host has no past to compare with: then the caps alone brake."""


@dataclass(frozen=True, slots=True)
class Braked:
    """One reason to hold."""

    cause: Cause
    reason: str
    begins: bool
    """No storm of this cause brakes yet: one begins now."""


@dataclass(frozen=True, slots=True)
class Braking:
    """What the brake says of one upload."""

    held: Braked | None
    """Why a person must look first; None when nobody must."""
    begun: tuple[Braked, ...] = ()
    """Storms that begin now, whether they hold this upload or not."""


def brake(sources: Sequence[str], rules: HouseRules, around: Circumstances) -> Braking:
    """`sources` are those that want the upload offline.

    The narrowest cause is named: one storm begins for one reason, not a second one for the same measures.
    """
    by_source = [_of_source(source, rules, around) for source in sources]
    suspect = [braked for braked in by_source if braked]
    all_suspect = len(suspect) == len(by_source)
    of_sources = suspect[0] if suspect and all_suspect else None
    reasons = (_of_content(rules, around), _of_customer(rules, around), of_sources)
    held = next((reason for reason in reasons if reason), None)
    aside = () if all_suspect else tuple(suspect)
    begun = (held, *aside) if held else aside
    return Braking(held, tuple(braked for braked in begun if braked.begins))


def exempted(sources: Sequence[str], exemption: str, around: Circumstances) -> Braking:
    """A storm for each source that knows an exempt content; it holds this content only."""
    found = [_of_exemption(source, exemption, around) for source in sources]
    return Braking(found[0], tuple(braked for braked in found if braked.begins))


def _of_exemption(source: str, exemption: str, around: Circumstances) -> Braked:
    cause = Cause(StormKind.EXEMPTION, source)
    reason = f"{source} knows what is exempt here ({exemption})"
    return _known_storm(cause, around) or Braked(cause, reason, begins=True)


def _of_content(rules: HouseRules, around: Circumstances) -> Braked | None:
    causes = around.caps.of_content(bytes.fromhex(around.content))
    for cause in causes:
        if cause in around.storms:
            return _known_storm(cause, around)
    if around.customers < rules.storm_customers:
        return None
    return Braked(causes[0], f"the same content at {around.customers} customers (storm_customers)", begins=True)


def _of_source(source: str, rules: HouseRules, around: Circumstances) -> Braked | None:
    known = (_known_storm(cause, around) for cause in causes_of_source(source, around.caps))
    record = around.sources.get(source, SourceRecord())
    found = next((braked for braked in known if braked), None)
    return (
        found
        or _source_cap(Cause(around.caps.source_cap, source), record, rules)
        or _source_rate(source, record, rules)
    )


def causes_of_source(source: str, caps: CapKinds = FILE_CAPS) -> Iterator[Cause]:
    """The causes of storms that can make a source lose its word."""
    yield Cause(caps.source_cap, source)
    yield Cause(StormKind.SOURCE_RATE, source)


def _source_cap(cause: Cause, record: SourceRecord, rules: HouseRules) -> Braked | None:
    if record.measures_last_hour < rules.source_cap:
        return None
    setting = "measures_per_hour" if rules.source_measures_per_hour is None else "source_measures_per_hour"
    reason = f"{record.measures_last_hour} contents by {cause.about} in the last hour ({setting})"
    return Braked(cause, reason, begins=True)


def _source_rate(source: str, record: SourceRecord, rules: HouseRules) -> Braked | None:
    recent, past = record.recent, record.past
    if recent.matches < rules.rate_matches or past.checks < _ENOUGH_PAST:
        return None
    usual = max(past, USUAL, key=lambda rate: rate.matches / rate.checks)
    if recent.matches * usual.checks <= rules.rate_times * usual.matches * recent.checks:
        return None
    reason = (
        f"{source} knew {recent.matches} of {recent.checks} contents in the last hour, "
        f"and {usual.matches} of {usual.checks} is usual (rate_times)"
    )
    return Braked(Cause(StormKind.SOURCE_RATE, source), reason, begins=True)


def _of_customer(rules: HouseRules, around: Circumstances) -> Braked | None:
    cause = Cause(around.caps.customer_cap, around.customer)
    if found := _known_storm(cause, around):
        return found
    if around.customer_measures_last_hour < rules.measures_per_hour:
        return None
    reason = f"{around.customer_measures_last_hour} contents of customer {around.customer} in the last hour"
    return Braked(cause, f"{reason} (measures_per_hour)", begins=True)


def _known_storm(cause: Cause, around: Circumstances) -> Braked | None:
    """The hold of a storm that nobody released; None also for a released storm of this content."""
    storm = around.storms.get(cause)
    if storm is None or not storm.braking:
        return None
    undone = "a person undid this storm: " if storm.state is StormState.UNDONE else ""
    return Braked(cause, undone + storm.reason, begins=False)
