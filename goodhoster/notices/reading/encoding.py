"""JSON encoding of a read notice.

Used between the reading process and the daemon, in the record, and beside the golden samples.

Its texts come from untrusted senders. Lone surrogates (which JSON can spell and nothing can store) and characters that
move a terminal's cursor are replaced here, so that no later code meets them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from goodhoster.model.digests import Digest
from goodhoster.model.notices import DeliveryReport, NoticeFormat, ReadItem, ReadNotice, RemovalOrder, Reporter

Plain = dict[str, Any]
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AS_WRITTEN = frozenset({"urls", "note", "text"})
"""A URL is read as a browser would, and a note or a text may have several lines; none is printed as it is."""


def plain(notice: ReadNotice) -> Plain:
    """Encode a notice as JSON types, without empty fields."""
    table = asdict(notice)
    table["items"] = [_item(item) for item in notice.items]
    table["deliveries"] = [_without_nothing(asdict(report)) for report in notice.deliveries]
    return _without_nothing(table)


def notice_of(table: Mapping[str, Any]) -> ReadNotice:
    """The inverse of `plain`. KeyError, TypeError or ValueError when it was not made by that."""
    values = dict(table)
    values["format"] = NoticeFormat(values["format"])
    values["items"] = tuple(map(_item_of, values.pop("items", ())))
    values["reporter"] = Reporter(**values.pop("reporter", {}))
    values["doubts"] = tuple(values.pop("doubts", ()))
    values["unread"] = tuple(values.pop("unread", ()))
    values["mentions"] = tuple(values.pop("mentions", ()))
    values["deliveries"] = tuple(map(_delivery_of, values.pop("deliveries", ())))
    values["order"] = RemovalOrder(**_moments(values["order"])) if "order" in values else None
    return ReadNotice(**_moments(values))


def _item(item: ReadItem) -> Plain:
    return _without_nothing(asdict(item) | {"digests": [digest.hex for digest in item.digests]})


def _item_of(table: Mapping[str, Any]) -> ReadItem:
    values = _moments(table)
    values["urls"] = tuple(values["urls"])
    values["digests"] = tuple(map(Digest.parse, values.pop("digests", ())))
    values["doubts"] = tuple(values.pop("doubts", ()))
    return ReadItem(**values)


def _delivery_of(table: Mapping[str, Any]) -> DeliveryReport:
    return DeliveryReport(tuple(table.get("receivers", ())), table.get("action", ""), table.get("status", ""))


_MOMENTS = frozenset({"first_seen", "last_seen", "sent_at", "issued_at", "deadline", "preserve_until"})


def _moments(table: Mapping[str, Any]) -> Plain:
    return {key: datetime.fromisoformat(value) if key in _MOMENTS else value for key, value in table.items()}


def _without_nothing(table: Plain) -> Plain:
    simple = {key: _simple(key, value) for key, value in table.items()}
    return {key: value for key, value in simple.items() if value not in (None, "", [], False, {})}


def _simple(key: str, value: object) -> object:
    if isinstance(value, str):
        text = _HALF.sub("\ufffd", value)
        return text if key in _AS_WRITTEN else _CONTROL.sub("\ufffd", text)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_simple(key, one) for one in value]
    return _without_nothing(value) if isinstance(value, dict) else value
