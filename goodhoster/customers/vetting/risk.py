"""The facts that a customer's risk is estimated from.

What we see ourselves, and what somebody stated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.customers.register import Register
from goodhoster.customers.vetting.details import ANONYMOUS_PAYMENTS
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.vetting import CheckOutcome, RiskFact, StatedFact, VettingEvidence, VettingEvidenceKind

Seen = tuple[RiskFact, bool]


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What is known of a customer's risk.

    A fact holds when anybody says so, whatever others say: a stated "no" never outweighs what we see.
    """

    register: Register
    free_domains: Sequence[str]
    has_record: Callable[[str], bool]
    """Whether known material of a customer was taken offline here, and that was not undone."""

    def of(
        self, customer: Customer, stated: Iterable[StatedFact], evidence: Iterable[VettingEvidence]
    ) -> dict[RiskFact, bool]:
        """Each fact that anybody knows about."""
        found: dict[RiskFact, bool] = {}
        says = (*self._seen(customer), *_paid(evidence), *((each.fact, each.holds) for each in stated))
        for fact, holds in says:
            found[fact] = found.get(fact, False) or holds
        return found

    def _seen(self, customer: Customer) -> Iterator[Seen]:
        yield RiskFact.OWN_RECORD, self.has_record(customer.id)
        if any(self.register.customers_below(customer.id)):
            yield RiskFact.RESELLER, True
        hosts = [name for site in self.register.store.sites_of(customer.id) for name in site.names]
        if hosts:
            yield RiskFact.FREE_DOMAINS, any(map(self._is_free, hosts))

    def _is_free(self, host: str) -> bool:
        return any(host.endswith("." + suffix.strip(".").lower()) for suffix in self.free_domains)


def _paid(evidence: Iterable[VettingEvidence]) -> Iterator[Seen]:
    for each in evidence:
        if each.kind is VettingEvidenceKind.PAYMENT_METHOD and each.detail:
            anonymous = each.detail in ANONYMOUS_PAYMENTS
            if anonymous or each.outcome is CheckOutcome.PASSED:
                yield RiskFact.ANONYMOUS_PAYMENT, anonymous
