"""Conversion of one SCART row's cells to an item, although nothing in them is escaped.

A separator inside a URL or a note makes more pieces than there are columns. Then the pieces IP, time, time show where
the free texts end; every division that is left is a possible reading, and all are kept.
"""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence

from goodhoster.locating.urls import LONGEST_URL
from goodhoster.model.notices import ReadItem
from goodhoster.notices.reading.formats.scart import Column, Layout, seen_at

_ANCHOR: tuple[Column, ...] = ("ip", "first", "last")
_MOST_PIECES = 40
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31});", re.IGNORECASE)

Row = Mapping[Column, str]


def item_of(pieces: Sequence[str], layout: Layout, separator: str) -> ReadItem:
    """Item with every reading of its URL.

    Where nothing fits the layout, the whole text is the URL, with a doubt. With several readings, the other cells
    are those of the likeliest: the one with the shortest URL.
    """
    rows = rows_of(pieces, layout, separator)
    urls = tuple(dict.fromkeys(url for row in rows for url in _spellings(row["url"].strip())))
    if not urls:
        whole = separator.join(pieces).strip()[:LONGEST_URL]
        return ReadItem((whole,), doubts=(f"the row is not {', '.join(layout.columns)}",))
    cells = {column: text.strip() for column, text in rows[0].items()}
    return ReadItem(
        urls=urls,
        ip=cells.get("ip", ""),
        first_seen=seen_at(cells.get("first", "")),
        last_seen=seen_at(cells.get("last", "")),
        note=cells.get("note", ""),
        reason=cells.get("reason", ""),
    )


def rows_of(pieces: Sequence[str], layout: Layout, separator: str) -> list[Row]:
    """Every way to divide the pieces over the columns, none with an empty URL.

    Empty where none fits.
    """
    if len(pieces) > _MOST_PIECES:
        return []
    return [row for row in _rows(pieces, layout.columns, separator) if row["url"].strip()]


def _spellings(url: str) -> tuple[str, ...]:
    """Spellings of a text: as written, and as if it had been escaped after all.

    The sender, or a gateway on the way, may have escaped it.
    """
    return (url, html.unescape(url)) if _ENTITY.search(url) else (url,)


def _rows(pieces: Sequence[str], columns: tuple[Column, ...], separator: str) -> Iterator[Row]:
    if "ip" not in columns:
        yield from (dict(zip(columns, texts, strict=True)) for texts in _divisions(pieces, len(columns), separator))
        return
    at = columns.index("ip")
    if columns[at : at + 3] != _ANCHOR:
        return
    after = len(columns) - at - 3
    for start in range(at, len(pieces) - after - 2):
        if _is_anchor(pieces[start : start + 3], shifted=len(pieces) != len(columns)):
            for head in _divisions(pieces[:start], at, separator):
                for tail in _divisions(pieces[start + 3 :], after, separator):
                    yield dict(zip(columns, (*head, *pieces[start : start + 3], *tail), strict=True))


def _divisions(pieces: Sequence[str], count: int, separator: str) -> Iterator[tuple[str, ...]]:
    """Every way to make `count` texts of the pieces, shortest first text first."""
    if count == 0:
        yield from [()] if not pieces else []
        return
    if count == 1:
        yield from [(separator.join(pieces),)] if pieces else []
        return
    for size in range(1, len(pieces) - count + 2):
        for rest in _divisions(pieces[size:], count - 1, separator):
            yield (separator.join(pieces[:size]), *rest)


def _is_anchor(pieces: Sequence[str], *, shifted: bool) -> bool:
    """Whether the pieces are IP, time or nothing, time or nothing.

    The IP may only be missing where nothing is shifted.
    """
    ip, first, last = (piece.strip() for piece in pieces)
    try:
        seen_at(first)
        seen_at(last)
        return bool(ipaddress.ip_address(ip)) if ip or shifted else True
    except ValueError:
        return False
