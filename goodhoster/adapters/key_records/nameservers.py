"""Key records from DNS: the system's name servers, or given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from goodhoster.errors import PassingError

_REMEMBERED = 1000  # names


@dataclass(frozen=True, slots=True)
class NameServers:
    """The name servers to ask."""

    addresses: Sequence[str] = ()
    """Empty: those of /etc/resolv.conf."""
    port: int = 53
    seconds: float = 5.0
    """All tries for one name together."""


class DnsKeyRecords:
    """Asks name servers; answers are cached for as long as their TTL says. Threads may share it."""

    def __init__(self, servers: NameServers = NameServers()) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers.addresses)
        if servers.addresses:
            self._resolver.nameservers = list(servers.addresses)
            self._resolver.port = servers.port
        self._resolver.lifetime = servers.seconds
        self._resolver.cache = dns.resolver.LRUCache(_REMEMBERED)

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records; a name that cannot exist has none."""
        try:
            whole = dns.name.from_text(name, dns.name.root)
        except dns.exception.DNSException:
            return ()
        try:
            answer = self._resolver.resolve(whole, dns.rdatatype.TXT, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            hint = "check that name servers can be reached from this machine"
            raise PassingError(f"no name server answered for {name}: {error}", hint=hint) from error
        return tuple(b"".join(record.strings).decode("latin-1") for record in answer)
