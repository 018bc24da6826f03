"""Facts from silence: a drill or a forwarded notice that was not answered in time.

It counts only where our letter reached the customer's mail server with half of its time left, and did not come back;
and only a day after its end, since an answer may have waited while one of our own servers was away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster.model.customers.standing import Fact, FactKind, FactState
from goodhoster.ports import Clock, ContactFacts, ContactStore

_KINDS = frozenset({RequestKind.DRILL, RequestKind.NOTICE})
_ON_ITS_WAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SilenceFacts:
    """See `ports.standing.FactSource`."""

    contacts: ContactFacts
    store: ContactStore
    delivered_at: Callable[[str], datetime | None]
    """When the mail server took the letter of a request; None where it did not, or not yet."""
    clock: Clock

    def facts_of(self, customer: str) -> Sequence[Fact]:
        """See `ports.standing.FactSource`."""
        found = (self._fact(request, customer) for request in self.contacts.requests(customer))
        return [fact for fact in found if fact]

    def by_customer(self, since: datetime) -> Mapping[str, Sequence[Fact]]:
        """See `ports.standing.FactSource`."""
        found: dict[str, list[Fact]] = defaultdict(list)
        for request in self.store.silent_since(since):
            if fact := self._fact(request, request.customer):
                found[fact.customer].append(fact)
        return found

    def _fact(self, request: ContactRequest, customer: str) -> Fact | None:
        """The fact that a request is; None where the contact answered, or cannot be reached."""
        if request.kind not in _KINDS or request.silent_at is None or request.failed_at:
            return None
        waits_until = request.silent_at + _ON_ITS_WAY
        if request.answered_at and request.answered_at < waits_until:
            return None
        delivered = self.delivered_at(request.id)
        in_time = delivered is not None and delivered <= request.remind_at
        state = FactState.CONFIRMED if in_time and self.clock() >= waits_until else FactState.UNCHECKED
        return Fact(f"contact:{request.id}", customer, FactKind.SILENCE, state, request.deadline)
