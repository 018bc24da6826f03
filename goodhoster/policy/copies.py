"""Which copies of a file that a notice names follow it. Pure, as `decide` is.

The notice speaks of one address. That the same bytes lie elsewhere says something of a picture and nothing of a page, a
script or an empty file, which many customers have in common; and a name alone says nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.notices import FoundBy

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
