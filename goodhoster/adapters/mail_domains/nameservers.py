"""Form of a mail address, and whether its domain takes mail, by DNS.

Nothing is sent, and no mail server asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.resolver
from dns.rdatatype import AAAA, MX, A, RdataType
from email_validator import EmailNotValidError, validate_email

from goodhoster.model.customers.contact_requests import AddressCheck, Deliverability

_TIMEOUT_SECONDS = 10.0
"""All questions about one domain together."""


class DnsMailDomains:
    """See `ports.MailDomains`."""

    def __init__(self, name_servers: Sequence[str] = (), port: int = 53, seconds: float = _TIMEOUT_SECONDS) -> None:
        """Without `name_servers` those of the system are asked."""
        self._servers, self._port, self._seconds = tuple(name_servers), port, seconds

    def check(self, address: str) -> AddressCheck:
        """See `ports.MailDomains`."""
        try:
            # Its own check of DNS takes an outage of the name server for an address that is none.
            domain = validate_email(address, check_deliverability=False).ascii_domain
        except EmailNotValidError as error:
            return AddressCheck(Deliverability.UNDELIVERABLE, f"it is not a mail address: {error}")
        try:
            return self._of_domain(self._resolver(), domain)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return AddressCheck(Deliverability.UNCHECKED, f"DNS did not answer for {domain}: {type(error).__name__}")

    def _of_domain(self, resolver: dns.resolver.Resolver, domain: str) -> AddressCheck:
        try:
            answer = resolver.resolve(domain, MX, search=False)
        except dns.resolver.NXDOMAIN:
            return AddressCheck(Deliverability.UNDELIVERABLE, f"there is no domain {domain}")
        except dns.resolver.NoAnswer:
            return self._by_host(resolver, domain)
        servers = {str(record.exchange) for record in answer}
        if servers == {"."}:
            return AddressCheck(Deliverability.UNDELIVERABLE, f"{domain} takes no mail (null MX, RFC 7505)")
        return AddressCheck(Deliverability.DELIVERABLE)

    def _by_host(self, resolver: dns.resolver.Resolver, domain: str) -> AddressCheck:
        """Without MX records the host of that name takes the mail (RFC 5321 5.1)."""
        if any(self._has(resolver, domain, kind) for kind in (A, AAAA)):
            return AddressCheck(Deliverability.DELIVERABLE)
        return AddressCheck(Deliverability.UNDELIVERABLE, f"{domain} has neither a mail server nor an address")

    def _has(self, resolver: dns.resolver.Resolver, domain: str, kind: RdataType) -> bool:
        try:
            resolver.resolve(domain, kind, search=False)
        except dns.resolver.NoAnswer:
            return False
        return True

    def _resolver(self) -> dns.resolver.Resolver:
        """A resolver of its own for each check; DNSException where the system names no server."""
        resolver = dns.resolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers, resolver.port = list(self._servers), self._port
        resolver.lifetime = self._seconds / 3
        return resolver
