"""The house rules about customers as the hoster's file says them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from goodhoster.model.customers.standing import Rung


@dataclass(frozen=True, slots=True)
class UploadGate:
    """What a customer must have before `customers may ID upload` answers yes."""

    vetted: bool = True
    """No upload hosting for the unvetted."""
    hash_check_within: timedelta | None = timedelta(days=7)
    """On servers that the hoster cannot look into: the relay was used in so long; None: not asked."""
    contact_proven: bool = True
    contact_answers_within: timedelta | None = timedelta(hours=48)
    """In the last drill or notice; None: not asked."""


@dataclass(frozen=True, slots=True)
class RungRules:
    """When a rung of the ladder is reached, and how it is taken."""

    incidents: int | None
    """So many incidents that still count; None: never by the customer's own."""
    share: float | None = None
    """Of a reseller: so great a part (0 to 1) of its customers has an incident; None: never by those."""
    notice: timedelta = timedelta(0)
    """Announced so long before; 0: not announced, the customer is told when it is imposed."""
    person: bool = True
    """A person decides, with a reason."""


DEFAULT_LADDER: Mapping[Rung, RungRules] = MappingProxyType(
    {
        Rung.WARN: RungRules(1, 0.05, person=False),
        Rung.RESTRICT: RungRules(2, 0.10, timedelta(days=1), person=False),
        Rung.SUSPEND_SITE: RungRules(3, None, timedelta(days=3)),
        Rung.SUSPEND_ACCOUNT: RungRules(4, 0.20, timedelta(days=7)),
        # Regulation (EU) 2019/1150, Article 4(2): thirty days before a business's use of the service ends.
        Rung.END: RungRules(6, 0.40, timedelta(days=30)),
    }
)


@dataclass(frozen=True, slots=True)
class LadderRules:
    """The ladder of consequences."""

    incident: timedelta = timedelta(days=1)
    """What happens within this time of its first fact is one incident."""
    decay: timedelta = timedelta(days=365)
    """An incident counts for so long."""
    silence: bool = True
    """A contact's silence at a drill or a forwarded notice is a fact."""
    reseller_customers: int = 3
    """Of a reseller: fewer customers with an incident say nothing about it."""
    rungs: Mapping[Rung, RungRules] = field(default_factory=lambda: DEFAULT_LADDER)


@dataclass(frozen=True, slots=True)
class AppealRules:
    """How appeals are dealt with."""

    months: int = 6
    """From the day the customer was informed (DSA Art. 20(1))."""
    decide_within: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class StatementRules:
    """What statements of reasons name beside the facts (DSA Art. 17(3)).

    Each empty: the words of the letter itself.
    """

    terms: str = ""
    """The clause of the hoster's terms, such as "General terms, article 7"."""
    law: str = ""
    """The law that the material breaks."""
    territory: str = ""
    """Where a restriction holds; empty: everywhere."""


@dataclass(frozen=True, slots=True)
class CustomerRules:
    """The house rules about customers.

    A changed rule is a changed value, never a changed program.
    """

    enforce: bool = False
    """False: what would be answered and done is recorded, and nothing is refused or done."""
    upload: UploadGate = UploadGate()
    ladder: LadderRules = LadderRules()
    appeals: AppealRules = AppealRules()
    statement: StatementRules = StatementRules()
    version: str = "built-in"
    """The beginning of the SHA-256 of the file, or `built-in`."""
