"""Who is written to about a notice, and when: each letter once, none to a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from goodhoster.model.cases import CaseState
from goodhoster.model.letters import Letter
from goodhoster.model.noticelife import Notice, NoticeState
from goodhoster.model.notices import Carrier
from goodhoster.model.uploads import display
from goodhoster.notices import replies
from goodhoster.notices.outbox import Outbox
from goodhoster.notices.replies import Letterhead
from goodhoster.ports import CaseStore

_BOUNCE = "<>"


@dataclass(frozen=True, slots=True)
class NoticeLetters:
    """Writes what is owed at this moment."""

    outbox: Outbox
    head: Letterhead
    own_addresses: frozenset[str]
    """Lower case: a letter to ourselves would come back as a notice."""
    cases: CaseStore
    contact_of: Callable[[str], str]
    """Address of a customer's contact, empty when there is none: then no statement is written yet."""
    automatic: bool
    """False in mode observe: nothing goes out by itself."""

    def write(self, notice: Notice) -> Notice:
        """Put every letter that is owed and was not written into the outbox; the notice notes which."""
        for told, letter in self._owed(notice) if self.automatic else ():
            sent = self.outbox.put(letter)
            notice = replace(notice, told=(*notice.told, told if sent else f"{told}-not-sent"))
        return notice

    def answer(self, notice: Notice) -> Letter | None:
        """What would be written to the notifier now; None when nobody is to be answered."""
        letter = replies.result(notice, self.head, _round(notice))
        return letter if self._answerable(notice) else None

    def write_answer(self, notice: Notice) -> Notice:
        """Put the answer into the outbox by order of a person, whatever the state and the limit."""
        letter, told = self.answer(notice), _told("result", notice)
        if letter is None or min(told, key=len) in notice.told:
            return notice
        self.outbox.put(replace(letter, limited=False))
        return replace(notice, told=(*notice.told, min(told, key=len)))

    def _owed(self, notice: Notice) -> Iterator[tuple[str, Letter]]:
        yield from self._statements(notice)
        if not self._answerable(notice):
            return
        result = _told("result", notice)
        if notice.state is NoticeState.DONE:
            if not result & set(notice.told):
                yield min(result, key=len), replies.result(notice, self.head, _round(notice))
        elif not _told("receipt", notice) & set(notice.told) and _round(notice) == 1:
            yield "receipt", replies.receipt(notice, self.head)

    def _statements(self, notice: Notice) -> Iterator[tuple[str, Letter]]:
        """One for each customer, about what this notice made inaccessible; withheld where an order is confidential."""
        if notice.read is None or (notice.read.order and notice.read.order.confidential):
            return
        for customer, lines in self._acted(notice).items():
            told, address = f"statement:{customer}", self.contact_of(customer)
            if address and not {told, f"{told}-not-sent"} & set(notice.told):
                yield told, replies.statement(notice, lines, (customer, address), self.head)

    def _acted(self, notice: Notice) -> dict[str, list[str]]:
        """What this notice (and no earlier one) made inaccessible, by customer. Each sees only its own files."""
        found: dict[str, list[str]] = {}
        for item in notice.items:
            if item.blocked:
                found.setdefault(item.customer, []).append(replies.defanged(item.url))
            for case in map(self.cases.get, item.cases):
                if case.notice == notice.id and case.state is CaseState.OFFLINE:
                    files = [case.about(number).upload.place for number in range(len(case.measures))]
                    found.setdefault(case.upload.customer, []).extend(display(place.path) for place in files)
        return found

    def _answerable(self, notice: Notice) -> bool:
        """Never a machine, a bounce, a trial, ourselves, or nobody (RFC 3834)."""
        read = notice.read
        if read is None or read.automatic or read.test or not read.reporter.answer_to:
            return False
        bounced = notice.receipt.carrier is Carrier.MAIL and notice.receipt.sender == _BOUNCE
        return not bounced and read.reporter.answer_to.lower() not in self.own_addresses


def _round(notice: Notice) -> int:
    """Grows each time something comes back online: that result is a new one."""
    return 1 + sum(item.reopened for item in notice.items)


def _told(kind: str, notice: Notice) -> frozenset[str]:
    name = kind if _round(notice) == 1 else f"{kind}-{_round(notice)}"
    return frozenset({name, f"{name}-not-sent"})
