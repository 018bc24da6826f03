"""SCART's table of URLs: HTML inside a text/plain part, with nothing escaped.

`?a=1&copy=2` in a cell would become `?a=1©=2` in an HTML parser, so cells are cut out as raw text. Because a URL or a
note may itself hold `</td></tr><tr><td>`, a row only begins and the table only ends where the line structure of the
sender's own template says so.
"""

from __future__ import annotations

import re
from dataclasses import replace

from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice
from goodhoster.notices.formats.scart import Layout, bare_notice, layout_of
from goodhoster.notices.formats.scartrows import item_of
from goodhoster.notices.mail import Mail, UnreadableError

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


def read(mail: Mail) -> ReadNotice | None:
    """The notice, when a text of the mail has the table. UnreadableError when the table is not one of the layouts."""
    for text in mail.texts("text/plain", "text/html"):
        for opening in _OPENING.finditer(text):
            if _CLASS.search(opening[1]):
                return _notice(mail, text[opening.end() :].replace("\r\n", "\n"))
    return None


def _notice(mail: Mail, table: str) -> ReadNotice:
    header = _HEADER.match(table)
    layout = layout_of([_TAG.sub("", name) for name in _NAME.findall(header[1])]) if header else None
    if header is None or layout is None:
        raise UnreadableError("the table of URLs has none of SCART's layouts")
    rows = _rows(table[header.end() :], _ON_LINES if "\n" in header[2] else _ANYWHERE)
    bare = bare_notice(mail, NoticeFormat.SCART_TABLE)
    doubts = () if bare.reference else ("the subject has no file number of the hotline",)
    return replace(bare, language=layout.language, items=tuple(_item(row, layout) for row in rows), doubts=doubts)


def _rows(body: str, gap: str) -> list[str]:
    """The raw text of each row between its first `<td>` and its last `</td>`; rows lie a `gap` apart."""
    first = re.match(r"\s*" + _FIRST_CELL, body, re.IGNORECASE)
    end = re.search(f"{_LAST_CELL}{gap}(?:</tbody>{gap})?</table>", body, re.IGNORECASE)
    if not first or not end:
        raise UnreadableError("the table of URLs has no rows, or no end")
    return re.split(_LAST_CELL + gap + _FIRST_CELL, body[first.end() : end.start()], flags=re.IGNORECASE)


def _item(row: str, layout: Layout) -> ReadItem:
    item = item_of(_BETWEEN_CELLS.split(row), layout, "</td><td>")
    if any("<" in url for url in item.urls):
        return replace(item, doubts=(*item.doubts, "markup inside the URL: somebody may have written a row into it"))
    return item
