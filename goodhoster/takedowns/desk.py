"""The notice desk: from raw bytes on disk to inaccessible, answered and checked again.

Every step is recorded before the next, and may be taken again after a crash: what is found done is not done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from goodhoster.errors import GoodhosterError, PassingError, RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.threads import map_ahead, map_parallel
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.crawling import FoundAgain
from goodhoster.model.notice_status import (
    Decided,
    DecisionVerb,
    ItemState,
    Notice,
    NoticeItem,
    NoticeState,
    Receipt,
    Reply,
    Seen,
)
from goodhoster.model.notices import (
    Belief,
    Carrier,
    Notifier,
    NotifierCaps,
    RawNotice,
    ReadItem,
    ReadNotice,
    TrustFinding,
    TrustLevel,
)
from goodhoster.notices.reading.doubts import doubts_about, names_without_item
from goodhoster.notices.reading.mail import headers_of
from goodhoster.notices.reading.repeated import why_bounced
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.ports import AuditLog, Clock, NoticeQuery, NoticeReader, NoticeStore, Outside, Pager
from goodhoster.takedowns.actions import TakedownActions
from goodhoster.takedowns.answers import Answers
from goodhoster.takedowns.deadlines import (
    DeadlineTerms,
    alert_kind_of,
    deadline_of,
    due_alerts,
    next_due,
    stated_ends,
)
from goodhoster.takedowns.demands import Grounds
from goodhoster.takedowns.forwarding import CustomerForwarding
from goodhoster.takedowns.outside_checks import after_look, first_look, found_again, worst_of
from goodhoster.takedowns.preview import PreviewLine, preview_of, preview_of_dismissal
from goodhoster.takedowns.summary import (
    after_replies,
    counts_of,
    expect_undecided,
    page_text,
    state_after,
    tightened,
    with_replies_seen,
)

_log = logging.getLogger(__name__)
_LOOKS_AT_ONCE = 16
_LOOKS_WITHIN = timedelta(seconds=10)
"""Then other notices have their turn, however slow the site is; what was not looked at yet stays due."""
_ACTS_AT_ONCE = 50
"""Items whose measures share a session at the case desk: in between, fresh uploads have theirs."""
_NOTHING = NotifierCaps(0, 0)
_KEYS_WITHIN = timedelta(hours=1)


class Believe(Protocol):
    """Evaluation of the sender, with its proof."""

    def __call__(self, receipt: Receipt, raw: RawNotice, /) -> Belief:
        """Evaluate; may be repeated for a receipt, with the same answer or a better one."""


class OursAmong(Protocol):
    """Search for the host names and addresses that lead to this host."""

    def __call__(self, names: Iterable[str], /) -> frozenset[str]:
        """Those names and addresses that lead to this host.

        Raises what a directory raises where the sites cannot be told.
        """


@dataclass(frozen=True, slots=True)
class NoticeParts:
    """Parts that the desk works with."""

    spool: Spool
    store: NoticeStore
    audit: AuditLog
    reader: NoticeReader
    believe: Believe
    acts: TakedownActions
    letters: Answers
    outside: Outside | None
    """None where nobody may look from outside: then our own reading back must do."""
    pager: Pager
    lock: FileLock
    clock: Clock
    ours: OursAmong
    forwarding: CustomerForwarding
    """To customers with servers of their own."""
    index_gap: Callable[[], str] = lambda: ""
    """What the index of files does not know yet, in words."""


class NoticeDesk:
    """Notice desk of one process; all of a machine share spool, store, audit log and lock."""

    def __init__(self, parts: NoticeParts, notifiers: Sequence[Notifier], terms: DeadlineTerms) -> None:
        self._parts = parts
        self._notifiers = {notifier.id: notifier for notifier in notifiers}
        self._terms = terms

    def keep(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        """Make a raw notice safe, and no more: after this it can be acknowledged to its sender."""
        return self._parts.spool.keep(raw, arrived)

    def receive(self, receipt: Receipt) -> Notice:
        """Take one notice into the record, read it and act on it. May be called again for the same."""
        with self._parts.lock:
            with suppress(RefusedError):  # a crash came between record and spool
                # The clock runs from here, also where reading it fails.
                end = receipt.received_at + self._terms.default
                self._parts.store.add(Notice(receipt, deadline=end, due=receipt.received_at))
                self._log("notice.received", receipt.id, sha256=receipt.sha256.hex(), carrier=receipt.carrier)
            self._parts.spool.taken(receipt.id)
            return self._handle(self._parts.store.get(receipt.id))

    def join(self, notice_id: str, reply: Reply, read: ReadNotice | None = None) -> Notice:
        """Add a reply to its notice; it ends nothing and starts nothing.

        What it says of its notifier's (`read`) can shorten the term, and keep customers from being told. May be called
        again for the same.
        """
        with self._parts.lock:
            notice = self._parts.store.get(notice_id)
            if any(known.receipt.id == reply.receipt.id for known in notice.replies):
                return notice
            self._log("notice.replied", notice_id, reply=reply.receipt.id, sha256=reply.receipt.sha256.hex())
            joined = replace(notice, replies=(*notice.replies, reply))
            if read is not None and not reply.automatic:
                joined = tightened(joined, read, stated_ends(reply.receipt, read, None))
            return self._handle(joined, recorded=notice)

    def due(self) -> list[str]:
        """Notices to be processed by now.

        Left by a crash, decided by a person, to be looked at from outside, near their deadline.
        """
        return list(self._parts.store.ids(NoticeQuery(due=self._parts.clock())))

    def look_after(self, notice_id: str) -> Notice:
        """Do what is due for one notice. What a person put back is not looked for."""
        notice = self._parts.store.get(notice_id)
        items = tuple(self._parts.acts.sync(item, _news_since(notice, item)) for item in notice.items)
        if items == notice.items:
            self._check_from_outside(notice)
        with self._parts.lock:
            notice = self._parts.store.get(notice_id)
            return self._carry_out_decision(notice) if self._is_interrupted(notice) else self._handle(notice)

    def reconsider(self, notice_id: str) -> None:
        """Have a notice looked after soon, such as when a person decided on a case of it."""
        with self._parts.lock:
            notice = self._parts.store.get(notice_id)
            self._parts.store.replace(replace(notice, due=self._parts.clock()), expected=notice.state)

    def found_again(self, notice_id: str, url: str, found: FoundAgain) -> Notice:
        """Reopen a URL that was gone and is to be seen again, perhaps at another address of ours."""
        with self._parts.lock:
            notice = self._parts.store.get(notice_id)
            items = tuple(self._reopened(notice, item, found) if item.url == url else item for item in notice.items)
            return self._handle(replace(notice, items=items), recorded=notice)

    def confirm(self, notice_id: str, order: Order) -> Notice:
        """Act on everything that waits in this notice, by a person's order.

        RefusedError in mode observe, where no address was found in it, and where another person's decision came first.
        """
        self._parts.acts.desk.expect_enforcing()
        _expect_something_to_act_on(self._parts.store.get(notice_id))
        return self._decide(notice_id, DecisionVerb.CONFIRMED, order)

    def preview(self, notice_id: str) -> list[PreviewLine]:
        """What `confirm` would take and block at whom; nothing is changed."""
        return preview_of(self._parts.store.get(notice_id), self._parts.acts)

    def preview_dismissal(self, notice_id: str) -> list[PreviewLine]:
        """What `dismiss` would close, cancel and lift at whom; nothing is changed."""
        return preview_of_dismissal(self._parts.store.get(notice_id), self._parts.acts)

    def dismiss(self, notice_id: str, order: Order) -> Notice:
        """Leave what waits in this notice as it is, by a person's order.

        A block for it is lifted, and a case that waits for a person is closed. What was taken offline comes
        back by `cases restore`. RefusedError where another person's decision came first.
        """
        return self._decide(notice_id, DecisionVerb.DISMISSED, order)

    def _decide(self, notice_id: str, verb: DecisionVerb, order: Order) -> Notice:
        """Record a decision before anything is done for it, and carry it out.

        The decision that is on record first wins, also after a crash.
        """
        seen = self._parts.store.get(notice_id).decided
        with self._parts.lock:
            notice = self._parts.store.get(notice_id)
            if self._is_interrupted(notice):
                notice = self._carry_out_decision(notice)
            expect_undecided(notice, seen, verb)
            self._log(f"notice.{verb}", notice_id, actor=order.actor, reason=order.reason)
            now = self._parts.clock()
            begun = replace(notice, decided=Decided(verb, order.actor, order.reason, now, done=False), due=now)
            self._parts.store.replace(begun, expected=notice.state)
            return self._carry_out_decision(begun)

    def _is_interrupted(self, notice: Notice) -> bool:
        """Whether a crash interrupted a decision that may be gone on with."""
        if notice.decided is None or notice.decided.done:
            return False
        return notice.decided.verb is DecisionVerb.DISMISSED or self._parts.acts.desk.rules.enforce

    def _carry_out_decision(self, notice: Notice) -> Notice:
        """Carry out the decision that is on record.

        What fails is the person's again, and not tried by itself.
        """
        assert notice.decided  # noqa: S101 - asked for then alone
        order, decided = Order(notice.decided.actor, notice.decided.reason), replace(notice.decided, done=True)
        after = replace(with_replies_seen(notice), decided=decided, reviewed=True)
        try:
            if decided.verb is DecisionVerb.CONFIRMED:
                after = replace(after, items=tuple(self._confirmed(notice, item, order) for item in notice.items))
                return self._handle(self._forwarded(after, order), recorded=notice)
            items = tuple(self._dismissed(item, order) for item in notice.items)
            after = replace(after, items=items, reason=f"{order.actor}: {order.reason}")
            return self._handle(after, recorded=notice, by_person=True)
        except GoodhosterError:
            self._parts.store.replace(replace(notice, decided=decided), expected=notice.state)
            raise

    def _handle(self, notice: Notice, recorded: Notice | None = None, *, by_person: bool = False) -> Notice:
        """Process a notice as far as possible now; after a crash every step may be repeated.

        `recorded` is what the store holds, where that is older.
        """
        before = recorded or notice
        notice = self._understood(notice)  # who sent it, what it says, by when it must be done
        notice = self._with_names_of_ours(notice)  # what it names of ours beside its items
        notice = replace(notice, index_gap=self._index_gap(notice))  # how far copies can be found now
        notice = replace(notice, items=tuple(self._items_after(notice)))  # located, and taken offline or held
        notice = self._forwarded(notice)  # to customers with servers of their own
        if before.state is NoticeState.RECEIVED:
            notice = replace(notice, duplicate_of=self._earlier_copy(notice))
            self._tighten_earlier(notice)
        # What the items add up to, and whether the clock stops.
        notice = state_after(notice, self._parts.clock(), by_person=by_person)
        notice = self._parts.letters.write(notice)  # to its sender, and to the customers
        notice = after_replies(notice)  # which wait for a person when everything else is done
        notice = self._page(notice)  # a person, where one is needed
        notice = replace(notice, due=next_due(notice, self._parts.clock(), self._terms))  # when to look after it again
        self._record(before, notice)
        return notice

    def _understood(self, notice: Notice) -> Notice:
        if notice.state is NoticeState.RECEIVED:
            return self._read(notice)
        keys_were_missing = notice.trust is not None and notice.trust.passing
        return self._reevaluate_sender(notice) if keys_were_missing else notice

    def _record(self, before: Notice, after: Notice) -> None:
        if after == before:
            return
        self._parts.store.replace(after, expected=before.state)
        if before.state is not after.state:
            counts = ", ".join(f"{n} {state}" for state, n in counts_of(after.items))
            self._log("notice." + after.state, after.id, notifier=after.notifier, level=after.level, items=counts)

    def _read(self, notice: Notice) -> Notice:
        raw = self._parts.spool.raw(notice.receipt)
        belief = self._parts.believe(notice.receipt, raw)
        read, trust = self._parts.reader.read(belief.says), belief.trust
        if why := _why_bounced(notice.receipt, raw):
            read = replace(read, doubts=(why, *read.doubts))
        items = tuple(NoticeItem(item, item.urls[0]) for item in read.items)
        deadline = deadline_of(notice.receipt, read, self._notifiers.get(trust.notifier), self._terms)
        read = self._in_their_language(replace(read, items=(), text=""), trust)
        notice = replace(notice, read=read, trust=trust, items=items, deadline=deadline)
        return replace(notice, state=NoticeState.OPEN)

    def _in_their_language(self, read: ReadNotice, trust: TrustFinding) -> ReadNotice:
        """Notice in the language that the notifier's profile names, if any."""
        notifier = self._notifiers.get(trust.notifier)
        return replace(read, language=notifier.language) if notifier and notifier.language else read

    def _reevaluate_sender(self, notice: Notice) -> Notice:
        """Evaluate the sender again where the keys could not be fetched when the notice came.

        What was held for that reason may go on when they can.
        """
        belief = self._parts.believe(notice.receipt, self._parts.spool.raw(notice.receipt))
        says = self._parts.reader.read(belief.says)
        if says.items != tuple(item.read for item in notice.items):
            return notice  # proven for a part of it by now, but the whole was read
        trust = belief.trust
        if trust.passing or trust.level is notice.level:
            return replace(notice, trust=trust)
        again = tuple(
            replace(item, state=ItemState.WAITING) if item.state is ItemState.HELD else item for item in notice.items
        )
        read = self._in_their_language(replace(says, items=(), text=""), trust)
        return replace(notice, read=read, trust=trust, items=again)

    def _with_names_of_ours(self, notice: Notice) -> Notice:
        """Record which of the names in it are ours and no item's.

        Where that cannot be told now, it is asked again later.
        """
        if notice.read is None or not notice.read.mentions:
            return notice
        try:
            named = names_without_item(notice.read, [item.read for item in notice.items], self._parts.ours)
        except GoodhosterError:
            return notice
        return replace(notice, read=replace(notice.read, mentions=()), named=named)

    def _waits_for_keys(self, notice: Notice) -> bool:
        """Whether the notice waits for keys.

        For an hour nothing is decided that the keys may change; then a person may as well look.
        """
        waited = self._parts.clock() - notice.receipt.received_at
        return notice.trust is not None and notice.trust.passing and waited < _KEYS_WITHIN

    def _earlier_copy(self, notice: Notice) -> str:
        """An earlier notice with the same sender, number and URLs; or the very same mail."""
        if notice.trust is not None and notice.trust.copy_of:
            return notice.trust.copy_of
        urls = {item.url for item in notice.items}
        if not urls:
            return ""
        query = NoticeQuery(url=min(urls), notifier=notice.notifier, reference=notice.reference)
        for other in self._parts.store.find(query):
            if (
                other.id != notice.id
                and _author(other.read) == _author(notice.read)
                and urls <= {item.url for item in other.items}
            ):
                return other.id
        return ""

    def _tighten_earlier(self, notice: Notice) -> None:
        """What a reminder says more strictly holds for the notice that it repeats."""
        if not notice.duplicate_of or notice.read is None:
            return
        earlier = self._parts.store.get(notice.duplicate_of)
        ends = stated_ends(notice.receipt, notice.read, self._notifiers.get(notice.notifier))
        after = tightened(earlier, notice.read, ends)
        if after != earlier:
            after = replace(after, due=next_due(after, self._parts.clock(), self._terms))
            self._parts.store.replace(after, expected=earlier.state)

    def _index_gap(self, notice: Notice) -> str:
        acting = not self._waits_for_keys(notice) and any(_to_act_on(notice, item) for item in notice.items)
        return self._parts.index_gap() if acting else notice.index_gap

    def _items_after(self, notice: Notice) -> Iterator[NoticeItem]:
        """Every item, as far as it goes without waiting."""
        if self._waits_for_keys(notice):
            yield from notice.items
            return
        acted = self._act_on(notice, [item for item in notice.items if _to_act_on(notice, item)])
        for item in notice.items:
            after = next(acted) if _to_act_on(notice, item) else self._continue_item(notice, item)
            yield first_look(after, self._parts.clock(), may_look=self._parts.outside is not None)

    def _forwarded(self, notice: Notice, order: Order | None = None) -> Notice:
        """Forward what lies on a customer's own server, and take up what became of it."""
        if not any(item.server for item in notice.items) or self._waits_for_keys(notice):
            return notice
        now, forwarding = self._parts.clock(), self._parts.forwarding
        synced = replace(notice, items=tuple(forwarding.sync(item, now) for item in notice.items))
        doubts = [self._grounds(notice, item).doubt for item in notice.items]
        items = forwarding.forward(synced, doubts, now, order)
        for before, after in zip(notice.items, items, strict=True):
            if after.state is ItemState.FORWARDED and before.state is not ItemState.FORWARDED:
                self._log("item.forwarded", notice.id, url=after.url, customer=after.customer, request=after.forwarded)
        return replace(notice, items=items)

    def _act_on(self, notice: Notice, items: Sequence[NoticeItem]) -> Iterator[NoticeItem]:
        """The items after the measures; the next piece is looked for while one is carried out."""
        acts, pieces = self._parts.acts, [items[n : n + _ACTS_AT_ONCE] for n in range(0, len(items), _ACTS_AT_ONCE)]
        for piece, looked in map_ahead(acts.look_for, pieces):
            yield from acts.act([(item, self._grounds(notice, item)) for item in piece], looked)

    def _continue_item(self, notice: Notice, item: NoticeItem) -> NoticeItem:
        acts = self._parts.acts
        if item.state is ItemState.REOPENED and item.consecutive_checks == 0:
            (again,) = acts.act([(item, self._grounds(notice, item))], visible=True)
            nothing_new = (again.cases, again.blocked) == (item.cases, item.blocked)
            return replace(item, consecutive_checks=1) if nothing_new else replace(again, next_check_at=None)
        return acts.sync(item, _news_since(notice, item))

    def _grounds(self, notice: Notice, item: NoticeItem) -> Grounds:
        notifier = self._notifiers.get(notice.notifier)
        uncertain = "; ".join(doubts_about(item.read, notice.read, notifier))
        doubt = _why_person_needed(notice.trust, notifier) or uncertain
        return Grounds(notice.id, notice.notifier, doubt, notifier.caps if notifier else _NOTHING, uncertain)

    def _page(self, notice: Notice) -> Notice:
        observing = not self._parts.acts.desk.rules.enforce
        again = sum(item.reopened for item in notice.items)
        for code, words in due_alerts(notice, self._parts.clock(), self._terms):
            subject = f"goodhoster: notice {notice.id}: {words}"
            try:
                self._parts.pager.page(
                    subject,
                    page_text(notice, observing=observing),
                    alert_kind_of(code),
                    f"{notice.id} {code}{f' {again}' * bool(again)}",
                )
            except PassingError as error:
                _log.error("no alert could be delivered: %s (%s)", error, subject)
                continue
            notice = replace(notice, sent=(*notice.sent, code))
        return notice

    def _check_from_outside(self, notice: Notice) -> None:
        """Look at what is due from outside, without blocking anybody."""
        outside, now = self._parts.outside, self._parts.clock()
        due = [n for n, item in enumerate(notice.items) if item.next_check_at is not None and item.next_check_at <= now]
        if outside is None or not due:
            return
        seen: dict[int, Seen] = {}
        while due and self._parts.clock() - now <= _LOOKS_WITHIN:
            piece, due = due[:_LOOKS_AT_ONCE], due[_LOOKS_AT_ONCE:]
            found = map_parallel(lambda n: _seen_at_all_addresses(notice.items[n], outside), piece, most=_LOOKS_AT_ONCE)
            seen |= zip(piece, found, strict=True)
        with self._parts.lock:
            current = self._parts.store.get(notice.id)
            items = tuple(self._seen(current, n, seen.get(n)) for n in range(len(current.items)))
            self._parts.store.replace(replace(current, items=items), expected=current.state)

    def _seen(self, notice: Notice, number: int, seen: Seen | None) -> NoticeItem:
        item = notice.items[number]
        if seen is None or item.next_check_at is None:
            return item
        after = after_look(item, seen, self._parts.clock())
        if after.state is not item.state:
            self._log("item." + after.state, notice.id, url=after.url, seen=seen.detail)
        return after

    def _reopened(self, notice: Notice, item: NoticeItem, found: FoundAgain) -> NoticeItem:
        after = found_again(item, found, self._parts.clock())
        if after.state is not item.state:
            self._log("item." + after.state, notice.id, url=after.url, found_at=found.url, seen=found.how)
        return after

    def _confirmed(self, notice: Notice, item: NoticeItem, order: Order) -> NoticeItem:
        if not item.state.waits_for_person or (item.server and not item.forwarded):
            return item
        if item.forwarded:
            return self._offline_by_customer(item, order)
        grounds = replace(self._grounds(notice, item), uncertain="")
        if not item.cases or item.unresolved:
            item = self._parts.acts.confirm(item, grounds)
        self._parts.acts.confirm_cases(item, order)
        return replace(self._confirmed_elsewhere(item, grounds, order), unresolved="")

    def _confirmed_elsewhere(self, item: NoticeItem, grounds: Grounds, order: Order) -> NoticeItem:
        """An item after what the crawler found at other addresses was acted on."""
        for url in item.found_at:
            other = self._parts.acts.confirm(NoticeItem(ReadItem((url,)), url), grounds)
            self._parts.acts.confirm_cases(other, order)
            left = other.state.waits_for_person and not other.cases
            reason = f"where it was found again: {other.reason}" if left else item.reason
            cases = tuple(dict.fromkeys((*item.cases, *other.cases)))
            item = replace(item, cases=cases, reason=reason, next_check_at=self._parts.clock())
        return item

    def _offline_by_customer(self, item: NoticeItem, order: Order) -> NoticeItem:
        """An item that a person says a customer took offline.

        It is looked at from outside at once, where we may.
        """
        now = self._parts.clock()
        gone = replace(
            item,
            state=ItemState.INACCESSIBLE,
            reason=f"{order.actor}: {order.reason}",
            gone_at=now,
            consecutive_checks=0,
        )
        return replace(gone, next_check_at=now if self._parts.outside else None)

    def _dismissed(self, item: NoticeItem, order: Order) -> NoticeItem:
        if not item.dismissible:
            return item
        item = self._parts.acts.dismiss(item, order)
        return replace(item, reason=f"{order.actor}: {order.reason}", next_check_at=None)

    def _log(self, event: str, notice_id: str, **data: str) -> None:
        self._parts.audit.append(AuditEvent(event, {"notice": notice_id, **data}))


def _seen_at_all_addresses(item: NoticeItem, outside: Outside) -> Seen:
    return worst_of([outside.look(url) for url in (item.url, *item.found_at)])


def _why_bounced(receipt: Receipt, raw: RawNotice) -> str:
    mail = receipt.carrier is Carrier.MAIL
    return why_bounced(receipt.sender, headers_of(raw.content)) if mail else ""


def _to_act_on(notice: Notice, item: NoticeItem) -> bool:
    return item.state is ItemState.WAITING and notice.read is not None and not notice.read.test


def _author(read: ReadNotice | None) -> str:
    return read.reporter.address.lower() if read else ""


def _expect_something_to_act_on(notice: Notice) -> None:
    """Refuse to confirm a notice in which nothing was found, unless a reply waits to be seen."""
    if notice.read is None or notice.items or any(reply.waits for reply in notice.replies):
        return
    message = f"no address was found in notice {notice.id}: there is nothing to act on"
    hint = (
        "take the address in as a notice (goodhoster notices receive), or act by hand; then: goodhoster notices dismiss"
    )
    raise RefusedError(message, hint=hint)


def _news_since(notice: Notice, item: NoticeItem) -> datetime:
    """Since when an item's cases are news: to one that is dismissed, what came after that."""
    if item.state is ItemState.DISPUTED and notice.decided:
        return notice.decided.at
    return notice.receipt.received_at


def _why_person_needed(trust: TrustFinding | None, notifier: Notifier | None) -> str:
    """Reason why a notice of this trust waits for a person; empty when it may lead to a measure."""
    if trust is None or trust.level is TrustLevel.UNAUTHENTICATED:
        return "the sender is not proven"
    if trust.copy_of:
        return f"the same mail as {trust.copy_of}, which was acted on: what is there now may be something else"
    if notifier is None:
        return "the sender is proven, but is not a registered notifier"
    if trust.level is TrustLevel.AUTHENTICATED:
        return f"{notifier.id} is proven, but registered as kind {notifier.kind}: its notices wait for a person"
    if not notifier.automatic:
        return f"notices of {notifier.id} wait for a person"
    return ""
