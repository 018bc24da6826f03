"""Letters to notifiers and customers about a notice, in Dutch, English and German.

No picture, no address that can be clicked, nothing in a header that could break out of it.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.customers.house_rules import StatementRules
from goodhoster.model.exemptions import OwnerReport
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState
from goodhoster.model.notices import TrustLevel
from goodhoster.model.uploads import visible

_LONGEST_SUBJECT = 200
_WIDTH = 76
_PROSE = frozenset(
    {
        LetterKind.STATEMENT,
        LetterKind.OFFLINE,
        LetterKind.RESTORED,
        LetterKind.MEASURE,
        LetterKind.SUSPENSION,
        LetterKind.APPEAL,
        LetterKind.CUSTOMER_NOTICE,
    }
)
"""Letters whose paragraphs are filled, whatever stands in them: customers read them in any mail program."""
_ORDER = list(ItemState)
_templates = Environment(
    loader=PackageLoader("goodhoster.letters"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - plain text: nothing in it is read as HTML
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The sender of a letter."""

    hoster: str
    objections: str
    """Mail address to which a customer objects."""
    language: Literal["nl", "en", "de"]
    """For customers and for whoever does not show another."""
    grounds: StatementRules = field(default_factory=StatementRules)
    """What statements of reasons name as law, clause and territory."""
    months: int = 6
    """So long a customer may object."""
    link: str = ""
    """Address below which our pages are; empty where there are none."""


@dataclass(frozen=True, slots=True)
class InaccessibleUrls:
    """The URLs that one notice made inaccessible at one customer."""

    lines: tuple[str, ...]
    """Files and addresses, as the customer may read them."""
    by_person: bool = False
    """A person had a word in it; else it was done automatically."""
    link: str = ""
    """To the form for objections."""


def receipt(notice: Notice, head: Letterhead) -> Letter:
    """The confirmation of receipt (DSA Art. 16(4))."""
    return _to_notifier(LetterKind.RECEIPT, notice, head)


@dataclass(frozen=True, slots=True)
class Handling:
    """How a notice was handled, beside what it says itself."""

    by_person: bool = False
    """A person had a word in it."""
    purged: Collection[str] = ()
    """URLs that the caches in front of us were seen to forget."""


_BY_ITSELF = Handling()


def result(notice: Notice, head: Letterhead, round_: int = 1, handling: Handling = _BY_ITSELF) -> Letter:
    """The decision on every URL (DSA Art. 16(5), (6)), and whether a person was involved.

    The same notice has a further round when it is reopened.
    """
    done = notice.state is NoticeState.DONE and all(item.state.settled for item in notice.items)
    decided = done and bool(notice.items) and not handling.by_person
    automatic = notice.level is TrustLevel.PINNED and decided
    return _to_notifier(
        LetterKind.RESULT,
        notice,
        head,
        round_,
        done=done,
        automatic=automatic,
        purged=frozenset(map(defanged, handling.purged)),
    )


def statement_name(notice: Notice, customer: str, number: int = 1) -> str:
    """The name of the notice's first, second … statement of reasons to a customer."""
    return f"{notice.id}-statement{f'.{number}' if number > 1 else ''}-{plain_name(customer)}"


def statement(notice: Notice, acted: InaccessibleUrls, contact: AbuseContact, head: Letterhead) -> Letter:
    """The statement of reasons to the customer (DSA Art. 17).

    What was done, why, on what ground, whether automatically, how to object.
    """
    ordered = notice.level is TrustLevel.AUTHORITY or (notice.read is not None and notice.read.order is not None)
    more = {
        "items": [{"url": line} for line in acted.lines],
        "ordered": ordered,
        "reference": _one_line(notice.reference),
        "by_person": acted.by_person,
    }
    language = contact.language or head.language
    subject, text = render(
        LetterKind.STATEMENT, language, _values(notice, head) | redress_values(head, acted.link) | more
    )
    return Letter(statement_name(notice, contact.customer), LetterKind.STATEMENT, contact.address, subject, text)


def redress_values(head: Letterhead, link: str) -> dict[str, Any]:
    """The part of a statement of reasons that is the same in each: grounds, and how to object."""
    return {
        "hoster": head.hoster,
        "objections": head.objections,
        "months": head.months,
        "terms": head.grounds.terms,
        "law": head.grounds.law,
        "territory": head.grounds.territory,
        "link": link,
    }


def forward(notice: Notice, hotline: str, head: Letterhead) -> Letter:
    """The letter that forwards a notice of the public to the hotline."""
    subject, text = render(LetterKind.FORWARD, head.language, _values(notice, head))
    return Letter(f"{notice.id}-forward", LetterKind.FORWARD, hotline, subject, text)


class Provenance(NamedTuple):
    """The origin of a match and of its exemption, in words."""

    version: str
    """The state of the source's list."""
    origin: str
    """What the exemption set was made from."""


def exempt(report: OwnerReport, provenance: Provenance, owner: str, head: Letterhead) -> Letter:
    """A letter to the owner of a hash source: it knows what is exempt or harmless here."""
    version, origin = map(_one_line, provenance)
    values = dataclasses.asdict(report) | {"version": version, "origin": origin, "hoster": head.hoster}
    kind = LetterKind(report.kind)
    subject, text = render(kind, head.language, values)
    return Letter(f"{kind}-{report.id}", kind, owner, subject, text)


def defanged(url: str) -> str:
    """A URL on one line that no program makes a link of.

    Undone by reading `hxxp` as `http` and `[.]` as a dot.
    """
    return re.sub(r"(?i)h(tt)p", r"hxxp", visible(url)).replace(".", "[.]").replace("@", "[at]")


def bracket(notice: Notice) -> str:
    """The notifier's number as its own system finds it back: in brackets where it had them."""
    if not notice.reference or notice.read is None:
        return ""
    reference = _one_line(notice.reference)
    return f"[{reference}] " if f"[{reference}]" in notice.read.subject else f"{reference}: "


def _to_notifier(kind: LetterKind, notice: Notice, head: Letterhead, round_: int = 1, **more: object) -> Letter:
    read = notice.read
    language = read.language if read else head.language
    subject, text = render(kind, language, _values(notice, head) | more)
    return Letter(
        id=f"{notice.id}-{kind}" + (f"-{round_}" if round_ > 1 else ""),
        kind=kind,
        to=read.reporter.answer_to if read else "",
        subject=subject,
        text=text,
        in_reply_to=_one_line(read.message_id) if read else "",
        limited=notice.level not in {TrustLevel.PINNED, TrustLevel.AUTHORITY},
        unproven=notice.level in {None, TrustLevel.UNAUTHENTICATED},
    )


def _values(notice: Notice, head: Letterhead) -> dict[str, Any]:
    items = list(map(_item, notice.items))
    return {
        "id": notice.id,
        "bracket": bracket(notice),
        "received": moment_text(notice.receipt.received_at),
        "deadline": moment_text(notice.deadline) if notice.deadline else "",
        "duplicate_of": notice.duplicate_of,
        "trial": notice.read is not None and notice.read.test,
        "items": items,
        "groups": _groups([(item.state, told) for item, told in zip(notice.items, items, strict=True)]),
        "proven": notice.level in {TrustLevel.PINNED, TrustLevel.AUTHORITY},
        "hoster": head.hoster,
    }


def _groups(items: Sequence[tuple[ItemState, dict[str, str]]]) -> list[tuple[str, list[dict[str, str]]]]:
    states = sorted({state for state, _ in items}, key=_ORDER.index)
    return [(state, [told for its, told in items if its is state]) for state in states]


def _item(item: NoticeItem) -> dict[str, str]:
    return {
        "url": defanged(item.url),
        "front": defanged(item.front),
        "network": _one_line(item.network),
        "since": moment_text(item.gone_at) if item.gone_at else "",
    }


def moment_text(moment: datetime) -> str:
    """A time as a letter has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def render(kind: LetterKind, language: str, values: dict[str, Any]) -> tuple[str, str]:
    """Render a template: the subject, which is its first line, and the text."""
    whole = _templates.get_template(f"{language}/{kind}.txt").render(values)
    subject, _, text = whole.partition("\n")
    text = text.lstrip("\n")
    return _one_line(subject), _filled(text) if kind in _PROSE else text


def _filled(text: str) -> str:
    """The text with its paragraphs filled to one width.

    Indented lines stay as they are: addresses, files, incidents, links. So does a line above them, and the last two.
    """
    prose, tail = text.rstrip("\n").rsplit("\n\n", 1)
    filled: list[str] = []
    run: list[str] = []
    for line in [*prose.split("\n"), ""]:
        if line and not line.startswith(" "):
            run.append(line)
            continue
        filled += textwrap.wrap(" ".join(run), _WIDTH, break_long_words=False, break_on_hyphens=False)
        run = []
        filled.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(filled)) + f"\n{tail}\n"


def _one_line(text: str) -> str:
    """The text without anything that ends a header, and not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_SUBJECT]


def plain_name(name: str) -> str:
    """A customer's name as part of a file name and Message-ID."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f".{ord(found[0]):x}", name)[:80]
