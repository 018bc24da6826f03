"""Measures of the ladder, carried out and lifted through control panels.

A suspension of a step bears the step's id at the beginning of its reason: by that it is found again, so that a step
is carried out once, and lifted exactly where it was imposed. What somebody else suspended is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from goodhoster.customers.register import Register
from goodhoster.customers.standing.by_hand import MeasuresByHand
from goodhoster.customers.suspension.desk import SuspensionDesk, SuspensionOrder
from goodhoster.errors import GoodhosterError
from goodhoster.model.cases import Order
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.model.customers.standing import Rung, Step
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.ports.panels import SuspensionQuery, SuspensionStore
from goodhoster.ports.standing import CustomerMeasures, MeasureSeen

_OVER = frozenset({SuspensionState.LIFTED, SuspensionState.FAILED, SuspensionState.ENDED_ELSEWHERE})
_UNDER_WAY = frozenset({SuspensionState.INTENDED, SuspensionState.UNCONFIRMED, SuspensionState.INEFFECTIVE})
_Place = tuple[str, SuspensionTarget]
"""The panel, and what of it."""


@dataclass(frozen=True, slots=True)
class PanelMeasures:
    """See `ports.standing.CustomerMeasures`. What no panel is known for is a person's to do."""

    desk: SuspensionDesk
    store: SuspensionStore
    register: Register
    panels: Collection[str]
    by_hand: CustomerMeasures = MeasuresByHand()  # noqa: RUF009 - it has no state

    def suspend(self, step: Step, order: Order) -> MeasureSeen:
        """See `ports.standing.CustomerMeasures`."""
        places = self._places(step)
        if not places:
            return self.by_hand.suspend(step, order)
        standing = {(one.panel, one.target): one for one in self._of(step) if one.state not in _OVER}
        seen = [self._suspend(step, order, place, standing.get(place)) for place in places]
        return MeasureSeen(all(one.done for one in seen), "; ".join(one.detail for one in seen))

    def lift(self, step: Step, order: Order) -> MeasureSeen:
        """See `ports.standing.CustomerMeasures`."""
        ours = self._of(step)
        if not ours:
            return self.by_hand.lift(step, order)
        seen = [self._lift(one, order) for one in ours if one.state not in _OVER]
        if not seen:
            return MeasureSeen(done=True, detail="nothing of it is in force any more")
        return MeasureSeen(all(one.done for one in seen), "; ".join(one.detail for one in seen))

    def _suspend(self, step: Step, order: Order, place: _Place, standing: Suspension | None) -> MeasureSeen:
        panel, target = place
        try:
            if standing is None:
                standing = self.desk.suspend(SuspensionOrder(panel, target, order, step.customer))
            elif standing.state in _UNDER_WAY:
                standing = self.desk.look_after(standing)
        except GoodhosterError as error:
            return MeasureSeen(done=False, detail=f"{target} on {panel}: {error}")
        return _seen(standing, SuspensionState.IN_FORCE)

    def _lift(self, suspension: Suspension, order: Order) -> MeasureSeen:
        try:
            if suspension.state is SuspensionState.LIFTING:
                lifted = self.desk.look_after(suspension)
            else:
                lifted = self.desk.lift(suspension.id, order)
        except GoodhosterError as error:
            return MeasureSeen(done=False, detail=f"{suspension.target} on {suspension.panel}: {error}")
        return _seen(lifted, SuspensionState.LIFTED)

    def _of(self, step: Step) -> list[Suspension]:
        names = (step.customer, *self.register.store.former_ids(step.customer))
        found = (one for name in names for one in self.store.find(SuspensionQuery(customer=name)))
        return [one for one in found if one.reason.startswith(f"{step.id}: ")]

    def _places(self, step: Step) -> list[_Place]:
        """Where the step's site, or every account of its customer, is.

        Never a network, which only a person blocks.
        """
        places = self._sites(step) if step.rung is Rung.SUSPEND_SITE else self._accounts(step)
        return list(dict.fromkeys(places))

    def _sites(self, step: Step) -> Iterator[_Place]:
        for site in self.register.store.sites_of(step.customer):
            if step.site and step.site in site.names and site.origin in self.panels and site.user:
                yield site.origin, SuspensionTarget(site.user, site.host)

    def _accounts(self, step: Step) -> Iterator[_Place]:
        for site in self.register.store.sites_of(step.customer):
            if site.origin in self.panels and site.user:
                yield site.origin, SuspensionTarget(site.user)
        customer = self.register.store.known(step.customer)
        numbers = customer.external_ids if customer else {}
        for name in self.panels:
            if number := numbers.get(name.lower()):  # the register has names of systems in lower case
                yield name, SuspensionTarget(number)


def _seen(suspension: Suspension, wanted: SuspensionState) -> MeasureSeen:
    detail = f"{suspension.target} on {suspension.panel}: {suspension.state}, {suspension.detail} ({suspension.id})"
    return MeasureSeen(done=suspension.state is wanted, detail=detail)
