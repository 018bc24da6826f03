"""Fair queueing of files: a customer's n-th waiting file follows all others' (n-1)-th.

Each row that becomes ready is numbered once, and rows are taken in order of their numbers: start-time fair queueing
(Goyal, Vin, Cheng 1996) with files of one cost. So one customer's million files delay nobody else's first, taking a row
is one step into an index however many wait, and the order survives a restart in the rows themselves.
"""

from __future__ import annotations

from collections.abc import Hashable


class FairQueue:
    """The numbers of one priority's rows. Bounded by the customers that have rows waiting."""

    def __init__(self) -> None:
        self.reached = 0
        """All rows before this number have been taken, but for those of customers that were passed over."""
        self._last: dict[Hashable, int] = {}

    def reach(self, turn: int) -> None:
        """See `reached`."""
        self.reached = max(self.reached, turn)

    def empty(self) -> None:
        """Reset where no row waits: what customers had before counts no more."""
        self._last.clear()

    def next(self, customer: Hashable) -> int:
        """The number of this customer's next row."""
        turn = max(self.reached, self._last.get(customer, 0)) + 1
        self._last[customer] = turn
        return turn

    def forget_vanished(self, customer: Hashable) -> None:
        """Account for rows of this customer that vanished untaken: it does not wait for them."""
        self._last.pop(customer, None)
