"""What the gate takes from vetting: only *vetted* passes."""

from __future__ import annotations

from collections.abc import Callable

from goodhoster.model.customers.gates import GateAnswer, GateFinding
from goodhoster.model.customers.vetting import Vetting, VettingState


class VettedCustomers:
    """See `ports.standing.VettingCheck`."""

    def __init__(self, vetting_of: Callable[[str], Vetting]) -> None:
        self._vetting_of = vetting_of

    def vetting_of(self, customer: str) -> GateFinding:
        """See `ports.standing.VettingCheck`."""
        found = self._vetting_of(customer)
        if found.state is VettingState.VETTED:
            return GateFinding(GateAnswer.YES, "vetted")
        # What nobody could check may still turn out well; what is missing, failed or in review is not vetted.
        answer = GateAnswer.UNCHECKED if found.state is VettingState.UNCHECKED else GateAnswer.NO
        return GateFinding(answer, "; ".join((found.state.value, *found.missing)))
