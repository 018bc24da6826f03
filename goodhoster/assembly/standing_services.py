"""The part of the composition that knows house rules, standing, statements and appeals."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from goodhoster.adapters.stores.customers.contacts import SqliteContactStore
from goodhoster.adapters.stores.customers.standing import SqliteStandingStore
from goodhoster.adapters.stores.relay_use import SqliteRelayUse
from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.customers.standing.appeals import AppealDesk, AppealParts
from goodhoster.customers.standing.by_hand import MeasuresByHand
from goodhoster.customers.standing.desk import StandingDesk, StandingParts
from goodhoster.customers.standing.facts import AllFacts, CaseFacts
from goodhoster.customers.standing.gates import GateParts, UploadGates
from goodhoster.customers.standing.proven_contacts import ProvenContacts
from goodhoster.customers.standing.silence import SilenceFacts
from goodhoster.customers.standing.vetted import VettedCustomers
from goodhoster.errors import RefusedError
from goodhoster.letters.customer_letters import CustomerLetters, LetterParts, Recipient
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.cases import Case, Order
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.suspensions import SuspensionState
from goodhoster.ports.standing import ContactCheck, CustomerMeasures, FactSource, RelayUse, StandingStore, VettingCheck
from goodhoster.settings.house_rules import read_house_rules

if TYPE_CHECKING:
    from goodhoster.assembly.customer_services import CustomerServices
    from goodhoster.assembly.services import Services

_CASE = "case:"


class StandingServices(LazyParts):
    """House rules and what follows from them, for the daemon and the commands."""

    def __init__(self, services: Services, customers: CustomerServices) -> None:
        super().__init__()
        self._services = services
        self._customers = customers

    @lazy
    def rules(self) -> CustomerRules:
        """The house rules, as in mode observe while a person has switched all measures off."""
        rules = read_house_rules(self._services.settings.house_rules.file)
        return replace(rules, enforce=rules.enforce and not self._services.observe_switch.stops_measures())

    @lazy
    def store(self) -> StandingStore:
        """The record of steps, statements and appeals."""
        return SqliteStandingStore(self._customers.record)

    @lazy
    def facts(self) -> FactSource:
        """The facts about customers."""
        of_cases = CaseFacts(self._services.case_store, self.store, self._in_storms, self._site_of)
        if not self.rules.ladder.silence:
            return of_cases
        notices = self._services.notices
        store, delivered_at = SqliteContactStore(self._customers.record), notices.outbox.delivered_at
        return AllFacts((of_cases, SilenceFacts(self._customers.contacts, store, delivered_at, notices.clock.seen)))

    @lazy
    def desk(self) -> StandingDesk:
        """The desk of consequences."""
        parts = StandingParts(
            store=self.store,
            register=self._customers.register,
            facts=self.facts,
            measures=self.measures,
            letters=self.letters,
            audit=self._services.audit,
            lock=FileLock(self._services.state_dir / "standing.lock"),
            clock=self._services.notices.clock.seen,
        )
        return StandingDesk(parts, self.rules)

    @lazy
    def appeals(self) -> AppealDesk:
        """The desk of appeals."""
        owners = self._services.owner_reports
        parts = AppealParts(
            store=self.store,
            cases=self._services.case_store,
            steps=self.desk,
            letters=self.letters,
            audit=self._services.audit,
            lock=FileLock(self._services.state_dir / "appeals.lock"),
            clock=self._services.notices.clock,
            rules=self.rules.appeals,
            restore=self._restore,
            suspension=self._customers.suspensions.get,
            lift=self._lift,
            tell_owners=lambda case: owners.queue_mistake_reports(case.matches, case.digests),
        )
        return AppealDesk(parts)

    @lazy
    def gates(self) -> UploadGates:
        """The gate of uploads."""
        parts = GateParts(
            register=self._customers.register,
            store=self.store,
            vetting=self.vetting,
            contacts=self.contacts,
            relay=self.relay,
            audit=self._services.audit,
            clock=self._services.notices.clock,
            is_watched=lambda path: any(tree.place_of(os.path.join(path, b"any")) for tree in self._services.trees),
        )
        return UploadGates(parts, self.rules)

    @lazy
    def letters(self) -> CustomerLetters:
        """The letters to customers about measures and appeals."""
        notices = self._services.notices
        parts = LetterParts(
            outbox=notices.outbox,
            store=self.store,
            head=notices.letterhead,
            rules=self.rules,
            recipient=self._recipient,
            case=self._services.case_store.get,
            told_by_notice=self._told_by_notice,
            confidential=self._confidential,
            clock=notices.clock,
        )
        return CustomerLetters(parts)

    @lazy
    def vetting(self) -> VettingCheck:
        """What vetting says of customers."""
        return VettedCustomers(self._customers.vetting.vetting_of)

    @lazy
    def contacts(self) -> ContactCheck:
        """What is known of customers' abuse contacts."""
        return ProvenContacts(self._customers.contacts)

    @lazy
    def relay(self) -> RelayUse:
        """The use of our hash service by customers."""
        return SqliteRelayUse(self._services.state_dir / "hashservice" / "figures.sqlite")

    @lazy
    def measures(self) -> CustomerMeasures:
        """What suspends customers: the panels, where any is configured."""
        if not self._services.settings.suspends:
            return MeasuresByHand()
        from goodhoster.customers.standing.panel_measures import PanelMeasures

        panels = self._services.panels
        return PanelMeasures(panels.desk, panels.store, self._customers.register, frozenset(panels.panels))

    def _recipient(self, customer_id: str) -> Recipient:
        customer = self._customers.store.known(customer_id)
        language = customer.language if customer else ""
        address = self.contacts.address_of(customer_id)
        why = "" if address else "no proven contact: goodhoster customers verify-contact " + customer_id
        return Recipient(address, language, why)

    def _confidential(self, subject: str) -> bool:
        """Whether a case comes from a confidential notice, or its notice cannot be found any more."""
        if not subject.startswith(_CASE):
            return False
        notice_id = self._services.case_store.get(subject.removeprefix(_CASE)).notice
        if not notice_id:
            return False
        try:
            notice = self._services.notices.store.get(notice_id)
        except RefusedError:
            return True
        return notice.read is not None and notice.read.is_confidential

    def _told_by_notice(self, case: Case) -> bool:
        """Whether the statement of its notice, which is not lost, told the customer of a case."""
        with suppress(RefusedError):
            notice = self._services.notices.store.get(case.notice)
            return any(case.id in item.cases and item.stated_in(case.id) for item in notice.items)
        return False

    def _restore(self, case_ids: Sequence[str], order: Order) -> Mapping[str, str]:
        orders = self._services.toolkit.restore(case_ids, order)
        return dict(orders.refused) | dict(orders.unrecorded)

    def _lift(self, suspension_id: str, order: Order) -> str:
        """Lift a suspension or go on with it; why it is not lifted, or empty where that was seen."""
        if not self._services.settings.suspends:
            return "no panel is configured: lift it there yourself"
        desk, found = self._services.panels.desk, self._customers.suspensions.get(suspension_id)
        lifting = found.state is SuspensionState.LIFTING
        after = desk.look_after(found) if lifting else desk.lift(suspension_id, order)
        return "" if after.state is SuspensionState.LIFTED else f"it is {after.state}: {after.detail}"

    def _in_storms(self) -> frozenset[str]:
        brake = self._services.brake
        return frozenset(case_id for storm in brake.storms.braking() for case_id in brake.cases_of(storm))

    def _site_of(self, path: bytes) -> str:
        sites = self._customers.store.holding(path)
        return sites[0].host if sites else ""
