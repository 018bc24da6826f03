"""What is known of who a customer is.

Evidence, its outcome, the state of a customer, and the estimated risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class VettingEvidenceKind(StrEnum):
    """Kinds of evidence that a policy can require."""

    IDENTITY_DOCUMENT = "identity-document"
    COMPANY_NUMBER = "company-number"
    EMAIL = "email"
    PHONE = "phone"
    PAYMENT_METHOD = "payment-method"
    RESELLER_STATEMENT = "reseller-statement"
    TRADER_DETAILS = "trader-details"
    """The fields of Article 30 of the Digital Services Act, seen and complete."""


class CheckOutcome(StrEnum):
    """Outcome of a check, in the neutral words that every provider's are mapped to."""

    PASSED = "passed"
    FAILED = "failed"
    RETRY = "retry"
    """It failed in a way that the customer may put right, such as a blurred picture."""
    REVIEW = "review"
    """A person must look at it."""
    PENDING = "pending"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    UNCHECKED = "unchecked"
    """Nobody answered, or the answer has no certain meaning. It never passes."""


FINAL_OUTCOMES = frozenset({CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.ABANDONED, CheckOutcome.EXPIRED})
"""Outcomes after which a session of a provider does not change by itself."""


@dataclass(frozen=True, slots=True)
class VettingEvidence:
    """One outcome of one check of a customer; never a copy of what was shown."""

    customer: str
    kind: VettingEvidenceKind
    outcome: CheckOutcome
    at: datetime
    """When it happened, which may be earlier than when it was heard."""
    checker: str
    """Who checked: a person, or the name of a provider or register."""
    detail: str = ""
    """Type of the document or payment method, or SCHEME:NUMBER of a company; nothing else."""
    reference: str = ""
    """The provider's name for its check, under which it can be asked again."""
    reason: str = ""
    document_date: date | None = None
    """Last day on which the document is valid."""


class VettingState(StrEnum):
    """State of a customer's vetting; only `vetted` passes."""

    VETTED = "vetted"
    MISSING = "missing"
    """Evidence is wanting, or has expired."""
    FAILED = "failed"
    """A required check was failed and nothing newer passed."""
    REVIEW = "review"
    """A person must look, or the customer is still busy with it."""
    UNCHECKED = "unchecked"
    """A required check could not be made: a provider is down, or was not asked."""


class RiskLevel(StrEnum):
    """Estimated risk of what a customer's sites take in, lowest first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class RiskFact(StrEnum):
    """Facts about a customer that raise the risk, each with a weight in the policy."""

    OPEN_UPLOAD = "open-upload"
    IMAGE_HOST = "image-host"
    FILE_LOCKER = "file-locker"
    ANONYMOUS_PAYMENT = "anonymous-payment"
    FREE_DOMAINS = "free-domains"
    RESELLER = "reseller"
    OWN_RECORD = "own-record"


@dataclass(frozen=True, slots=True)
class StatedFact:
    """Whether a fact holds for a customer, and who says so."""

    customer: str
    fact: RiskFact
    holds: bool
    at: datetime
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One rule of the estimate, as it came out for a customer."""

    fact: RiskFact
    holds: bool | None
    """None: nobody knows."""
    weight: int
    words: str

    @property
    def points(self) -> int:
        """What it adds to the sum."""
        return self.weight if self.holds else 0


@dataclass(frozen=True, slots=True)
class RiskEstimate:
    """The estimated risk, with every rule that it was made from."""

    level: RiskLevel
    points: int
    reasons: tuple[RiskReason, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One required kind of evidence, as it stands."""

    kind: VettingEvidenceKind
    outcome: CheckOutcome | None
    """That of the evidence which counts; None where there is none."""
    words: str
    """What is missing, for people; empty where nothing is."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vetting:
    """What the vetting of a customer comes to now."""

    state: VettingState
    risk: RiskEstimate
    requirements: tuple[Requirement, ...]
    expires_at: datetime | None = None
    """When the first piece of evidence expires; None unless vetted."""
    customer: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, in words."""
        return tuple(each.words for each in self.requirements if each.words)


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """What an identity provider says about one of its sessions at one moment."""

    provider: str
    reference: str
    """The provider's id of the session."""
    outcome: CheckOutcome
    at: datetime
    """When it happened at the provider."""
    event_id: str = ""
    """The provider's id of the event; empty for an answer that we asked for."""
    document_type: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IdentitySession:
    """A session of an identity provider that is about a customer."""

    number: int
    """Grows with each that is opened here."""
    provider: str
    reference: str
    customer: str


@dataclass(frozen=True, slots=True)
class CompanyAnswer:
    """What a company register says about one number; `unchecked` where it said nothing certain."""

    register: str
    number: str
    """SCHEME:NUMBER."""
    outcome: CheckOutcome
    reason: str = ""
