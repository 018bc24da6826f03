"""JSON encoding of a read notice.

Used between the reading process and the daemon, in the record, and beside the golden samples.

Its texts come from untrusted senders. Lone surrogates (which JSON can spell and nothing can store) and characters that
move a terminal's cursor are replaced here, so that no later code meets them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any

from goodhoster.model.digests import Digest
from goodhoster.model.notices import (
    DeliveryReport,
    NoticeFormat,
    ReadItem,
    ReadNotice,
    RemovalOrder,
    Reporter,
    StatedTerm,
)

Plain = dict[str, Any]
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AS_WRITTEN = frozenset({"urls", "note", "text"})
"""A URL is read as a browser would, and a note or a text may have several lines; none is printed as it is."""


def plain(notice: ReadNotice) -> Plain:
    """Encode a notice as JSON types, without empty fields."""
    return _without_nothing(notice)


def notice_of(table: Mapping[str, Any]) -> ReadNotice:
    """The inverse of `plain`. KeyError, TypeError or ValueError when it was not made by that."""
    values = dict(table)
    values["format"] = NoticeFormat(values["format"])
    values["items"] = tuple(map(_item_of, values.pop("items", ())))
    values["reporter"] = Reporter(**values.pop("reporter", {}))
    values["doubts"] = tuple(values.pop("doubts", ()))
    values["cues"] = tuple(values.pop("cues", ()))
    values["unread"] = tuple(values.pop("unread", ()))
    values["mentions"] = tuple(values.pop("mentions", ()))
    values["deliveries"] = tuple(map(_delivery_of, values.pop("deliveries", ())))
    values["terms"] = tuple(StatedTerm(**_moments(term)) for term in values.pop("terms", ()))
    values["order"] = RemovalOrder(**_moments(values["order"])) if "order" in values else None
    return ReadNotice(**_moments(values))


def _item_of(table: Mapping[str, Any]) -> ReadItem:
    values = _moments(table)
    values["urls"] = tuple(values["urls"])
    values["digests"] = tuple(map(Digest.parse, values.pop("digests", ())))
    values["doubts"] = tuple(values.pop("doubts", ()))
    return ReadItem(**values)


def _delivery_of(table: Mapping[str, Any]) -> DeliveryReport:
    return DeliveryReport(tuple(table.get("receivers", ())), table.get("action", ""), table.get("status", ""))


_MOMENTS = frozenset({"first_seen", "last_seen", "sent_at", "issued_at", "deadline", "preserve_until", "moment"})


def _moments(table: Mapping[str, Any]) -> Plain:
    return {key: datetime.fromisoformat(value) if key in _MOMENTS else value for key, value in table.items()}


def _without_nothing(value: Any) -> Plain:  # noqa: ANN401 - a dataclass of the model
    kind: Any = type(value)  # mypy does not take a class for hashable
    simple = {name: _simple(name, getattr(value, name)) for name in _names(kind)}
    return {name: value for name, value in simple.items() if value not in (None, "", [], False, {})}


@cache
def _names(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - the same
    return tuple(field.name for field in fields(kind))


def _simple(key: str, value: object) -> object:
    if isinstance(value, str):
        text = _HALF.sub("\ufffd", value)
        return text if key in _AS_WRITTEN else _CONTROL.sub("\ufffd", text)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_simple(key, one) for one in value]
    if isinstance(value, Digest):
        return value.hex
    return _without_nothing(value) if is_dataclass(value) else value
