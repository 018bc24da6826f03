"""The parts of vetting that settings choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from goodhoster.customers.vetting.answering_contacts import AnsweringContacts
from goodhoster.customers.vetting.desk import VettingDesk, VettingParts
from goodhoster.customers.vetting.risk import RiskFacts
from goodhoster.errors import ConfigurationError
from goodhoster.model.customers.vetting import RiskFact, RiskLevel, VettingEvidenceKind
from goodhoster.policy.vetting import VettingPolicy
from goodhoster.ports import AuditLog
from goodhoster.ports.common import utc_now
from goodhoster.ports.contacts import ContactFacts
from goodhoster.ports.vetting import CompanyRegister, IdentityProvider, VettingStore
from goodhoster.settings import PluggedTable, Settings, installed_kinds, read_plugged


def vetting_desk(
    settings: Settings,
    records: tuple[VettingStore, AuditLog],
    facts: RiskFacts,
    contacts: Callable[[], ContactFacts],
) -> VettingDesk:
    """The vetting desk, with the providers and registers that are set."""
    store, audit = records
    answering = AnsweringContacts(contacts)
    parts = VettingParts(
        register=facts.register,
        store=store,
        audit=audit,
        clock=utc_now,
        policy=vetting_policy(settings),
        facts=facts,
        providers=identity_providers(settings),
        registers=company_registers(settings),
        proofs={VettingEvidenceKind.EMAIL: answering, VettingEvidenceKind.PHONE: answering},
    )
    return VettingDesk(parts)


def vetting_policy(settings: Settings) -> VettingPolicy:
    """The policy that the [vetting] section describes."""
    vetting = settings.vetting
    return VettingPolicy(
        required={
            RiskLevel.LOW: vetting.required_low,
            RiskLevel.NORMAL: vetting.required_normal,
            RiskLevel.HIGH: vetting.required_high,
        },
        valid_for=timedelta(seconds=vetting.valid_for),
        valid_for_high=timedelta(seconds=vetting.valid_for_high),
        weights={fact: getattr(vetting, fact.replace("-", "_")) for fact in RiskFact},
        normal_from=vetting.normal_from,
        high_from=vetting.high_from,
    )


def identity_providers(settings: Settings) -> dict[str, IdentityProvider]:
    """Every [[identity_provider]] by its name."""
    found: list[IdentityProvider] = _built(settings.identity_providers, "goodhoster.identity_providers")
    return _by_name(found, "[[identity_provider]]")


def company_registers(settings: Settings) -> tuple[CompanyRegister, ...]:
    """Every [[company_register]]."""
    found: list[CompanyRegister] = _built(settings.company_registers, "goodhoster.company_registers")
    return tuple(_by_name(found, "[[company_register]]").values())


def _built(tables: Iterable[PluggedTable], group: str) -> list[Any]:
    tables = tuple(tables)
    if not tables:
        return []  # what they need is not imported either
    kinds = installed_kinds(group)
    return [read_plugged(table, kinds).build(utc_now) for table in tables]


class _Named(Protocol):
    name: str


Thing = TypeVar("Thing", bound=_Named)


def _by_name(found: Iterable[Thing], heading: str) -> dict[str, Thing]:
    named: dict[str, Thing] = {}
    for each in found:
        if each.name in named:
            raise ConfigurationError(f"two are called {each.name}", hint=f"give each {heading} its name")
        named[each.name] = each
    return named
