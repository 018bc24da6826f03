"""Who is below whom in a list: chains of resellers, in which circles are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from goodhoster.customers.importing.rows import RowError

LONGEST_CHAIN = 16
"""Resellers above each other; a longer chain is a mistake."""
_TOLD = 8
_LONGEST_WALK = 1000
"""Resellers that are followed to see whether they go in a circle."""


class ResellerChains:
    """The resellers that a list names."""

    def __init__(self) -> None:
        self._above: dict[str, tuple[str, int]] = {}
        self._elsewhere: dict[str, str] = {}

    def add(self, customer_id: str, reseller: str, line: int) -> None:
        """Note who is above a customer."""
        if reseller:
            self._above[customer_id] = reseller, line

    def refused(self, elsewhere: Callable[[str], str]) -> Iterator[tuple[str, int, RowError]]:
        """The customers on a circle, or at the end of a chain that is too long, each with its line.

        `elsewhere` tells the reseller of a customer whom the list does not put below anybody.
        """
        for customer_id, (_, line) in self._above.items():
            chain = self._chain(customer_id, elsewhere)
            if chain[-1] == customer_id:
                told = " → ".join(chain if len(chain) <= _TOLD else [*chain[:_TOLD], "…"])
                yield customer_id, line, RowError(f"its resellers form a loop: {told}", "break it at one of them")
            elif len(chain) > LONGEST_CHAIN + 1 and len(set(chain)) == len(chain):
                why = f"it has more than {LONGEST_CHAIN} resellers above it"
                yield customer_id, line, RowError(why, "name the reseller with whom you have the contract")

    def _chain(self, customer_id: str, elsewhere: Callable[[str], str]) -> list[str]:
        """The customer and the resellers above, until one comes again or they are too many."""
        chain = [customer_id]
        while above := self._reseller(chain[-1], elsewhere):
            chain.append(above)
            if above in chain[:-1] or len(chain) > _LONGEST_WALK:
                break
        return chain

    def _reseller(self, customer_id: str, elsewhere: Callable[[str], str]) -> str:
        if customer_id in self._above:
            return self._above[customer_id][0]
        if customer_id not in self._elsewhere:
            self._elsewhere[customer_id] = elsewhere(customer_id)
        return self._elsewhere[customer_id]
