"""A customer of the register as it is compared with a list.

And the lists that are kept to be asked again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from goodhoster.customers.register import Register
from goodhoster.customers.screening.reading import read_asn, read_network
from goodhoster.errors import RefusedError
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.screening import Party
from goodhoster.ports import CustomerQuery

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STILL_HERE = frozenset({"active", "suspended"})


def parties_of(register: Register) -> Iterator[Party]:
    """Every customer that has not ended."""
    for customer in register.store.find(CustomerQuery(statuses=_STILL_HERE)):
        hosts = [name for site in register.store.sites_of(customer.id) for name in site.names]
        yield party_of(customer, hosts)


def party_of(customer: Customer, hosts: list[str]) -> Party:
    """A customer as it is compared; the register has no addresses and dates of birth."""
    mails = [contact.address for contact in customer.contacts if contact.kind == "email"]
    written = [network for service in customer.services for network in service.networks]
    mail_domains = (mail.rpartition("@")[2].lower() for mail in mails)
    return Party(
        customer.id,
        customer.kind,
        names=(customer.name,) if customer.name else (),
        domains=tuple(dict.fromkeys([*hosts, *filter(None, mail_domains)])),
        networks=tuple(filter(None, map(read_network, written))),
        asns=tuple(filter(None, map(read_asn, written))),
        mails=tuple(mails),
        phones=tuple(contact.address for contact in customer.contacts if contact.kind == "phone"),
        identifiers=(customer.company_number,) if customer.company_number else (),
        countries=(customer.country,) if customer.country else (),
    )


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class KeptLists:
    """The lists that customers were screened against, as they were last.

    Readable for their owner only.
    """

    folder: Path

    def replace(self, name: str, file: Path, use: Callable[[Path], Result]) -> Result:
        """Use a copy of a list.

        And keep it in place of the one of that name unless that raised an error.
        """
        if not _NAME.fullmatch(name):
            hint = "letters, digits, dots, dashes and underscores; give another --name"
            raise RefusedError(f"{name!r} cannot be the name of a list", hint=hint)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        draft = self.folder / f".{name}.{os.getpid()}"
        try:
            draft.touch(mode=0o600)
            with file.open("rb") as source, draft.open("wb") as to:
                shutil.copyfileobj(source, to)
            result = use(draft)
            draft.replace(self.folder / f"{name}.csv")
        except OSError as error:
            raise RefusedError(f"cannot read or keep {file}: {error.strerror}", hint="check its mode") from error
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        return result

    def all(self) -> list[tuple[str, Path]]:
        """Every kept list with its name."""
        return sorted((file.stem, file) for file in self.folder.glob("[!.]*.csv"))
