"""`goodhoster customers list` and `show`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer

from goodhoster.assembly.services import Services
from goodhoster.customers.register import CustomerRecord
from goodhoster.model.customers.gates import GateAnswer
from goodhoster.model.customers.register import Customer
from goodhoster.model.uploads import display
from goodhoster.ports import CustomerQuery
from goodhoster_agent.commands.customers.contacts import contact_object
from goodhoster_agent.commands.customers.vetting_objects import key_of
from goodhoster_agent.commands.listing import Column, moment, print_list
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    current_user,
    open_services,
    print_json,
    print_line,
    unchecked_where_damaged,
)

app = typer.Typer()

CustomerArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the customer, a former one, or the unambiguous beginning of one.")
]
_STATES = ("active", "suspended", "ended")


def _state(values: list[str]) -> list[str]:
    for value in values:
        if value not in _STATES:
            raise typer.BadParameter("one of " + ", ".join(_STATES))
    return values


@app.command("list")
def list_command(
    *,
    state: Annotated[
        list[str], typer.Option("--state", help="Only these: active, suspended, ended.", callback=_state)
    ] = [],  # noqa: B006 - Typer reads it
    reseller: Annotated[str | None, typer.Option("--reseller", help="Only those directly below this one.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Only whose site has this host name.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only those that this import named.")] = None,
    text: Annotated[str, typer.Option("--customer", help="Only those with this in their id or name.")] = "",
    since: Annotated[
        datetime | None, typer.Option("--since", parser=moment, metavar="TIME", help="Only customers from that day on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", parser=moment, metavar="TIME", help="Only customers before that day.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, max=1_000_000, help="At most this many.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List customers by id."""
    query = CustomerQuery(frozenset(state), reseller, source, text)
    with unchecked_where_damaged(), open_services(config) as services:
        if host is not None:
            owners = {site.customer for site in services.customers.register.sites_named(host)}
            query = replace(query, among=frozenset(owners))
        found: Iterable[Customer] = services.customers.store.find(query)
        if since or until:
            found = (customer for customer in found if _began_between(customer, since, until))
        _print_list(islice(found, limit), as_json=as_json, as_csv=as_csv)


def _began_between(customer: Customer, since: datetime | None, until: datetime | None) -> bool:
    """Whether it became a customer in that time; not where that day is unknown."""
    day = customer.since
    if day is None or (since and day < since.astimezone().date()):
        return False
    return not (until and day >= until.astimezone().date())


@app.command("show")
def show_command(customer_id: CustomerArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show a customer: sites, resellers, what each source says, and what is missing."""
    with unchecked_where_damaged(), open_services(config) as services:
        record = services.customers.register.record(customer_id)
        services.customers.personal_data.note_access(record.customer.id, current_user(), "show")
        shown = _as_object(record) | _other_subjects(services, record.customer.id)
        print_json(shown) if as_json else _print_record(shown)


def _other_subjects(services: Services, customer_id: str) -> dict[str, Any]:
    """What other subjects know of the customer: each has its key here."""
    view = services.customers.standing.desk.view(customer_id)
    return {
        "vetting": key_of(services.customers.vetting.vetting_of(customer_id)),
        "contact": contact_object(services.customers.contacts.status(customer_id)),
        "standing": view.standing.rung or "good",
        "blocked": list(_blocked(services, customer_id)),
    }


def _blocked(services: Services, customer_id: str) -> Iterator[str]:
    """What the customer cannot do now: by the gate, and by suspensions that are not over."""
    customers = services.customers
    gate = customers.standing.gates.standing_answer(customers.store.get(customer_id))
    if gate.answer is not GateAnswer.YES:
        unchecked = "unchecked: " if gate.answer is GateAnswer.UNCHECKED else ""
        yield from (f"upload: {unchecked}{reason}" for reason in gate.reasons)
    for suspension in customers.open_suspensions(customer_id):
        yield f"{suspension.target} on {suspension.panel}: {suspension.state} ({suspension.id})"


def _as_object(record: CustomerRecord) -> dict[str, Any]:
    customer = record.customer
    sites = [
        {
            "host": site.host,
            "aliases": list(site.aliases),
            "docroot": None if site.docroot is None else display(site.docroot),
            "user": site.user,
            "source": site.origin,
        }
        for site in record.sites
    ]
    past = [{"host": site.host, "until": site.until.isoformat()} for site in record.past_sites]
    return _customer_object(customer) | {
        "sites": sites,
        "past_sites": past,
        "former_ids": list(record.former_ids),
        "resellers": list(record.chain),
        "sources": [entry.origin for entry in record.entries],
    }


def _customer_object(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "name": customer.name,
        "kind": customer.kind,
        "state": customer.status,
        "reseller": customer.reseller,
        "language": customer.language,
        "country": customer.country,
        "company_number": customer.company_number,
        "since": customer.since.isoformat() if customer.since else None,
        "contacts": [
            {"kind": contact.kind, "address": contact.address, "purpose": contact.purpose}
            for contact in customer.contacts
        ],
        "services": [
            {
                "id": service.id,
                "kind": service.kind,
                "server": service.server,
                "product": service.product,
                "networks": list(service.networks),
                "inspectable": service.inspectable,
            }
            for service in customer.services
        ],
        "external_ids": dict(customer.external_ids),
        "source": customer.origin,
    }


_CSV_COLUMNS = ("id", "name", "kind", "state", "reseller", "language", "country", "company_number", "since", "source")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _print_list(customers: Iterable[Customer], *, as_json: bool, as_csv: bool) -> None:
    if as_csv:
        out = csv.writer(sys.stdout)
        out.writerow(_CSV_COLUMNS)
        for customer in customers:
            shown = _customer_object(customer)
            out.writerow(csv_cell(shown[column]) for column in _CSV_COLUMNS)
        return
    print_list(customers, _COLUMNS, _customer_object, as_json=as_json, as_csv=False)


def csv_cell(value: object) -> str:
    """A cell that spreadsheets do not take for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


_COLUMNS: tuple[Column[Customer], ...] = (
    Column("ID", lambda customer: customer.id),
    Column("STATE", lambda customer: customer.status),
    Column("SINCE", lambda customer: customer.since.isoformat() if customer.since else ""),
    Column("RESELLER", lambda customer: customer.reseller),
    Column("NAME", lambda customer: customer.name),
)


def _print_record(shown: Mapping[str, Any]) -> None:
    print_line(f"{shown['id']}  {shown['state']}  {shown['name']}")
    for title, text in (*_identity_lines(shown), *_service_lines(shown), *_standing_lines(shown)):
        if text:
            print_line(f"  {title:<16} {text}")


def _identity_lines(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about who it is, as a title and a text; one without a text is left out."""
    for key in ("kind", "language", "country", "since", "company_number"):
        yield key.replace("_", " "), shown[key]
    yield "below", " → ".join(shown["resellers"])
    yield "formerly", ", ".join(shown["former_ids"])
    for contact in shown["contacts"]:
        yield contact["kind"], f"{contact['address']} ({contact['purpose']})"


def _service_lines(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about what the customer has with us."""
    for service in shown["services"]:
        yield "service", " ".join(filter(None, (service[key] for key in ("id", "kind", "product", "server"))))
    for site in shown["sites"]:
        yield "site", "  ".join(filter(None, (" ".join([site["host"], *site["aliases"]]), site["docroot"])))
    for past in shown["past_sites"]:
        yield "site until", f"{past['until'][:10]}  {past['host']}"


def _standing_lines(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about how the customer stands."""
    yield "vetting", shown["vetting"]["state"]
    yield "contact", shown["contact"]["state"]
    yield "standing", shown["standing"]
    for blocked in shown["blocked"]:
        yield "blocked", blocked
    yield "named by", ", ".join(shown["sources"])
