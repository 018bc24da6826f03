"""What a notice may lead to, and which copies of a file follow it. Pure, as `decide` is.

The notice speaks of one address. That the same bytes lie elsewhere says something of a picture and nothing of a page, a
script or an empty file, which many customers have in common; and a name alone says nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.notices import FoundBy, NotifierCaps
from goodhoster.policy.decide import Action, Decision
from goodhoster.policy.rules import HouseRules


@dataclass(frozen=True, slots=True)
class NoticeCircumstances:
    """What is true around a file or an address that a notice names."""

    doubt: str
    """Why a person must look first (the sender is not proven, the reading is not certain); empty when nobody must."""
    caps: NotifierCaps
    """How much this notifier may set in motion."""
    measures_last_hour: int
    """Automatic measures for this notifier in the last hour."""
    customer_measures_last_hour: int
    """Automatic measures for this notifier at this customer in the last hour."""
    overruled: bool = False
    """A named person restored the same content of the same customer before."""
    exempt: str = ""
    """The stated exemption that the file falls under, such as a public CMS release; empty when none."""


def decide_notice(rules: HouseRules, around: NoticeCircumstances) -> Decision:
    """Decide about a file that a notice names.

    A proven notice is acted on without judging it (sector code, addendum of December 2018), reversibly and within
    caps; everything else waits for a person (promise G6). Nothing is dropped.
    """
    held = _hold(around)
    if not rules.enforce:
        return Decision(Action.OBSERVE, f"would be held: {held}" if held else "would be taken offline")
    return Decision(Action.HOLD, held) if held else Decision(Action.QUARANTINE, "named by a proven notice")


def _hold(around: NoticeCircumstances) -> str:
    if around.doubt:
        return around.doubt
    if around.overruled:
        return "a person restored this content of this customer before"
    if around.exempt:
        return f"the file is exempt ({around.exempt}): a person decides"
    if around.measures_last_hour >= around.caps.per_hour:
        return f"cap: {around.measures_last_hour} measures for this notifier in the last hour (per_hour)"
    if around.customer_measures_last_hour >= around.caps.per_customer:
        return f"cap: {around.customer_measures_last_hour} measures at this customer in the last hour (per_customer)"
    return ""


ALIKE = 31
"""Bits of 256 in which two PDQ fingerprints of one picture differ at most (PDQ's own advice)."""


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What is known of a file that a notice leads to beside the one that it names."""

    found_by: FoundBy
    media: bool
    """A picture, a video or an archive."""
    exempt: bool = False
    """It falls under an exemption, such as a public CMS release."""
    same_customer: bool = True
    """Is it a file of the customer whose file the notice names?"""
    customers: int = 1
    """At so many customers these bytes lie, or were taken offline before."""
    looks_alike: bool = False
    """Does a fingerprint say that it shows the same as the file that it is another size of?"""


@dataclass(frozen=True, slots=True)
class CopyDecision:
    """Whether a copy goes with the file that the notice names."""

    follows: bool
    held: str = ""
    """Why a person decides about it; empty where it follows, and where it is nobody's business."""


FOLLOWS = CopyDecision(follows=True)
STAYS = CopyDecision(follows=False)


def decide_copy(facts: CopyFacts, storm_customers: int) -> CopyDecision:
    """Decide about a copy of a file that a notice names (promise G5).

    The same bytes follow at the same customer, and at others until they lie at `storm_customers`; another size
    follows where the CMS's own rule or a fingerprint says that it is one.
    """
    if facts.exempt:
        return STAYS
    if facts.found_by is FoundBy.URL:
        return FOLLOWS
    if not facts.media:
        return STAYS
    if facts.found_by is FoundBy.VARIANT and not facts.looks_alike:
        return CopyDecision(follows=False, held="by its name alone another size of a picture that a notice names")
    if not facts.same_customer and facts.customers >= storm_customers:
        why = f"storm: a copy of a file that a notice names, whose bytes lie at {facts.customers} customers"
        return CopyDecision(follows=False, held=why)
    return FOLLOWS


def look_alike(one: Iterable[Fingerprint], other: Iterable[Fingerprint]) -> bool:
    """Do two pictures show the same, by PDQ? False where one of them shows too little to tell."""
    others = [each for each in other if _tells(each)]
    return any(each.distance(two.value) <= ALIKE for each in one if _tells(each) for two in others)


def _tells(fingerprint: Fingerprint) -> bool:
    return fingerprint.kind is FingerprintKind.PDQ and fingerprint.matchable
