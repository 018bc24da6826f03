"""Reader of raw notices: tries each format in turn, the exact ones first.

Pure and without a network, but not without danger: hostile input may cost time and memory. `pool` runs it in a process
of its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from goodhoster.errors import UnclearUrlError, UnreadableError
from goodhoster.locating.urls import WebAddress, read_url
from goodhoster.model.letters import LETTER_REFERENCE
from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadItem, ReadNotice
from goodhoster.notices.reading.acknowledgements import is_passed_on
from goodhoster.notices.reading.confidentiality import confidential_sentence
from goodhoster.notices.reading.cues import MOST_CUES, cues_in, meaning_of_note
from goodhoster.notices.reading.delivery_reports import deliveries_in
from goodhoster.notices.reading.formats import (
    arf,
    dsa,
    free_text,
    removal_order,
    scart,
    scart_api,
    scart_csv,
    scart_table,
    url_table,
    xarf,
)
from goodhoster.notices.reading.html_text import text_of_html
from goodhoster.notices.reading.leftovers import mentions_in, mentions_in_body, not_compared, unread_parts
from goodhoster.notices.reading.mail import Mail, headers_of, take_apart
from goodhoster.notices.reading.prose import MOST_PROSE, sentences_of
from goodhoster.notices.reading.repeated import why_repeated, without_quotes
from goodhoster.notices.reading.terms import terms_in
from goodhoster.notices.reading.wording import texts_of_form, texts_of_json, texts_of_mail

_MAILS: tuple[Callable[[Mail], ReadNotice | None], ...] = (
    scart.read_test,
    xarf.read_mail,
    arf.read,
    scart_csv.read,
    scart_table.read,
    removal_order.read,
    url_table.read,
)
_BODIES: dict[Carrier, Callable[[bytes], ReadNotice]] = {
    Carrier.SCART_API: scart_api.read,
    Carrier.XARF_JSON: xarf.read,
    Carrier.DSA_FORM: dsa.read_form,
    Carrier.DSA_JSON: dsa.read_json,
}


_LONGEST_OPENING = 200
_LONGEST_TEXT = 20_000
_LONGEST_NOTE = 4_000
_STRUCK = re.compile(r"line-through", re.IGNORECASE)
_STRUCK_OUT = "some of its text is struck out"
_LONG_PROSE = f"its text has more than {MOST_PROSE} characters beside its lists: a person reads it"
_MANY_CUES = f"more than {MOST_CUES} of its sentences may say that it is no order"

ENCLOSED = "it stands in an enclosed or quoted mail: a person confirms that its sender means it"


def read(raw: RawNotice) -> ReadNotice:
    """Read a raw notice.

    *Unreadable* is a normal outcome, with the reason among the doubts: a person reads it then.
    """
    try:
        if raw.carrier is Carrier.MAIL:
            return _read_mail(raw.content)
        notice = _BODIES[raw.carrier](raw.content)
        notice = _with_doubtful_notes(notice)
        mentions = mentions_in_body(raw.content, notice)
        said = tuple(_texts_of_body(raw))
        notice = replace(notice, confidential=confidential_sentence(said), terms=terms_in(said))
        return replace(notice, mentions=mentions, unread=(*notice.unread, *not_compared(mentions)))
    except UnreadableError as error:
        return unreadable(str(error), raw)


def _texts_of_body(raw: RawNotice) -> Iterator[str]:
    forms = {Carrier.SCART_API, Carrier.DSA_FORM}
    return texts_of_form(raw.content) if raw.carrier in forms else texts_of_json(raw.content.decode("utf-8", "replace"))


def unreadable(why: str, raw: RawNotice) -> ReadNotice:
    """Minimal notice for input that no program should read; for a mail, from its headers."""
    if raw.carrier is not Carrier.MAIL:
        return ReadNotice(NoticeFormat.UNREADABLE, doubts=(why,))
    return replace(scart.bare_notice(headers_of(raw.content), NoticeFormat.UNREADABLE), doubts=(why,))


def _read_mail(content: bytes) -> ReadNotice:
    """Read the mail itself, or an enclosed mail where the outer one says nothing itself.

    The reading of an enclosed mail is never certain.
    """
    mail = own = without_quotes(take_apart(content))
    notice = _reading_of(mail)
    if notice.format is NoticeFormat.UNREADABLE and mail.enclosed:
        passed_on = replace(mail, parts=mail.enclosed, enclosed=())
        inner = _reading_of(passed_on)
        if inner.items:
            notice, own = replace(inner, doubts=(ENCLOSED, *inner.doubts)), passed_on
    elif notice.format is NoticeFormat.URL_LIST:
        notice = replace(notice, items=(*notice.items, *_only_quoted(mail, notice)))
    if (why := why_repeated(mail) or _why_passed_on(mail, notice)) and not notice.test:
        notice = replace(notice, doubts=(why, *notice.doubts))
    notice = _with_cues(mail, _with_doubtful_notes(notice))
    mentions = mentions_in(mail, notice)
    unread = (*not_compared(mentions), *unread_parts(mail))
    notice = _in_doubt_confidential(mail, notice, unread)
    year = notice.sent_at.year if notice.sent_at else 0
    notice = replace(notice, terms=terms_in(texts_of_mail(own, own.parts), this_year=year))
    deliveries = deliveries_in(mail.message)
    notice = replace(notice, unread=unread, mentions=mentions, deliveries=deliveries)
    text = _text(mail)
    return replace(notice, opening=_opening(text) if _answers(mail) else "", text=text)


def _with_cues(mail: Mail, notice: ReadNotice) -> ReadNotice:
    """Notice with the sentences by which it may be no order."""
    if notice.test or not notice.items:
        return notice
    sentences = list(sentences_of(mail))
    if sum(map(len, sentences)) > MOST_PROSE:
        return replace(notice, doubts=(_LONG_PROSE, *notice.doubts))
    cues = tuple(map(str, itertools.islice(cues_in(sentences), MOST_CUES + 1)))
    doubts = (_MANY_CUES, *notice.doubts) if len(cues) > MOST_CUES else notice.doubts
    if any(_STRUCK.search(markup) for markup in mail.texts("text/html")):
        doubts = (_STRUCK_OUT, *doubts)
    return replace(notice, cues=cues[:MOST_CUES], doubts=doubts)


def _with_doubtful_notes(notice: ReadNotice) -> ReadNotice:
    """Notice whose items have a doubt where a remark says that they may not be meant."""
    meanings: dict[str, str] = {"": ""}
    items = []
    for item in notice.items:
        for note in (item.note, item.reason):
            if note not in meanings:
                meanings[note] = meaning_of_note(note[:_LONGEST_NOTE])
            if meaning := meanings[note]:
                said = f'{meaning}: "{" ".join(note.split())[:_LONGEST_OPENING]}"'
                item = replace(item, doubts=(*item.doubts, said))  # noqa: PLW2901 - one doubt after another
        items.append(item)
    return replace(notice, items=tuple(items))


def _in_doubt_confidential(mail: Mail, notice: ReadNotice, unread: Sequence[str]) -> ReadNotice:
    """The notice with what says that it is confidential, in quoted and enclosed text as well.

    What was not read of an order may say so.
    """
    said = confidential_sentence(texts_of_mail(mail, (*mail.parts, *mail.enclosed)))
    if notice.order is None:
        return replace(notice, confidential=said)
    doubt = f"an order, and {unread[0]}" if unread else ""
    order = replace(notice.order, confidential=bool(said or doubt))
    return replace(notice, confidential=said or doubt, order=order)


def _only_quoted(mail: Mail, notice: ReadNotice) -> Iterator[ReadItem]:
    """Addresses that stand in quoted text only, at a host that the mail names.

    Each with its doubt.

    What stands at another of our hosts is found by its name (`mentions_in`).
    """
    own = {address for item in notice.items for address in _addresses_of(item)}
    hosts = {address.host for address in own}
    for item in free_text.read(replace(mail, parts=mail.enclosed, enclosed=())).items:
        addresses = _addresses_of(item)
        if hosts & {address.host for address in addresses} and not own.issuperset(addresses):
            yield replace(item, doubts=(ENCLOSED, *item.doubts))


def _addresses_of(item: ReadItem) -> list[WebAddress]:
    addresses: list[WebAddress] = []
    for url in item.urls:
        with suppress(UnclearUrlError):
            addresses += read_url(url)
    return addresses


def _why_passed_on(mail: Mail, notice: ReadNotice) -> str:
    """Reason why a text may be somebody else's.

    A layout of the profile is its sender's, whatever the subject says.
    """
    if notice.format is NoticeFormat.URL_LIST and is_passed_on(mail.subject):
        return "a mail that was passed on: it may be what somebody else wrote"
    return ""


def _text(mail: Mail) -> str:
    """The beginning of a mail that answers a letter of ours. Quotations were taken out before."""
    if not (_answers(mail) or LETTER_REFERENCE.search(mail.header("Subject"))):
        return ""
    texts = (*mail.texts("text/plain"), *(text_of_html(markup).text for markup in mail.texts("text/html")))
    return next((text.strip() for text in texts if text.strip()), "")[:_LONGEST_TEXT]


def _opening(text: str) -> str:
    return next(filter(None, map(str.strip, text.splitlines())), "")[:_LONGEST_OPENING]


def _answers(mail: Mail) -> bool:
    return bool(mail.header("In-Reply-To") or mail.header("References"))


def _reading_of(mail: Mail) -> ReadNotice:
    for reader in _MAILS:
        try:
            if notice := reader(mail):
                return notice
        except UnreadableError as error:
            found = free_text.read(mail)
            return replace(found, doubts=(str(error), *found.doubts))
    return free_text.read(mail)
