"""`goodhoster customers vet`, `vetting-due` and `identity-message`.

Who a customer is, and what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from goodhoster.customers.vetting.desk import Checked, VettingDesk
from goodhoster.errors import RefusedError
from goodhoster.model.cases import Order
from goodhoster.model.customers.vetting import (
    CheckOutcome,
    RiskFact,
    Vetting,
    VettingEvidence,
    VettingEvidenceKind,
    VettingState,
)
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.customers.register import CustomerArgument
from goodhoster_agent.commands.customers.vetting_objects import as_object
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    note_order,
    open_services,
    print_json,
    print_line,
    unchecked_where_damaged,
)

app = typer.Typer()
_LARGEST_MESSAGE = 1 << 20


def _words(kind: type[StrEnum]) -> str:
    return ", ".join(kind)


@app.command("vet")
def vet_command(
    customer_id: CustomerArgument,
    *,
    evidence: Annotated[str, typer.Option("--evidence", help=f"What was checked: {_words(VettingEvidenceKind)}.")] = "",
    outcome: Annotated[str, typer.Option("--outcome", help="How it ended: passed, failed, review, expired.")] = "",
    detail: Annotated[
        str,
        typer.Option("--detail", help="Type of the document or payment method; SCHEME:NUMBER of a company."),
    ] = "",
    on: Annotated[str, typer.Option("--on", help="Day of the check, YYYY-MM-DD; default: today.")] = "",
    valid_until: Annotated[str, typer.Option("--valid-until", help="Last day of the document.")] = "",
    fact: Annotated[
        list[str], typer.Option("--fact", help=f"FACT=yes or FACT=no, for the risk: {_words(RiskFact)}.")
    ] = [],  # noqa: B006 - Typer reads it
    company: Annotated[
        str | None,
        typer.Option("--company", help='Ask a register about SCHEME:NUMBER; "-" for the number in the register.'),
    ] = None,
    session: Annotated[str, typer.Option("--session", help="PROVIDER:REFERENCE of a session about it.")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the identity providers again.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, or how it was checked, for the audit log.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a check of a customer, or show what is missing.

    Never a number or a copy of a document.

    Exit code 0 where the customer is vetted, 1 where something is missing, 3 where it could not be checked.
    """
    checked = _checked(evidence, outcome, detail, (on, valid_until))
    with unchecked_where_damaged(), open_services(config) as services:
        desk = services.customers.vetting
        _state_facts(desk, customer_id, fact, reason)
        if checked is not None:
            desk.record(customer_id, checked, _order(reason))
        if company is not None:
            desk.check_company(customer_id, "" if company == "-" else company, _order(reason))
        if session:
            provider, _, reference = session.partition(":")
            desk.open_session(customer_id, provider, reference, _order(reason))
        vetting = desk.refresh(customer_id) if refresh else desk.vetting_of(customer_id)
        customer = services.customers.register.store.get(vetting.customer)
        kept = desk.evidence_of(customer)
    print_json(as_object(vetting) | {"evidence": [_evidence(each) for each in kept]}) if as_json else _print(vetting)
    raise typer.Exit(_code(vetting))


def _state_facts(desk: VettingDesk, customer_id: str, facts: Sequence[str], reason: str) -> None:
    for written in facts:
        name, _, says = written.partition("=")
        holds = _choice(says, ("yes", "no"), "--fact") == "yes"
        desk.state_fact(customer_id, _member(RiskFact, name, "--fact"), _order(reason), holds=holds)


@app.command("vetting-due")
def due_command(
    *,
    within: Annotated[int, typer.Option("--within", min=0, help="Days ahead.")] = 30,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List customers who are not vetted, or will have to be checked again soon."""
    with open_services(config) as services:
        for vetting in services.customers.vetting.due(timedelta(days=within)):
            if as_json:
                print_json(as_object(vetting))
            else:
                until = f"until {vetting.expires_at:%Y-%m-%d}" if vetting.expires_at else "; ".join(vetting.missing)
                print_line(f"{vetting.customer:<20}  {vetting.state:<9}  {vetting.risk.level:<6}  {until}")


@app.command("identity-message")
def message_command(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Name of the [[identity_provider]].")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The raw body; default: standard input.")] = None,
    *,
    header: Annotated[
        list[str], typer.Option("--header", "-H", help='A header as it came, "Name: value"; several.')
    ] = [],  # noqa: B006 - Typer reads it
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a webhook's message of an identity provider, exactly as it came.

    It may come again.
    """
    body = sys.stdin.buffer.read(_LARGEST_MESSAGE + 1) if file is None else _read(file)
    headers = {name.strip(): value.strip() for name, _, value in (each.partition(":") for each in header)}
    with open_services(config) as services:
        note_order(services.audit, "customers identity-message", provider=provider)
        event = services.customers.vetting.receive(provider, headers, body)
    shown = {"provider": event.provider, "session": event.reference, "outcome": event.outcome}
    print_json(shown) if as_json else print_line(f"{event.provider} {event.reference}: {event.outcome}")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST_MESSAGE + 1)
    except OSError as error:
        raise RefusedError(f"cannot read {file}: {error.strerror}", hint="check its name and mode") from error


def _evidence(each: VettingEvidence) -> dict[str, Any]:
    return {
        "evidence": each.kind,
        "outcome": each.outcome,
        "at": each.at.isoformat(),
        "checker": each.checker,
        "detail": each.detail,
        "reason": each.reason,
    }


def _print(vetting: Vetting) -> None:
    until = f" until {vetting.expires_at:%Y-%m-%d}" if vetting.expires_at else ""
    print_line(f"{vetting.customer}  {vetting.state}{until}")
    for words in vetting.missing:
        print_line(f"  missing  {words}")
    print_line(f"  risk     {vetting.risk.level}, {vetting.risk.points} points")
    for each in vetting.risk.reasons:
        points = f"+{each.points}" if each.points else " 0" if each.holds is False else f" ? (of {each.weight})"
        print_line(f"    {points:<12} {each.words}")


def _code(vetting: Vetting) -> int:
    if vetting.state is VettingState.VETTED:
        return FINE
    return UNCHECKED if vetting.state is VettingState.UNCHECKED else YES


def _order(reason: str) -> Order:
    if not reason.strip():
        raise typer.BadParameter("say how it was checked: the audit log keeps it", param_hint="--reason")
    return order_of(reason)


def _checked(evidence: str, outcome: str, detail: str, days: tuple[str, str]) -> Checked | None:
    if not evidence:
        if outcome or detail or any(days):
            raise typer.BadParameter("say what was checked", param_hint="--evidence")
        return None
    return Checked(
        _member(VettingEvidenceKind, evidence, "--evidence"),
        _member(CheckOutcome, outcome, "--outcome"),
        detail,
        *(_day(day) for day in days),
    )


Member = TypeVar("Member", bound=StrEnum)


def _member(kind: type[Member], value: str, option: str) -> Member:
    return kind(_choice(value, tuple(kind), option))


def _choice(value: str, allowed: tuple[str, ...], option: str) -> str:
    if value not in allowed:
        raise typer.BadParameter("one of " + ", ".join(allowed), param_hint=option)
    return value


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter("a day, such as 2026-11-29") from None
