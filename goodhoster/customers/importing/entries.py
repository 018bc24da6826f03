"""One row of a list as a customer with sites; many rows may be about one customer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from goodhoster.customers.importing import values
from goodhoster.customers.importing.rows import ListRow, RowError
from goodhoster.customers.importing.vocabulary import ID
from goodhoster.model.customers.register import Contact, Customer, CustomerKind, CustomerSite, Service, Status, distinct

_MOST_PER_ROW = 10_000
"""Contacts, services or sites of one customer in one row."""
_kind = values.one_of("person", "company")
_contact_kind = values.one_of("email", "phone")
_status = values.one_of("active", "suspended", "ended", "inactive", "closed", "cancelled")
_ENDED = frozenset({"inactive", "closed", "cancelled"})
_EXTERNAL = "external_"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """What one row says."""

    customer: Customer
    sites: tuple[CustomerSite, ...]
    previous_id: str = ""


def read_entry(row: ListRow) -> RegisterEntry:
    """Read a row; RowError says what is wrong with it."""
    fields = row.fields
    of = values.customer_id(ID, fields.get(ID))
    previous = values.plain("previous_id", fields.get("previous_id"))
    reseller = values.plain("reseller", fields.get("reseller"))
    if reseller == of:
        raise RowError(f"{of} is its own reseller", "leave reseller empty for a customer of your own")
    customer = Customer(
        id=of,
        name=values.plain("name", fields.get("name")),
        kind=cast("CustomerKind", _kind("kind", fields.get("kind"))),
        reseller=reseller,
        language=values.language("language", fields.get("language")),
        country=values.country("country", fields.get("country")),
        contacts=_contacts(fields),
        services=_services(fields),
        company_number=values.company_number("company_number", fields.get("company_number")),
        since=values.day("since", fields.get("since")),
        status=_status_of(fields),
        external_ids=_external_ids(fields),
    )
    return RegisterEntry(customer, _sites(of, fields), "" if previous == of else previous)


def id_in(row: ListRow) -> str:
    """Whose a row is, as far as that can be read; else empty."""
    try:
        return values.customer_id(ID, row.fields.get(ID))
    except RowError:
        return ""


def merged_customer(before: Customer, now: Customer) -> Customer:
    """One customer of two rows of a list; RowError where they contradict each other."""
    told = {name: _same_or_only(name, getattr(before, name), getattr(now, name)) for name in _SINGLE}
    if before.status != now.status:
        raise RowError(f"status is {now.status}, and {before.status} in a line before", "say the same in all its lines")
    ids = {service.id: service for service in before.services}
    for service in now.services:
        if ids.get(service.id, service) != service:
            why = f"service {service.id!r} is another one than in a line before"
            raise RowError(why, "say the same of it in all lines, or give each service its own id")
    return dataclasses.replace(
        before,
        **told,
        contacts=distinct((*before.contacts, *now.contacts)),
        services=distinct((*before.services, *now.services)),
        external_ids={**before.external_ids, **now.external_ids},
    )


def merged_site(before: CustomerSite, now: CustomerSite) -> CustomerSite:
    """One site of two rows of a list; RowError where they contradict each other."""
    if before.customer != now.customer:
        why = f"the site {now.host} is {before.customer}'s in a line before"
        raise RowError(why, "leave it at the customer whose it is")
    docroot = _same_or_only("docroot", before.docroot, now.docroot)
    user = _same_or_only("user", before.user, now.user)
    aliases = distinct((*before.aliases, *now.aliases))
    return dataclasses.replace(before, docroot=docroot, user=user, aliases=aliases)


_SINGLE = ("name", "kind", "reseller", "language", "country", "company_number", "since")


def _same_or_only(name: str, before: Any, now: Any) -> Any:  # noqa: ANN401 - any field
    if before and now and before != now:
        why = f"{name} is {_quoted(now)}, and {_quoted(before)} in a line before"
        raise RowError(why, "say the same in all lines of one customer or site, or leave it empty")
    return before or now


def _quoted(value: object) -> str:
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else str(value))[:80]


def _status_of(fields: Mapping[str, Any]) -> Status:
    status = _status("status", fields.get("status"))
    return cast("Status", "ended" if status in _ENDED else status or "active")


def _contacts(fields: Mapping[str, Any]) -> tuple[Contact, ...]:
    found = [
        Contact("email", values.mail_address("abuse_email", fields.get("abuse_email")), "abuse"),
        Contact("email", values.mail_address("email", fields.get("email"))),
        Contact("phone", values.phone("phone", fields.get("phone"))),
    ]
    found += [_contact(each) for each in _objects("contacts", fields.get("contacts"))]
    return distinct(contact for contact in found if contact.address)


def _contact(said: Mapping[str, Any]) -> Contact:
    kind = _contact_kind("kind of a contact", said.get("kind")) or "email"
    read = values.mail_address if kind == "email" else values.phone
    address = read("address of a contact", said.get("address"))
    if not address:
        raise RowError("a contact has no address", "complete or remove it")
    purpose = values.word("purpose of a contact", said.get("purpose")) or "general"
    return Contact("phone" if kind == "phone" else "email", address, purpose)


def _services(fields: Mapping[str, Any]) -> tuple[Service, ...]:
    found = [_service(each) for each in _objects("services", fields.get("services"))]
    if values.plain("service", fields.get("service")):
        flat = {
            "id": fields.get("service"),
            "kind": fields.get("service_kind"),
            **{name: fields.get(name) for name in ("server", "product", "networks", "inspectable")},
        }
        found.append(_service(flat))
    return distinct(found)


def _service(said: Mapping[str, Any]) -> Service:
    return Service(
        id=values.plain("id of a service", said.get("id")),
        kind=values.word("kind of a service", said.get("kind")) or "shared-hosting",
        server=values.plain("server", said.get("server")),
        product=values.plain("product", said.get("product")),
        networks=values.networks("networks", said.get("networks")),
        inspectable=values.yes_or_no("inspectable", said.get("inspectable")),
    )


def _sites(of: str, fields: Mapping[str, Any]) -> tuple[CustomerSite, ...]:
    found = [_site(of, each) for each in _objects("sites", fields.get("sites"))]
    names = values.hosts("domain", fields.get("domain"))
    docroot = values.directory("docroot", fields.get("docroot"))
    user = values.plain("user", fields.get("user"))
    if names:
        found.append(CustomerSite(names[0], of, docroot, user, names[1:]))
    elif docroot:
        raise RowError("there is a docroot and no domain", "give the domain of the site")
    return tuple(found)


def _site(of: str, said: Mapping[str, Any]) -> CustomerSite:
    names = (
        *values.hosts("host", said.get("host") or said.get("domain")),
        *values.hosts("aliases", said.get("aliases")),
    )
    if not names:
        raise RowError("a site has no host", "complete or remove it")
    docroot = values.directory("docroot", said.get("docroot"))
    return CustomerSite(names[0], of, docroot, values.plain("user", said.get("user")), distinct(names[1:]))


def _external_ids(fields: Mapping[str, Any]) -> dict[str, str]:
    nested = fields.get("external_ids") or {}
    if not isinstance(nested, Mapping):
        raise RowError("external_ids is not a table", 'write it such as {"whmcs": "17"}')
    found = {values.word("system of an external id", name): values.plain(str(name), of) for name, of in nested.items()}
    flat = {name: of for name, of in fields.items() if name.startswith(_EXTERNAL) and name != "external_ids"}
    found |= {name.removeprefix(_EXTERNAL): values.plain(name, of) for name, of in flat.items()}
    return {name: of for name, of in found.items() if name and of}


def _objects(name: str, value: object) -> list[Mapping[str, Any]]:
    if value in (None, "", []):
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise RowError(f"{name} is not a list of objects", f"write {name} as a list of tables")
    if len(value) > _MOST_PER_ROW:
        raise RowError(f"there are more than {_MOST_PER_ROW:,} {name}", "split the entry over several")
    return value
