"""The guard against an import that empties the register: decides by what would end."""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.model.customers.register import RegisterDifference


@dataclass(frozen=True, slots=True)
class RegisterGuard:
    """How many customers and sites of one source may end in one import."""

    share: float = 0.2
    """Of what the source named before."""
    always: int = 1
    """So many may end whatever share that is: in a small house one customer is more than a fifth."""
    allowed_customers: int = 0
    """A person's word that so many may end this time."""
    allowed_sites: int = 0

    def objection(self, found: RegisterDifference, *, named: int) -> str:
        """Why the import must not be applied, for a person; empty when it may.

        `named`: customers in the list.
        """
        if not named and found.before > self.allowed_customers:
            return f"the list names no customer, and all {found.before:,} of this source would end"
        for ended, before, allowed, what in (
            (found.ended, found.before, self.allowed_customers, "customers"),
            (found.sites_removed, found.sites_before, self.allowed_sites, "sites"),
        ):
            if ended == before > allowed:
                return f"all {before:,} {what} of this source would end"
            if ended > max(self.always, before * self.share, allowed):
                return f"{ended:,} of {before:,} {what} of this source would end, more than {self.share:.0%}"
        return ""
