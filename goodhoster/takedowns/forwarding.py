"""Notices about servers of customers' own, forwarded to the customer.

We cannot look into such a server. A notice that may act by itself, or that a person confirms, goes to the customer's
proven contact with a deadline, is reminded of, and is a person's again when it was answered, could not be delivered, or
its deadline passed. Nothing is called gone because it was forwarded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.errors import GoodhosterError
from goodhoster.letters.texts import defanged
from goodhoster.model.cases import Order
from goodhoster.model.customers.contact_requests import ContactRequest, Forwarding
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem
from goodhoster.ports.contacts import CustomerNotices

_LEAST_TIME_TO_ACT = timedelta(minutes=15)
"""Less time than this is none for a customer: then a person acts."""


@dataclass(frozen=True, slots=True)
class CustomerForwarding:
    """Forwards the items of a notice.

    May be called again: each customer is written to once about a notice.
    """

    contacts: Callable[[], CustomerNotices | None]
    """None while there is no register: then nobody is known to have a server."""
    enforcing: bool
    """False in mode observe: nobody is written to."""

    def forward(
        self, notice: Notice, doubts: Sequence[str], now: datetime, order: Order | None = None
    ) -> tuple[NoticeItem, ...]:
        """The items, those for a customer forwarded.

        An item's doubt keeps it back unless a person ordered it.
        """
        contacts = self.contacts()
        if contacts is None:
            return notice.items
        by_customer: dict[str, list[NoticeItem]] = defaultdict(list)
        for item, doubt in zip(notice.items, doubts, strict=True):
            if (order or not doubt) and _may_go(item, ordered=order is not None):
                by_customer[item.customer].append(item)
        after: dict[int, NoticeItem] = {}
        for items in by_customer.values():
            told = self._result_of(contacts, _Share(notice, items, now, order.actor if order else "the notice"))
            after |= {
                id(item): replace(item, state=told.state, reason=told.reason, forwarded=told.request) for item in items
            }
        return tuple(after.get(id(item), item) for item in notice.items)

    def sync(self, item: NoticeItem, now: datetime) -> NoticeItem:
        """Update an item that was forwarded by what became of that. Raises what the register raises."""
        if item.state is not ItemState.FORWARDED:
            return item
        contacts = self.contacts()
        request = contacts.request(item.forwarded) if contacts else None
        if why := _over(item, request, now):
            return replace(item, state=ItemState.HELD, reason=why)
        return item

    def _result_of(self, contacts: CustomerNotices, share: _Share) -> _ForwardingResult:
        """What becomes of the items of one customer."""
        customer, deadline = share.items[0].customer, share.deadline(contacts.notice_within)
        where = f"on a server of customer {customer}'s own"
        if not self.enforcing:
            return _ForwardingResult(ItemState.OBSERVED, f"{where}: would be forwarded to its contact")
        if share.confidential:
            return _ForwardingResult(ItemState.HELD, f"{where}, and a confidential notice is not handed on")
        if deadline - share.now < _LEAST_TIME_TO_ACT:
            return _ForwardingResult(
                ItemState.HELD, f"{where}, and the deadline leaves it no time: reach the customer yourself"
            )
        lines = tuple(defanged(item.url) for item in share.items)
        received = share.notice.receipt.received_at
        try:
            request = contacts.forward(customer, Forwarding(share.notice.id, received, lines, deadline, share.actor))
        except GoodhosterError as error:
            return _ForwardingResult(ItemState.HELD, f"{where}, and it was not forwarded: {error}")
        until = f"{request.deadline:%Y-%m-%d %H:%M} UTC"
        return _ForwardingResult(
            ItemState.FORWARDED, f"forwarded to customer {customer}, to be answered by {until}", request.id
        )


@dataclass(frozen=True, slots=True)
class _Share:
    """The items of a notice that are for one customer."""

    notice: Notice
    items: Sequence[NoticeItem]
    now: datetime
    actor: str

    @property
    def confidential(self) -> bool:
        return self.notice.read is not None and self.notice.read.is_confidential

    def deadline(self, within: timedelta) -> datetime:
        """The customer's, which is never later than the notice's own."""
        end = self.now + within
        return min(end, self.notice.deadline) if self.notice.deadline else end


@dataclass(frozen=True, slots=True)
class _ForwardingResult:
    """What became of such a share."""

    state: ItemState
    reason: str
    request: str = ""


def _may_go(item: NoticeItem, *, ordered: bool) -> bool:
    waits = item.state is ItemState.HELD or (ordered and item.state is ItemState.OBSERVED)
    return waits and bool(item.server and item.customer) and not item.forwarded


def _over(item: NoticeItem, request: ContactRequest | None, now: datetime) -> str:
    """Why a person must see to it now; empty while the customer has time."""
    customer = item.customer
    if request is None:
        return f"what customer {customer} was asked is not in the record any more"
    if request.answered_at:
        return f"customer {customer} answered, see its reply: confirm once it is gone, or dismiss"
    if request.failed_at:
        return f"the letter to customer {customer} was not delivered: {request.failure}; {_cut_off(item)}"
    if request.silent_at or now >= request.deadline:
        until = f"{request.deadline:%Y-%m-%d %H:%M} UTC"
        return f"customer {customer} did not answer by {until}; {_cut_off(item)}"
    return ""


def _cut_off(item: NoticeItem) -> str:
    network = f"{item.server}/{128 if ':' in item.server else 32}"
    return f"reach it, or cut its server off: goodhoster customers suspend {network} --panel network"
