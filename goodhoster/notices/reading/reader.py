"""From a raw notice to our words: asks each format in turn, the exact ones first.

Pure and without a network, but not without danger: hostile input may cost time and memory. `readingroom` lets it
happen in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadNotice
from goodhoster.notices.reading.formats import (
    arf,
    dsa,
    free_text,
    removal_order,
    scart,
    scart_api,
    scart_csv,
    scart_table,
    xarf,
)
from goodhoster.notices.reading.mail import Mail, headers_of, take_apart

_MAILS: tuple[Callable[[Mail], ReadNotice | None], ...] = (
    scart.read_test,
    xarf.read_mail,
    arf.read,
    scart_csv.read,
    scart_table.read,
    removal_order.read,
)
_BODIES: dict[Carrier, Callable[[bytes], ReadNotice]] = {
    Carrier.SCART_API: scart_api.read,
    Carrier.XARF_JSON: xarf.read,
    Carrier.DSA_FORM: dsa.read_form,
    Carrier.DSA_JSON: dsa.read_json,
}


def read(raw: RawNotice) -> ReadNotice:
    """Our words for it. *Unreadable* is a normal outcome, with the reason among the doubts: a person reads it then."""
    try:
        return _read_mail(raw.content) if raw.carrier is Carrier.MAIL else _BODIES[raw.carrier](raw.content)
    except UnreadableError as error:
        return unreadable(str(error), raw)


def unreadable(why: str, raw: RawNotice) -> ReadNotice:
    """What can be said of something that no program should read: of a mail, what its headers tell."""
    if raw.carrier is not Carrier.MAIL:
        return ReadNotice(NoticeFormat.UNREADABLE, doubts=(why,))
    return replace(scart.bare_notice(headers_of(raw.content), NoticeFormat.UNREADABLE), doubts=(why,))


def _read_mail(content: bytes) -> ReadNotice:
    mail = take_apart(content)
    for reader in _MAILS:
        try:
            if notice := reader(mail):
                return notice
        except UnreadableError as error:
            found = free_text.read(mail)
            return replace(found, doubts=(str(error), *found.doubts))
    return free_text.read(mail)
