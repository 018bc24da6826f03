"""SCART's table of URLs: HTML inside a text/plain part, with nothing escaped.

`?a=1&copy=2` in a cell would become `?a=1©=2` in an HTML parser, so cells are cut out as raw text. Because a URL or a
note may itself hold `</td></tr><tr><td>`, a row only begins and the table only ends where the line structure of the
sender's own template says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice
from goodhoster.notices.reading.formats.scart import Layout, bare_notice, layout_of
from goodhoster.notices.reading.formats.scart_rows import item_of
from goodhoster.notices.reading.mail import Mail

_MOST_TABLES = 20
_OPENING = re.compile(r"<table\b([^<>]{0,500})>\s*", re.IGNORECASE)
_CLASS = re.compile(r"\bclass=[\"']?urls\b", re.IGNORECASE)
_HEADER = re.compile(
    r"(?:<thead>\s*)?<tr[^<>]{0,200}>(.*?)</tr>(?:\s*</thead>\s*<tbody>)?(\s*)", re.IGNORECASE | re.DOTALL
)
_NAME = re.compile(r"<t[hd][^<>]{0,200}>(.*?)</t[hd]>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,200}>")
_FIRST_CELL = r"<tr[^<>]{0,200}>\s{0,20}<td[^<>]{0,200}>"
_LAST_CELL = r"</td>\s{0,20}</tr>"
_BETWEEN_CELLS = re.compile(r"</td>\s{0,20}<td[^<>]{0,200}>", re.IGNORECASE)
_ON_LINES, _ANYWHERE = r"[^\S\n]{0,20}\n\s{0,20}", r"\s{0,20}"


@dataclass(frozen=True, slots=True)
class _Table:
    layout: Layout
    rows: list[str]
    """The raw text of each between its first `<td>` and its last `</td>`."""


def read(mail: Mail) -> ReadNotice | None:
    """Read the notice when a text of the mail has the table.

    UnreadableError when the table is not one of the layouts.
    """
    for text in mail.texts("text/plain", "text/html"):
        if tables := list(_tables(text)):
            return _notice(mail, tables)
    return None


def _notice(mail: Mail, tables: list[_Table]) -> ReadNotice:
    bare = bare_notice(mail, NoticeFormat.SCART_TABLE)
    doubts = () if bare.reference else ("the subject has no file number of the hotline",)
    if len(tables) > 1:
        doubts = (*doubts, "several tables of URLs: the hotline writes one, somebody may have added the others")
    items = tuple(_item(row, table.layout) for table in tables for row in table.rows)
    return replace(bare, language=tables[0].layout.language, items=items, doubts=doubts)


def _tables(text: str) -> Iterator[_Table]:
    """Every table of URLs. What looks like one inside another is part of the outer one."""
    for _ in range(_MOST_TABLES):
        opening = next((found for found in _OPENING.finditer(text) if _CLASS.search(found[1])), None)
        if opening is None:
            return
        table, text = _table(text[opening.end() :])
        yield table
    raise UnreadableError(f"more than {_MOST_TABLES} tables of URLs")


def without_tables(text: str) -> str:
    """Text around the tables of URLs: what their sender says in words."""
    pieces: list[str] = []
    for _ in range(_MOST_TABLES):
        opening = next((found for found in _OPENING.finditer(text) if _CLASS.search(found[1])), None)
        header = _HEADER.match(text, opening.end()) if opening else None
        end = _end_of_rows(text, header) if header else None
        if opening is None or header is None or end is None:
            break
        pieces += [text[: opening.start()], "\n"]
        text = text[end.end() :]
    return "".join((*pieces, text))


def _table(text: str) -> tuple[_Table, str]:
    """The table that starts here, and the text after it."""
    header = _HEADER.match(text)
    layout = layout_of([_TAG.sub("", name) for name in _NAME.findall(header[1])]) if header else None
    if header is None or layout is None:
        raise UnreadableError("the table of URLs has none of SCART's layouts")
    rows, rest = _rows(text, header)
    return _Table(layout, rows), rest


def _gap(header: re.Match[str]) -> str:
    return _ON_LINES if "\n" in header[2] else _ANYWHERE


def _end_of_rows(text: str, header: re.Match[str]) -> re.Match[str] | None:
    gap = _gap(header)
    return re.compile(f"{_LAST_CELL}{gap}(?:</tbody>{gap})?</table>", re.IGNORECASE).search(text, header.end())


def _rows(text: str, header: re.Match[str]) -> tuple[list[str], str]:
    """The rows below a header, and the text after the last."""
    first = re.compile(r"\s*" + _FIRST_CELL, re.IGNORECASE).match(text, header.end())
    end = _end_of_rows(text, header)
    if not first or not end:
        raise UnreadableError("the table of URLs has no rows, or no end")
    within = text[first.end() : end.start()]
    return re.split(_LAST_CELL + _gap(header) + _FIRST_CELL, within, flags=re.IGNORECASE), text[end.end() :]


def _item(row: str, layout: Layout) -> ReadItem:
    item = item_of(_BETWEEN_CELLS.split(row), layout, "</td><td>")
    if any("<" in url for url in item.urls):
        return replace(item, doubts=(*item.doubts, "markup inside the URL: somebody may have written a row into it"))
    return item
