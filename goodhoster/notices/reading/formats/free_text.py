"""Free text with URLs, as written by the public and hotlines without a public format.

A person confirms the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goodhoster.errors import UnclearUrlError, UnreadableError
from goodhoster.locating.urls import read_url
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice
from goodhoster.notices.reading.documents import text_of_document
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.html_text import text_of_html
from goodhoster.notices.reading.language import language_of
from goodhoster.notices.reading.mail import Mail, Part
from goodhoster.notices.reading.references import reference_of
from goodhoster.notices.reading.url_finder import HOST_ONLY, items_in
from goodhoster.notices.sender.domains import same_organisation

MOST_URLS = 10_000
CONFIRM = "read from free text: a person confirms what is meant"
DISAGREE = "its text and its HTML name different addresses"
FRONT_PAGE = "the front page of a site beside an address on it: it may only say which site is meant"
OWN_SITE = "it is on the sender's own site"
MISLEADING = "a link leads elsewhere than its words say"


@dataclass(frozen=True, slots=True)
class _Body:
    """Content of one text of a mail."""

    text: str
    items: list[ReadItem]
    doubts: tuple[str, ...] = ()

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(map(_address, self.items))


def read(mail: Mail) -> ReadNotice:
    """Read every URL of the texts except links to the sender's own site.

    These count where there are no others. The notice is *unreadable* when there is no URL or too many.
    """
    bodies = [body for parts in mail.bodies() if (body := _agreed(mail, parts))]
    if not any(body.items for body in bodies):
        bodies = [_Body(body.text, _own_site(mail, body.text), body.doubts) for body in bodies]
    items = _without_bare_hosts(list({item.urls: item for body in bodies for item in body.items}.values()))
    if len(items) > MOST_URLS:
        raise UnreadableError(f"more than {MOST_URLS} URLs")
    text = "\n".join(body.text for body in bodies)
    doubts = dict.fromkeys(doubt for body in bodies for doubt in body.doubts)
    return replace(
        envelope(mail, NoticeFormat.URL_LIST if items else NoticeFormat.UNREADABLE),
        items=tuple(items),
        reference=reference_of(mail, text),
        language=language_of(text),
        doubts=(CONFIRM, *doubts) if items else ("no URL was found in it", *doubts),
    )


def _without_bare_hosts(items: list[ReadItem]) -> list[ReadItem]:
    """Items without hosts that are only named, where an address on the same host is an item.

    A front page beside such an address may only name the site: a person looks.
    """
    addresses = [item for item in items if HOST_ONLY not in item.doubts and not _is_front_page(item)]
    named = {_host(item.urls[0]).removeprefix("www.") for item in addresses}
    left = [i for i in items if HOST_ONLY not in i.doubts or _host(i.urls[0]).removeprefix("www.") not in named]
    return [_doubted(item) if _host(item.urls[0]).removeprefix("www.") in named else item for item in left]


def _doubted(item: ReadItem) -> ReadItem:
    return replace(item, doubts=(*item.doubts, FRONT_PAGE)) if _is_front_page(item) else item


def _is_front_page(item: ReadItem) -> bool:
    try:
        return all(address.path == "/" and not address.query for address in read_url(item.urls[0]))
    except UnclearUrlError:
        return False


def text_of(part: Part) -> str:
    """Visible text of a part; empty where it is none that we can read."""
    if part.kind == "text/html":
        return text_of_html(part.text).text
    return part.text if part.kind.startswith("text/") else text_of_document(part) or ""


def _agreed(mail: Mail, parts: Sequence[Part]) -> _Body | None:
    """Choose one reading of parts that say the same in different forms, never their union.

    The text part is preferred to the HTML part.
    """
    bodies = [body for part in parts if (body := _body(mail, part)).text]
    with_items = [body for body in bodies if body.items]
    if not with_items:
        return bodies[0] if bodies else None
    first = with_items[0]
    doubts = dict.fromkeys(doubt for body in (first, *bodies) for doubt in body.doubts)
    if any(body.addresses != first.addresses for body in with_items):
        doubts[DISAGREE] = None
    return replace(first, doubts=tuple(doubts))


def _body(mail: Mail, part: Part) -> _Body:
    if part.kind != "text/html":
        text = text_of(part)
        return _Body(text, _targets(mail, items_in(text)))
    found = text_of_html(part.text)
    misleading = any(_targets(mail, items_in(f"<{url}>")) for url in found.misleading)
    items = _targets(mail, items_in(found.text))
    return _Body(found.text, items, (MISLEADING,) if misleading else ())


def _targets(mail: Mail, items: Sequence[ReadItem]) -> list[ReadItem]:
    """URLs without links to the sender's own site.

    Where that is the hoster's own domain (its helpdesk passed the mail on), customers have their sites below it,
    too.
    """
    own = mail.address("From").rpartition("@")[2].lower()
    hosts = [(item, _host(item.urls[0])) for item in items]
    if own in mail.own_domains:
        return [item for item, host in hosts if host not in {own, f"www.{own}"}]
    return [item for item, host in hosts if not same_organisation(host, own)]


def _own_site(mail: Mail, text: str) -> list[ReadItem]:
    """The URLs of a text in which all lead to the sender: whose site was broken into may say so."""
    if mail.address("From").rpartition("@")[2].lower() in mail.own_domains:
        return []
    return [replace(item, doubts=(*item.doubts, OWN_SITE)) for item in items_in(text)]


def _host(url: str) -> str:
    try:
        return read_url(url)[0].host
    except UnclearUrlError:
        return ""


def _address(item: ReadItem) -> str:
    """Comparable address of an item, however it is written."""
    try:
        return read_url(item.urls[0])[0].href.partition("//")[2]
    except UnclearUrlError:
        return item.urls[0]
