"""Cuts a network off by programs of the administrator's.

Only networks that are ours, and small ones: an order for more than a customer can have is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from goodhoster.adapters.counterparts import quotable, run_program
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.customers.panels import PanelAccount, SuspensionTarget

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LARGEST = {4: 24, 6: 48}
"""Length of the shortest prefix that is blocked, by version."""
_BLOCKED, _FREE = 0, 1


@dataclass(frozen=True, slots=True)
class NetworkBlock:
    """See `ports.Suspends`; an account is a network in CIDR form."""

    block: tuple[str, ...]
    unblock: tuple[str, ...]
    state: tuple[str, ...]
    own: Sequence[Network]
    run: Run = run_here
    name: str = "network"
    proven: str = "with the nftables recipe of the manual, in a network namespace"

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        network = self._network(account_id)
        ended = run_program(self.run, [*self.state, network])
        if ended.code not in {_BLOCKED, _FREE}:
            raise self._failure(self.state, ended.code, ended.err)
        return PanelAccount(network, ended.code == _BLOCKED)

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - a router keeps no reason
        """See `ports.Suspends`."""
        self._order(self.block, target)

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order(self.unblock, target)

    def _order(self, program: Sequence[str], target: SuspensionTarget) -> None:
        ended = run_program(self.run, [*program, self._network(target.account)])
        if ended.code != 0:
            raise self._failure(program, ended.code, ended.err)

    def _network(self, written: str) -> str:
        try:
            network = ipaddress.ip_network(written)
        except ValueError as error:
            hint = "write it as 192.0.2.7/32 or 2001:db8:1::/64"
            raise RefusedError(f"{written!r} is not a network: {error}", hint=hint) from error
        if network.prefixlen < _LARGEST[network.version]:
            raise RefusedError(f"{network} is too large to be one customer's", hint="block smaller networks")
        if not any(network.version == ours.version and network.subnet_of(ours) for ours in self.own):  # type: ignore[arg-type]
            raise RefusedError(f"{network} is not ours", hint="see notices.own_networks")
        return str(network)

    def _failure(self, program: Sequence[str], code: int, said: bytes) -> PermanentError:
        why = quotable(said.decode("utf-8", "replace"))
        return PermanentError(f"{' '.join(program)} ended with {code}: {why}", hint="see [network_block]")
