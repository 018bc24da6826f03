"""Which evidence a customer needs at which risk, and what its evidence comes to.

Pure, from values alone.

Unknown never passes: what was not checked, could not be checked, or has expired counts as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

from goodhoster.model.customers.vetting import (
    CheckOutcome,
    Requirement,
    RiskEstimate,
    RiskFact,
    RiskLevel,
    RiskReason,
    Vetting,
    VettingEvidence,
    VettingEvidenceKind,
    VettingState,
)

DEFAULT_REQUIRED: Mapping[RiskLevel, tuple[VettingEvidenceKind, ...]] = MappingProxyType(
    {
        RiskLevel.LOW: (VettingEvidenceKind.EMAIL,),
        RiskLevel.NORMAL: (VettingEvidenceKind.EMAIL, VettingEvidenceKind.PAYMENT_METHOD),
        RiskLevel.HIGH: (
            VettingEvidenceKind.IDENTITY_DOCUMENT,
            VettingEvidenceKind.EMAIL,
            VettingEvidenceKind.PAYMENT_METHOD,
        ),
    }
)
DEFAULT_WEIGHTS: Mapping[RiskFact, int] = MappingProxyType(
    {
        RiskFact.OPEN_UPLOAD: 30,
        RiskFact.IMAGE_HOST: 40,
        RiskFact.FILE_LOCKER: 40,
        RiskFact.ANONYMOUS_PAYMENT: 25,
        RiskFact.FREE_DOMAINS: 15,
        RiskFact.RESELLER: 20,
        RiskFact.OWN_RECORD: 40,
    }
)
RISK_WORDS: Mapping[RiskFact, tuple[str, str]] = MappingProxyType(
    {
        RiskFact.OPEN_UPLOAD: ("anybody can upload without an account", "uploads need an account, or there are none"),
        RiskFact.IMAGE_HOST: ("hosts pictures of others", "no image host"),
        RiskFact.FILE_LOCKER: ("stores and shares files of others", "no file locker"),
        RiskFact.ANONYMOUS_PAYMENT: ("pays in a way that names nobody", "pays by name"),
        RiskFact.FREE_DOMAINS: ("uses free domains", "uses no free domains"),
        RiskFact.RESELLER: ("resells to others", "resells to nobody"),
        RiskFact.OWN_RECORD: ("had known material here before", "had no known material here before"),
    }
)
_YEAR, _HALF_YEAR = timedelta(days=365), timedelta(days=182)
EVIDENCE_WORDS: Mapping[VettingEvidenceKind, str] = MappingProxyType(
    {
        VettingEvidenceKind.IDENTITY_DOCUMENT: "an identity document, checked",
        VettingEvidenceKind.COMPANY_NUMBER: "a company number, checked with its register",
        VettingEvidenceKind.EMAIL: "a mail address, proven to answer",
        VettingEvidenceKind.PHONE: "a telephone number, proven to answer",
        VettingEvidenceKind.PAYMENT_METHOD: "a payment method in the customer's name",
        VettingEvidenceKind.RESELLER_STATEMENT: "the reseller's statement that it vetted its customer",
        VettingEvidenceKind.TRADER_DETAILS: "the trader's details of Article 30 DSA, complete",
    }
)
_OUTCOME_WORDS: Mapping[CheckOutcome, str] = MappingProxyType(
    {
        CheckOutcome.FAILED: "failed",
        CheckOutcome.RETRY: "to be tried again by the customer",
        CheckOutcome.REVIEW: "waits for a person",
        CheckOutcome.PENDING: "under way",
        CheckOutcome.ABANDONED: "abandoned by the customer",
        CheckOutcome.EXPIRED: "expired",
        CheckOutcome.UNCHECKED: "could not be checked",
    }
)
_UNDER_WAY = frozenset({CheckOutcome.REVIEW, CheckOutcome.PENDING, CheckOutcome.RETRY})
_NO_ATTEMPT = frozenset({CheckOutcome.UNCHECKED, CheckOutcome.PENDING, CheckOutcome.ABANDONED})
"""Outcomes that say nothing about the customer: they do not replace what was known before."""


@dataclass(frozen=True, slots=True)
class VettingPolicy:
    """The rules as data, made from [vetting]."""

    required: Mapping[RiskLevel, tuple[VettingEvidenceKind, ...]] = field(default_factory=lambda: DEFAULT_REQUIRED)
    valid_for: timedelta = _YEAR
    valid_for_high: timedelta = _HALF_YEAR
    weights: Mapping[RiskFact, int] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    normal_from: int = 20
    high_from: int = 50

    def validity(self, level: RiskLevel) -> timedelta:
        """How long evidence counts at a risk."""
        return self.valid_for_high if level is RiskLevel.HIGH else self.valid_for


def estimate_risk(facts: Mapping[RiskFact, bool], policy: VettingPolicy) -> RiskEstimate:
    """Estimate the risk from what is known.

    What nobody knows adds nothing, but keeps the level from being low.
    """
    reasons = tuple(_reason(fact, facts.get(fact), policy.weights.get(fact, 0)) for fact in RiskFact)
    points = sum(each.points for each in reasons)
    if points >= policy.high_from:
        level = RiskLevel.HIGH
    elif points >= policy.normal_from or any(each.holds is None and each.weight for each in reasons):
        level = RiskLevel.NORMAL
    else:
        level = RiskLevel.LOW
    return RiskEstimate(level, points, reasons)


def _reason(fact: RiskFact, holds: bool | None, weight: int) -> RiskReason:  # noqa: FBT001 - a fact and its answer
    if holds is None:
        return RiskReason(fact, None, weight, f"not known whether: {RISK_WORDS[fact][0]}")
    return RiskReason(fact, holds, weight, RISK_WORDS[fact][0 if holds else 1])


def assess(evidence: Iterable[VettingEvidence], risk: RiskEstimate, policy: VettingPolicy, now: datetime) -> Vetting:
    """Compare a customer's evidence with what its risk requires.

    The order of the evidence does not matter.
    """
    by_kind: dict[VettingEvidenceKind, list[VettingEvidence]] = {}
    for each in evidence:
        by_kind.setdefault(each.kind, []).append(each)
    valid_for = policy.validity(risk.level)
    required = policy.required.get(risk.level, ())
    found = tuple(_requirement(kind, by_kind.get(kind, []), valid_for, now) for kind in required)
    state = _state(found)
    ends = [each.expires_at for each in found if each.expires_at is not None]
    return Vetting(state, risk, found, min(ends) if ends and state is VettingState.VETTED else None)


def deciding(evidence: Sequence[VettingEvidence]) -> VettingEvidence | None:
    """The piece of evidence of one kind that counts, whatever order they were heard in.

    The newest by the time it happened. One that says nothing about the customer (a provider that was down, a session
    that was begun or left) does not replace what was known before. At the same moment the worse one counts.
    """
    telling = [each for each in evidence if each.outcome not in _NO_ATTEMPT]
    return max(telling or evidence, key=_newest, default=None)


def _newest(each: VettingEvidence) -> tuple[object, ...]:
    return (each.at, each.outcome is not CheckOutcome.PASSED, each.outcome, each.checker, each.reference, each.detail)


def _requirement(
    kind: VettingEvidenceKind, evidence: list[VettingEvidence], valid_for: timedelta, now: datetime
) -> Requirement:
    what = EVIDENCE_WORDS[kind]
    counts = deciding(evidence)
    if counts is None:
        return Requirement(kind, None, f"{what}: none yet")
    if counts.outcome is not CheckOutcome.PASSED:
        return Requirement(kind, counts.outcome, f"{what}: {_OUTCOME_WORDS[counts.outcome]} on {counts.at:%Y-%m-%d}")
    if counts.at > now:
        return Requirement(kind, CheckOutcome.UNCHECKED, f"{what}: dated {counts.at:%Y-%m-%d}, which is in the future")
    expires_at = _end(counts, valid_for)
    if expires_at <= now:
        return Requirement(kind, CheckOutcome.EXPIRED, f"{what}: expired on {expires_at:%Y-%m-%d}; check it again")
    return Requirement(kind, CheckOutcome.PASSED, "", expires_at)


def _end(evidence: VettingEvidence, valid_for: timedelta) -> datetime:
    end = evidence.at + valid_for
    if evidence.document_date is None:
        return end
    last_day = datetime.combine(evidence.document_date, time.min, UTC)
    return min(end, last_day + timedelta(days=1))


def _state(requirements: Sequence[Requirement]) -> VettingState:
    """The state that the requirements add up to.

    The one that a person must act on first prevails.
    """
    outcomes = [each.outcome for each in requirements]
    if all(outcome is CheckOutcome.PASSED for outcome in outcomes):
        # A policy that requires nothing lets everybody pass: that was somebody's decision, not a check that failed.
        return VettingState.VETTED
    if CheckOutcome.FAILED in outcomes:
        return VettingState.FAILED
    if any(outcome in _UNDER_WAY for outcome in outcomes):
        return VettingState.REVIEW
    if CheckOutcome.UNCHECKED in outcomes:
        return VettingState.UNCHECKED
    return VettingState.MISSING
