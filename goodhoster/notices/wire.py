"""A read notice as JSON: between the reading process and us, in the record, and beside the golden samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from goodhoster.model.digests import Digest
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice, RemovalOrder, Reporter

Plain = dict[str, Any]


def plain(notice: ReadNotice) -> Plain:
    """What is worth writing of a notice: fields that hold nothing are left out. Made only of JSON's own types."""
    table = asdict(notice)
    table["items"] = [_item(item) for item in notice.items]
    return _without_nothing(table)


def notice_of(table: Mapping[str, Any]) -> ReadNotice:
    """The inverse of `plain`. KeyError, TypeError or ValueError when it was not made by that."""
    values = dict(table)
    values["format"] = NoticeFormat(values["format"])
    values["items"] = tuple(map(_item_of, values.pop("items", ())))
    values["reporter"] = Reporter(**values.pop("reporter", {}))
    values["doubts"] = tuple(values.pop("doubts", ()))
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


_MOMENTS = frozenset({"first_seen", "last_seen", "sent_at", "issued_at", "deadline", "preserve_until"})


def _moments(table: Mapping[str, Any]) -> Plain:
    return {key: datetime.fromisoformat(value) if key in _MOMENTS else value for key, value in table.items()}


def _without_nothing(table: Plain) -> Plain:
    simple = {key: _simple(value) for key, value in table.items()}
    return {key: value for key, value in simple.items() if value not in (None, "", [], False, {})}


def _simple(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return _without_nothing(value) if isinstance(value, dict) else value
