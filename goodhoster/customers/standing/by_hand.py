"""Measures without a panel: a person carries them out and says so."""

from __future__ import annotations

from goodhoster.model.cases import Order
from goodhoster.model.customers.standing import Step
from goodhoster.ports.standing import MeasureSeen


class MeasuresByHand:
    """See `ports.standing.CustomerMeasures`: nothing is done, or said to be done."""

    def suspend(self, step: Step, order: Order) -> MeasureSeen:  # noqa: ARG002 - the port's
        """See `ports.standing.CustomerMeasures`."""
        return MeasureSeen(done=False, detail=f"no panel is set up: suspend it yourself, then say {_done(step)}")

    def lift(self, step: Step, order: Order) -> MeasureSeen:  # noqa: ARG002 - the port's
        """See `ports.standing.CustomerMeasures`."""
        return MeasureSeen(done=False, detail=f"no panel is set up: put it back yourself, then say {_done(step)}")


def _done(step: Step) -> str:
    return f"goodhoster customers measures done {step.id}"
