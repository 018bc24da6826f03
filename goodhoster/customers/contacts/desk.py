"""The contact desk: asks contacts, takes their answers, and counts who stays silent.

An answer is a button pressed on the page behind the link, a reply with the word that the letter asks for, or a code
that was told by telephone. Whatever only a machine does proves nothing: opening the link, an automatic reply, a report
of delivery.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.customers.contact_requests import (
    Answered,
    ContactRequest,
    ContactState,
    ContactStatus,
    Deliverability,
    Forwarding,
    RequestKind,
)
from goodhoster.model.customers.register import Customer
from goodhoster.model.ids import id_of, new_id
from goodhoster.model.notices import ReadNotice
from goodhoster.policy.contacts import ContactRules, contact_of, drills_due, same_address, status_of
from goodhoster.ports import (
    AuditLog,
    Clock,
    ContactLetters,
    ContactStore,
    CustomerQuery,
    CustomerStore,
    MailDomains,
    Pager,
)

_log = logging.getLogger(__name__)
_YES = frozenset({"yes", "ja", "oui", "si", "sí", "tak", "ok"})
"""The word that a reply begins with; the letter asks for it in its own language."""
_REMINDED = frozenset({RequestKind.DRILL, RequestKind.NOTICE})
_MOST_TRIES = 5
_PHONE = re.compile(r"\+?\d{6,20}")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ContactMail:
    """A mail about a letter to a contact."""

    answers: tuple[str, ...]
    """Requests whose Message-ID stands in it."""
    reports_on: tuple[str, ...]
    """Requests to whose envelope sender it came: only what handled that letter knows it."""
    read: Callable[[], ReadNotice]


@dataclass(frozen=True, slots=True)
class ContactParts:
    """Parts that the desk works with."""

    customers: CustomerStore
    store: ContactStore
    letters: ContactLetters
    domains: MailDomains
    audit: AuditLog
    telephone: Pager | None
    """Tells a code by telephone; None where no command is set."""
    clock: Clock
    high_risk: Callable[[str], bool] = lambda _: False


class ContactDesk:
    """See `ports.ContactFacts`. Processes may share its record."""

    def __init__(self, parts: ContactParts, rules: ContactRules) -> None:
        self._parts = parts
        self.rules = rules

    def status(self, customer_id: str, *, high_risk: bool | None = None) -> ContactStatus:
        """See `ports.ContactFacts`."""
        customer = self._parts.customers.known(customer_id)
        if customer is None:
            return ContactStatus(ContactState.NONE, why="the register does not have the customer")
        is_high = self._parts.high_risk(customer.id) if high_risk is None else high_risk
        validity = self.rules.validity(high_risk=is_high)
        return status_of(customer, self.requests(customer.id), self._parts.clock(), validity)

    def requests(self, customer_id: str) -> Sequence[ContactRequest]:
        """See `ports.ContactFacts`."""
        ids = (customer_id, *self._parts.customers.former_ids(customer_id))
        found = [request for name in ids for request in self._parts.store.of_customer(name)]
        return sorted(found, key=lambda request: request.asked_at)

    def ask(self, customer_id: str, kind: RequestKind, actor: str) -> ContactRequest:
        """Write to a customer's mail address; its answer proves that it is read.

        An address that is none, or whose domain takes no mail, is not written to: it is invalid. RefusedError where
        there is none, or it got as many letters as it may today.
        """
        customer = self._parts.customers.get(customer_id)
        contact = contact_of(customer)
        if contact is None:
            hint = "add a contact of kind email, and import the customer again"
            raise RefusedError(f"customer {customer.id} has no mail address", hint=hint)
        token = secrets.token_urlsafe(24)
        request = self._new(kind, customer, contact.address, _hash(token))
        check = self._parts.domains.check(contact.address)
        self._log("contact.asked", request, actor=actor, kind=kind.value, address=check.result.value)
        unreachable = check.result is Deliverability.UNDELIVERABLE
        # Written before it is recorded: what was never sent must not count as silence after a crash.
        if not unreachable and not self._parts.letters.send(request, token, customer):
            hint = "see [notices] answers_a_day"
            raise RefusedError(f"the contact of {customer.id} got as many letters as it may today", hint=hint)
        self._parts.store.add(request)
        if unreachable:
            self._fail(request, check.why)
        return self._again(request)

    def forward(self, customer_id: str, forwarding: Forwarding) -> ContactRequest:
        """See `ports.CustomerNotices`.

        RefusedError where the contact is not proven, or got as many letters as it may today.
        """
        customer = self._parts.customers.get(customer_id)
        request_id = id_of(f"{forwarding.notice} {customer.id}".encode(), forwarding.received_at, "C")
        if known := self._parts.store.get(request_id):
            return known
        status, contact = self.status(customer.id), contact_of(customer)
        if status.state is not ContactState.VERIFIED or contact is None:
            hint = f"goodhoster customers verify-contact {customer.id}; else reach the customer in another way"
            raise RefusedError(f"the contact of {customer.id} is not proven ({status.state})", hint=hint)
        request = replace(
            self._new(RequestKind.NOTICE, customer, contact.address, b""),
            id=request_id,
            deadline=forwarding.deadline,
            expires_at=forwarding.deadline + self.rules.token_for,
            notice=forwarding.notice,
            about="\n".join(forwarding.lines),
        )
        data = {"notice": forwarding.notice, "deadline": forwarding.deadline.isoformat()}
        self._log("contact.asked", request, actor=forwarding.actor, kind=request.kind.value, **data)
        # Written before it is recorded: what was never sent must not count as silence after a crash.
        if not self._parts.letters.send(request, "", customer):
            hint = "see [notices] answers_a_day"
            raise RefusedError(f"the contact of {customer.id} got as many letters as it may today", hint=hint)
        self._parts.store.add(request)
        return self._again(request)

    def request(self, request_id: str) -> ContactRequest | None:
        """See `ports.CustomerNotices`."""
        return self._parts.store.get(request_id)

    @property
    def notice_within(self) -> timedelta:
        """See `ports.CustomerNotices`."""
        return self.rules.notice_within

    def forwarded_in(self, mail: ContactMail) -> ContactRequest | None:
        """The forwarded notice that a person at the customer's answers with this mail, if any.

        Not where a machine wrote it: that proves nothing.
        """
        found = [one for one in self._requests(mail.answers) if one.kind is RequestKind.NOTICE]
        if not found or mail.reports_on:
            return None
        read = mail.read()
        if read.automatic or read.deliveries:
            return None
        self._answered(found[0], Answered.REPLY)
        return found[0]

    def call(self, customer_id: str, actor: str) -> ContactRequest:
        """Have a code read out to a customer's telephone number; `enter_code` proves it was heard.

        RefusedError where there is no number or no command. PassingError when the command could not.
        """
        customer = self._parts.customers.get(customer_id)
        contact, telephone = contact_of(customer, "phone"), self._parts.telephone
        number = re.sub(r"[\s()./-]", "", contact.address) if contact else ""
        if contact is None or not _PHONE.fullmatch(number):
            raise RefusedError(f"customer {customer.id} has no telephone number", hint="add a contact of kind phone")
        if telephone is None:
            raise RefusedError("no command that makes calls is set", hint="see [contacts] phone_command")
        code = f"{secrets.randbelow(10**8):08}"
        request = self._new(RequestKind.PHONE, customer, contact.address, b"")
        request = replace(request, secret_sha256=_slow_hash(request.id, code))
        self._log("contact.asked", request, actor=actor, kind=request.kind.value)
        telephone.page(number, f"{code}\n")
        self._parts.store.add(request)
        return request

    def enter_code(self, customer_id: str, code: str) -> ContactRequest:
        """Check the code that was read out at that number.

        RefusedError for a wrong one, an expired one, or after too many tries.
        """
        now, digits = self._parts.clock(), re.sub(r"\D", "", code)
        calls = [one for one in self.requests(customer_id) if one.kind is RequestKind.PHONE and not one.settled]
        waiting = [one for one in calls if now < one.expires_at and one.tries < _MOST_TRIES]
        if not waiting:
            hint = f"have another one told: goodhoster customers verify-contact {customer_id} --phone"
            raise RefusedError("no code waits for this customer, or it has expired", hint=hint)
        request = waiting[-1]
        if not hmac.compare_digest(_slow_hash(request.id, digits), request.secret_sha256):
            left = _MOST_TRIES - self._parts.store.count_try(request.id)
            raise RefusedError(f"that is not the code; {max(0, left)} tries are left")
        self._answered(request, Answered.CODE)
        return self._again(request)

    def request_of_link(self, token: str) -> ContactRequest | None:
        """The request of a link, as long as it can be answered; looking changes nothing."""
        request = self._parts.store.with_secret(_hash(token))
        if request is None or request.answered_at or request.failed_at or self._parts.clock() >= request.expires_at:
            return None
        return request

    def confirm(self, token: str) -> ContactRequest | None:
        """Take the answer of whoever pressed the button behind a link.

        None where the link is not good (any more).
        """
        request = self.request_of_link(token)
        return self._again(request) if request and self._answered(request, Answered.LINK) else None

    def language_of(self, request: ContactRequest) -> str:
        """The customer's language; empty where it is not known."""
        customer = self._parts.customers.known(request.customer)
        return customer.language if customer else ""

    def take(self, mail: ContactMail) -> bool:
        """Take a mail that answers or reports on a letter of ours.

        False where a person must see it as well: it says something else, or names an address.
        """
        if reported := self._requests(mail.reports_on):
            return self._take_report(reported[0], mail.read())
        if answered := self._requests(mail.answers):
            return self._take_answer(answered[0], mail.read())
        return False

    def _take_report(self, request: ContactRequest, read: ReadNotice) -> bool:
        """Take a report of delivery: only a failure for good of this very address counts."""
        ours = [one for one in read.deliveries if any(same_address(request.address, to) for to in one.receivers)]
        if failed := next((one for one in ours if one.failed), None):
            self._fail(request, f"a letter came back: {failed.status}")
        elif read.automatic and not read.deliveries:
            self._parts.store.note_auto_reply(request.id, self._parts.clock())
        return bool(read.deliveries) or (read.automatic and not read.items)

    def _take_answer(self, request: ContactRequest, read: ReadNotice) -> bool:
        now = self._parts.clock()
        if read.automatic or read.deliveries:
            self._parts.store.note_auto_reply(request.id, now)
            return not read.items
        if not _says_yes(read.opening):
            return False
        if now < request.expires_at:
            self._answered(request, Answered.REPLY)
        return not (read.items or read.unread)

    def _requests(self, ids: Sequence[str]) -> list[ContactRequest]:
        return [request for request_id in ids if (request := self._parts.store.get(request_id))]

    def process_due(self) -> None:
        """Do what is due: letters that were refused, reminders at half the time, silence at its end."""
        now, failed = self._parts.clock(), None
        for request in self._parts.store.open():
            try:
                self._process(request, now)
            except Exception as error:  # noqa: BLE001 - whatever it throws is no other's concern
                failed = failed or PassingError(f"contact request {request.id}: {str(error) or type(error).__name__}")
                failed.__cause__ = failed.__cause__ or error
        if failed:
            raise failed

    def _process(self, request: ContactRequest, now: datetime) -> None:
        if request.kind is not RequestKind.PHONE and self._parts.letters.was_refused(request.id):
            self._fail(request, "our mail server refused the letter for good")
        elif now >= request.deadline:
            self._log("contact.silent", request, kind=request.kind.value)
            self._parts.store.silent(request.id, now)
        elif request.kind in _REMINDED and now >= request.remind_at:
            self._remind(request, now)

    def drills_due(self) -> list[str]:
        """The customers to drill today, within the day's limit; the longest ago first."""
        store, now = self._parts.store, self._parts.clock()
        last = store.last_drills()
        active = CustomerQuery(statuses=frozenset({"active", "suspended"}))
        customers = [one.id for one in self._parts.customers.find(active) if contact_of(one)]
        drilled = store.drilled_since(now - _DAY)
        return drills_due(((one, last.get(one)) for one in customers), drilled, now, self.rules)

    def _remind(self, request: ContactRequest, now: datetime) -> None:
        customer = self._parts.customers.known(request.customer)
        if customer is not None and request.reminded_at is None:
            self._parts.letters.remind(request, customer)
            self._parts.store.note_reminder(request.id, now)

    def _new(self, kind: RequestKind, customer: Customer, address: str, secret: bytes) -> ContactRequest:
        now, rules = self._parts.clock(), self.rules
        good_for = rules.code_for if kind is RequestKind.PHONE else rules.token_for
        term = rules.drill_within if kind is RequestKind.DRILL else good_for
        expires = now + max(good_for, term)
        return ContactRequest(new_id(now, "C"), kind, customer.id, address, now, now + term, expires, secret)

    def _answered(self, request: ContactRequest, how: Answered) -> bool:
        """Record an answer, once, in the log before in the record."""
        if request.answered_at or request.failed_at:
            return False
        now = self._parts.clock()
        self._log("contact.answered", request, by=how.value, in_time=now <= request.deadline)
        return self._parts.store.answer(request.id, now, how)

    def _fail(self, request: ContactRequest, why: str) -> None:
        if not (request.answered_at or request.failed_at):
            self._log("contact.failed", request, why=why)
            self._parts.store.fail(request.id, self._parts.clock(), why)

    def _again(self, request: ContactRequest) -> ContactRequest:
        return self._parts.store.get(request.id) or request

    def _log(self, event: str, request: ContactRequest, **data: str | bool) -> None:
        self._parts.audit.append(AuditEvent(event, {"request": request.id, "customer": request.customer, **data}))


def _says_yes(opening: str) -> bool:
    """Whether a reply begins with the word for yes, and says nothing else on that line."""
    return re.sub(r"[\W_]+", "", opening).casefold() in _YES


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _slow_hash(request_id: str, code: str) -> bytes:
    """Hash of a code that is short enough to be guessed."""
    return hashlib.scrypt(code.encode(), salt=request_id.encode(), n=2**14, r=8, p=1, dklen=32)
