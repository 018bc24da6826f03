"""Text page of one notice for `goodhoster notices show`.

Nothing in it commands a terminal, and what others wrote never begins a line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from goodhoster.errors import PermanentError, UnreadableError
from goodhoster.model.notices import TrustLevel
from goodhoster_agent.commands.casework import casework_rows
from goodhoster_agent.commands.listing import local_time
from goodhoster_agent.commands.purges import purge_text, purges_of

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.cases import Case
    from goodhoster.model.notice_status import Notice, NoticeItem
    from goodhoster.model.notices import RawNotice

Row = tuple[str, str]
_LINES, _WIDTH = 20, 200  # of the message's own text; `--raw` has all of it
_PROOF = {
    TrustLevel.PINNED: "proven",
    TrustLevel.AUTHORITY: "proven",
    TrustLevel.AUTHENTICATED: "unregistered",
    TrustLevel.UNAUTHENTICATED: "unproven",
}


def proof_of(notice: Notice) -> str:
    """Whether the sender is proven, in one word."""
    if notice.trust is None:
        return "unread"
    return "unchecked" if notice.trust.passing else _PROOF[notice.level]


def sender_of(notice: Notice) -> str:
    """Name and address of the reporter as the notice names them; they prove nothing."""
    from goodhoster.model.notices import Reporter

    reporter = notice.read.reporter if notice.read else Reporter()
    both = reporter.name and reporter.address
    return f"{reporter.name} <{reporter.address}>" if both else reporter.name or reporter.address


def page_of(notice: Notice, services: Services) -> str:
    """Lines of the page, joined."""
    from goodhoster.model.notices import Carrier
    from goodhoster.model.uploads import visible
    from goodhoster.notices.reading.mail import headers_of

    try:
        raw = services.notices.spool.raw(notice.receipt)
    except PermanentError as error:
        sender, text = sender_of(notice), iter([("text", f"cannot be shown: {error}")])
    else:
        sender = headers_of(raw.content).header("From") if raw.carrier is Carrier.MAIL else sender_of(notice)
        text = _text(notice.id, text_in(raw))
    caches = (("cache", purge_text(purge)) for purge in purges_of(notice, services))
    casework = casework_rows(services, notice.id)
    rows = itertools.chain(_head(notice, sender), casework, _items(notice, services), caches, text)
    return "\n".join(visible(f"{name:<10} {value}").rstrip() for name, value in rows)


def _head(notice: Notice, sender: str) -> Iterator[Row]:
    from goodhoster.letters.texts import defanged
    from goodhoster.model.notice_status import ItemState
    from goodhoster.takedowns.summary import confidential_text, untouched

    read, trust = notice.read, notice.trust
    yield "notice", notice.id
    yield "state", f"{notice.state} {notice.reason}"
    yield "proof", proof_of(notice)
    yield "from", sender or "not named"
    yield "subject", read.subject if read else ""
    yield "notifier", f"{notice.notifier or 'not registered'} ({notice.level})"
    yield "format", read.format if read else "not read yet"
    yield "reference", notice.reference
    yield "received", local_time(notice.receipt.received_at)
    yield "deadline", local_time(notice.deadline, "none")
    yield "stopped", local_time(notice.stopped_at, "the clock continues")
    if notice.duplicate_of:
        yield "same as", notice.duplicate_of
    if any(item.state is ItemState.OBSERVED for item in notice.items):
        done = "nothing was touched" if untouched(notice) else "what is observed was not touched"
        yield "observe", f"{done} and nobody is answered"
    yield from (("term", _unlinked(words)) for words in dict.fromkeys(t.words for t in (read.terms if read else ())))
    if text := confidential_text(notice):
        yield "secret", text
    yield from (("doubt", doubt) for doubt in (read.doubts if read else ()))
    yield from (("words", _unlinked(cue)) for cue in (read.cues if read else ()))
    yield from (("not read", part) for part in (read.unread if read else ()))
    yield from (("names", f"{defanged(name)}: ours, and no item leads there") for name in notice.named)
    if notice.index_gap:
        yield "copies", f"looked for while {notice.index_gap}; one that comes to be known later is held for a person"
    for rule in trust.rules if trust else ():
        yield "rule", f"{'passed' if rule.passed else 'FAILED'} {rule.name}: {rule.why}"
    yield from (("sent", name) for name in notice.sent)
    for reply in notice.replies:
        fate = "automatic" if reply.automatic else "for a person" if reply.waits else "seen"
        fate = "a notice of its own" if reply.notice else fate
        who = f"{reply.receipt.id} {local_time(reply.receipt.received_at)} from {reply.sender or 'nobody named'}"
        yield "reply", f"{who} ({fate}): {_unlinked(reply.opening)}"


def _items(notice: Notice, services: Services) -> Iterator[Row]:
    from goodhoster.letters.texts import defanged
    from goodhoster.model.uploads import display

    for item in notice.items:
        yield "item", f"{item.state:<12} {defanged(item.url)} {item.customer} {item.reason}"
        if item.place:
            yield "  path", display(item.place.absolute)
        if item.server:
            yield "  server", f"{item.server}, of customer {item.customer}'s own{_forwarding(item, services)}"
        if item.blocked:
            yield "  blocked", "the web server shows nothing at its address"
        yield from (("  found at", defanged(url)) for url in item.found_at)
        yield from _cases(item, services)
        if item.unresolved:
            yield "  unresolved", item.unresolved
        if item.known_to:
            yield "known", f"{defanged(item.url)} to {', '.join(item.known_to)}"
    for front in sorted({item.front for item in notice.items} - {""}):
        yield "in front", f"{front}: not ours, purge it there, too"


def _forwarding(item: NoticeItem, services: Services) -> str:
    if not item.forwarded or not services.customers.in_use:
        return ""
    request = services.customers.contacts.request(item.forwarded)
    if request is None:
        return f", forwarded by {item.forwarded}"
    reminded = f", reminded {local_time(request.reminded_at)}" if request.reminded_at else ""
    answered = f", answered {local_time(request.answered_at)}" if request.answered_at else ""
    failed = f", not delivered: {request.failure}" if request.failed_at else ""
    asked = f"forwarded {local_time(request.asked_at)} to {request.address}"
    return f"; {asked}, by {local_time(request.deadline)}{reminded}{answered}{failed}"


def _cases(item: NoticeItem, services: Services) -> Iterator[Row]:
    for name, ids in (("  case", item.cases), ("  held", item.copies_held)):
        for case in services.case_store.get_all(ids):
            for number in range(max(1, len(case.measures))):
                yield name, _file(case, number)


def _file(case: Case, number: int) -> str:
    from goodhoster.model.uploads import display

    if not case.measures:
        return f"{case.id} {case.state:<9} {case.upload.customer} {display(case.upload.place.absolute)}"
    upload, copy = case.about(number).upload, ", a copy" if case.measures[number].copy else ""
    what = f"{case.measures[number].state}{copy}"
    return f"{case.id} {case.state:<9} {upload.customer} {display(upload.place.absolute)} ({what})"


def _text(notice_id: str, written: str) -> Iterator[Row]:
    """First lines of what was sent."""
    lines = [line.rstrip() for line in written.splitlines() if line.strip()]
    for line in lines[:_LINES]:
        yield "text", "| " + _unlinked(line[:_WIDTH])
    if len(lines) > _LINES:
        yield "text", f"and {len(lines) - _LINES} lines more: goodhoster notices show {notice_id} --raw"


def _unlinked(text: str) -> str:
    return re.sub(r"(?i)h(tt)p", "hxxp", text)


def text_in(raw: RawNotice) -> str:
    """Readable text of a raw notice: of a mail its first text part, of anything else all of it."""
    from goodhoster.model.notices import Carrier
    from goodhoster.notices.reading.html_text import text_of_html
    from goodhoster.notices.reading.mail import take_apart

    if raw.carrier is not Carrier.MAIL:
        return raw.content.decode("utf-8", "replace")
    try:
        mail = take_apart(raw.content)
    except UnreadableError:
        return raw.content.decode("utf-8", "replace")
    plain = next((text for text in mail.texts("text/plain") if text.strip()), "")
    return plain or next((text_of_html(markup).text for markup in mail.texts("text/html")), "")
