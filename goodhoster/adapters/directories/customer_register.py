"""Sites from the register of customers, with the contact of each customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal

from goodhoster.errors import ConfigurationError
from goodhoster.model.customers import register as customers
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.notices import Matching, PathRoute, Site
from goodhoster.ports import CustomerStore

_LANGUAGES: dict[str, Literal["nl", "en", "de"]] = {"nl": "nl", "en": "en", "de": "de"}
_NO_DOCROOT = "the register of customers does not tell where the files of this site are"


class RegisterDirectory:
    """The sites of the register; read again only when it has changed."""

    name = "register"

    def __init__(self) -> None:
        self.open_register: Callable[[], AbstractContextManager[CustomerStore]] | None = None
        """Set by the composition, which alone knows where the register is."""
        self._kept: tuple[int, tuple[Site, ...]] | None = None

    def sites(self) -> Sequence[Site]:
        """All sites. ConfigurationError where there is no register."""
        if self.open_register is None:
            hint = "build it by goodhoster.assembly"
            raise ConfigurationError("the path of the register of customers is missing", hint=hint)
        with self.open_register() as register:
            generation = register.generation()
            if self._kept is None or self._kept[0] != generation:
                self._kept = generation, tuple(_sites(register))
            return self._kept[1]


def _sites(register: CustomerStore) -> Iterator[Site]:
    contacts: dict[str, AbuseContact | None] = {}
    for site in register.sites():
        if site.customer not in contacts:
            contacts[site.customer] = _contact(register.known(site.customer))
        docroot = site.docroot
        routes = (PathRoute(Matching.PREFIX, "/", docroot),) if docroot else ()
        trouble = "" if docroot else _NO_DOCROOT
        yield Site(site.customer, site.names, routes, contact=contacts[site.customer], trouble=trouble)


def _contact(customer: customers.Customer | None) -> AbuseContact | None:
    """The customer's address for abuse, else the first of all."""
    mails = [contact for contact in customer.contacts if contact.kind == "email"] if customer else []
    if customer is None or not mails:
        return None
    chosen = next((contact for contact in mails if contact.purpose == "abuse"), mails[0])
    return AbuseContact(customer.id, chosen.address, _LANGUAGES.get(customer.language))
