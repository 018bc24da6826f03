"""SCART's CSV attachment `urls-M##########.csv`.

It is separated by `;`, with nothing quoted or escaped. A `;` in a URL or note shifts the columns, and a note may
continue over several lines; `scart_rows` finds the columns again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import NoticeFormat, ReadNotice
from goodhoster.notices.reading.formats.scart import Layout, bare_notice, layout_of
from goodhoster.notices.reading.formats.scart_rows import item_of, rows_of
from goodhoster.notices.reading.mail import Mail

_NAME = re.compile(r"urls-(M\d{10})\.csv", re.IGNORECASE)
_BEGINS = re.compile(r"(?:h[tx]{2}ps?|ftp)\s?\[?:|www\.", re.IGNORECASE)
_MOST_LINES = 1000  # of one note


def read(mail: Mail) -> ReadNotice | None:
    """Read the notice when an attachment is SCART's by its name or its header.

    UnreadableError when only the name matches.
    """
    for part in mail.parts:
        named = _NAME.fullmatch(part.name)
        if named or part.name.lower().endswith(".csv") or part.kind == "text/csv":
            lines = part.text.split("\n")
            if layout := layout_of(lines[0].split(";")):
                return _notice(mail, lines[1:], layout, named[1] if named else "")
            if named:
                raise UnreadableError(f"{part.name} has none of SCART's layouts")
    return None


def _notice(mail: Mail, lines: list[str], layout: Layout, number: str) -> ReadNotice:
    bare = bare_notice(mail, NoticeFormat.SCART_CSV)
    other_number = bool(number and bare.reference and number != bare.reference)
    return replace(
        bare,
        reference=bare.reference or number,
        language=layout.language,
        items=tuple(item_of(record.split(";"), layout, ";") for record in _records(lines, layout)),
        doubts=(f"the attachment is called after {number}, the subject says {bare.reference}",) if other_number else (),
    )


def _records(lines: list[str], layout: Layout) -> Iterator[str]:
    """Groups of lines that form one record.

    A line begins a record when it looks like a URL, and either what came before is complete or the line is complete
    by itself: a URL inside a note must not swallow the rows after it.
    """
    record: list[str] = []
    for line in lines:
        if record and _BEGINS.match(line) and (_whole(record, layout) or _whole([line], layout)):
            yield "\n".join(record).strip("\n")
            record = []
        if record or line.strip():
            record.append(line)
    if record:
        yield "\n".join(record).strip("\n")


def _whole(record: list[str], layout: Layout) -> bool:
    return len(record) < _MOST_LINES and bool(rows_of("\n".join(record).split(";"), layout, ";"))
