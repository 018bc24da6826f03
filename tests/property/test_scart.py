"""Whatever SCART writes into its cells without escaping: the URL that was meant is a reading, or a person looks."""

import base64
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.notices import Carrier, RawNotice, ReadItem, ReadNotice
from goodhoster.notices.reading.reader import read

TABLES = {
    "full-en": ["url", "IP", "first seen", "last seen", "note"],
    "full-nl": ["url", "IP", "eerste keer", "laatste keer", "notitie"],
    "only-url-en": ["url", "note"],
    "only-url-nl": ["url", "notitie"],
    "police-en": ["url", "reason", "IP", "first seen", "last seen"],
    "police-nl": ["url", "reden", "IP", "eerste keer", "laatste keer"],
}
TEXT = st.text(
    st.sampled_from("abc;;&<>/=?%\"' .:1") | st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20
)
TRAPS = st.sampled_from(
    [
        "&copy=2",
        "&lt;",
        ";x=1",
        "</td>",
        "</td><td>",
        "</td></tr>",
        "</tr><tr>",
        "</table>",
        ";192.0.2.9;;;",
        ";1;2;3",
        "",
    ]
)
URL = st.tuples(st.sampled_from(["a", "b.c"]), TEXT, TRAPS, TEXT).map(
    lambda t: f"http://{t[0]}.example/" + "".join("".join(t[1:]).split())
)
NOTE = st.tuples(TEXT, TRAPS, TEXT).map("".join)
TIME = st.sampled_from(["", "2026-11-20 08:15:00", "2026-02-28 00:00:00"])
IP = st.sampled_from(["192.0.2.10", "2001:db8::1", "::ffff:192.0.2.1"])


@dataclass(frozen=True)
class Row:
    url: str
    ip: str
    first: str
    last: str
    note: str

    def cells(self, layout: str) -> list[str]:
        if layout.startswith("full"):
            return [self.url, self.ip, self.first, self.last, self.note]
        if layout.startswith("police"):
            return [self.url, self.note, self.ip, self.first, self.last]
        return [self.url, self.note]


ROWS = st.lists(st.builds(Row, URL, IP, TIME, TIME, NOTE), min_size=1, max_size=4)
HEAD = "From: a@hotline.example\nSubject: [M0123456789] x\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n"


def table(layout: str, rows: list[Row]) -> ReadNotice:
    names = "".join(f'<th align="left">{name}</th>' for name in TABLES[layout])
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row.cells(layout)) + "</tr>\n    " for row in rows)
    text = f'<p>x</p><table class="urls" border="0">\n    <tr>{names}</tr>\n    {body}\n</table>\n<p>y</p>'
    return mailed("text/plain; charset=utf-8", text)


def csv(layout: str, rows: list[Row]) -> ReadNotice:
    lines = [";".join(TABLES[layout])] + [";".join(row.cells(layout)) for row in rows]
    return mailed('text/csv; name="urls-M0123456789.csv"', "\n".join(lines) + "\n")


def mailed(kind: str, text: str) -> ReadNotice:
    content = base64.encodebytes(text.encode()).decode()
    return read(RawNotice(Carrier.MAIL, f"{HEAD}Content-Type: {kind}\n\n{content}".encode()))


def is_told(row: Row, items: tuple[ReadItem, ...]) -> bool:
    """Is the row's URL a reading of an item, or is there an item about it that a person looks at?"""
    return any(row.url in item.urls or (item.doubts and row.url in item.urls[0]) for item in items)


@given(st.sampled_from(sorted(TABLES)), ROWS)
def test_of_a_table_no_url_is_lost(layout: str, rows: list[Row]) -> None:
    notice = table(layout, rows)
    assert all(is_told(row, notice.items) for row in rows)
    assert notice.reference == "M0123456789"
    assert notice.language == layout[-2:]


@given(st.sampled_from(sorted(TABLES)), ROWS)
def test_of_a_table_every_item_is_a_row(layout: str, rows: list[Row]) -> None:
    items = table(layout, rows).items
    assert len(items) == len(rows)
    for item, row in zip(items, rows, strict=True):
        assert item.urls[0].startswith(row.url[:10])


@given(st.sampled_from(sorted(TABLES)), ROWS)
def test_of_a_csv_file_no_url_is_lost(layout: str, rows: list[Row]) -> None:
    notice = csv(layout, rows)
    assert all(is_told(row, notice.items) for row in rows)
    assert len(notice.items) == len(rows)


@given(st.sampled_from(sorted(TABLES)), ROWS, st.text(st.sampled_from("ab; \n"), max_size=20))
def test_a_note_that_goes_on_swallows_no_row(layout: str, rows: list[Row], more: str) -> None:
    going_on = [Row(row.url, row.ip, row.first, row.last, f"{row.note}\n{more}".rstrip()) for row in rows]
    notice = csv(layout, going_on)
    assert all(is_told(row, notice.items) for row in rows)
