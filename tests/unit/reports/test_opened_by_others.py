"""Reports as other programs show them: pages in Chromium, on screen and paper; spreadsheets in LibreOffice."""

import csv
import random
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from goodhoster.reports.conduct import conduct, conduct_document
from goodhoster.reports.documents import Cell, Document, Table
from goodhoster.reports.facts import Facts
from goodhoster.reports.measures import measures_document
from goodhoster.reports.norm_document import norm_document
from goodhoster.reports.pages import page_of
from goodhoster.reports.periods import Period
from goodhoster.reports.proofs import Proofs
from goodhoster.reports.transparency import transparency_document
from goodhoster.reports.weekly import CountedDay
from goodhoster.reports.weekly_document import weekly_document
from goodhoster.reports.workbook import workbook_of
from tests.browser import Browser
from tests.property.test_norm import BEGIN, a_case, installation, world

pytestmark = pytest.mark.slow
TEMPLATE = (
    "1.2 orders",
    "1.3 notices",
    "1.4 own initiative",
    "1.5 complaints",
    "1.6 automated means",
    "1.7 people",
)
"""Sections of the template of Implementing Regulation 2024/2835 that apply to a hoster."""
NAMES = ("norm", "weekly", "conduct", "transparency", "measures")
HOSTER = "Koninklijke Hostingmaatschappij Wolvega & Zonen Internetdiensten B.V."


def documents() -> tuple[Facts, dict[str, Document]]:
    """Every report, of two busy years."""
    rng, made = random.Random(3), world(3, 400)
    figures, facts = made.mirror()
    facts.take_log(
        [], [CountedDay((BEGIN + timedelta(days=day)).date(), rng.randrange(9_000_000)) for day in range(700)]
    )
    for number in range(300):
        facts.take_case(a_case(rng, number))
    set_up = installation()
    proofs = Proofs(())
    found = (
        norm_document(facts, figures),
        weekly_document(facts),
        conduct_document(facts, conduct(facts, figures, set_up, proofs), proofs),
        transparency_document(facts, figures),
        measures_document(facts, set_up, proofs),
    )
    return facts, {document.name: document for document in found}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Document]]:
    folder = tmp_path_factory.mktemp("pages")
    facts, found = documents()
    empty = Facts(Period(), datetime(2026, 6, 1, tzinfo=UTC))
    found["nothing"] = replace(weekly_document(empty), name="nothing")
    long = Table("By domain", ("domain", "received"), [("a-very-long-name." * 12 + "example", 12_345_678)])
    found["long"] = Document("long", "A page with long words", {}, tables=(long,))
    pages = {}
    for name, document in found.items():
        pages[name] = (folder / f"{name}.html", document)
        pages[name][0].write_text(page_of(document, empty if name == "nothing" else facts, HOSTER), encoding="utf-8")
    return pages


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


TEXTS = """
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, owner = node.parentElement;
  if (!node.textContent.trim() || owner.closest("title")) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const lines = [...range.getClientRects()].filter(box => box.width && box.height);
  texts.push({node, owner, lines, text: node.textContent.trim()});
}
const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1
  && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
const overlap = (a, b) => shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > 2;
"""
CUT = (
    TEXTS
    + """
return texts.filter(({owner, lines}) => {
  const box = owner.closest("td, th, .tile, svg, header, figure, section, footer").getBoundingClientRect();
  return lines.some(line => !inside(line, box));
}).map(({text}) => text);
"""
)
OVERLAPPING = (
    TEXTS
    + """
const found = [];
for (let a = 0; a < texts.length; a++) for (let b = a + 1; b < Math.min(texts.length, a + 60); b++)
  if (texts[a].lines.some(one => texts[b].lines.some(other => overlap(one, other))))
    found.push([texts[a].text, texts[b].text]);
return found;
"""
)
TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
FAINT = (
    TEXTS
    + """
const parsed = colour => colour.match(/[0-9.]+/g).map(Number);
const linear = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = colour => colour.slice(0, 3).map(c => linear(c / 255))
  .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
const ground = owner => {
  for (let at = owner; at; at = at.parentElement) {
    const colour = parsed(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
return texts.map(({owner, text}) => {
  const style = getComputedStyle(owner);
  const [a, b] = [light(parsed(owner.closest("svg") ? style.fill : style.color)), light(ground(owner))];
  return [text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
}).filter(([, contrast]) => contrast < 4.5);
"""
)
PAPER = "return getComputedStyle(document.body).backgroundColor;"


@pytest.mark.debian("chromium")
@pytest.mark.parametrize("name", [*NAMES, "nothing", "long"])
def test_a_page_is_read_whole_on_every_screen(
    browser: Browser, pages: dict[str, tuple[Path, Document]], name: str
) -> None:
    file, document = pages[name]
    for width in (1600, 1000, 390):
        browser.open(file, width=width)
        assert browser.measure(TOO_WIDE) <= 0, f"{width}: it must be moved sideways"
        assert browser.measure(CUT) == [], width
        assert browser.measure(OVERLAPPING) == [], width
    assert browser.measure("return document.querySelector('h1').textContent;") == document.title


@pytest.mark.debian("chromium")
@pytest.mark.parametrize("name", [*NAMES, "nothing", "long"])
def test_a_page_asks_for_nothing_and_is_light_and_dark(
    browser: Browser, pages: dict[str, tuple[Path, Document]], name: str
) -> None:
    file, _ = pages[name]
    papers = []
    for dark in (False, True):
        browser.open(file, dark=dark)
        assert browser.requests == [file.as_uri()]
        assert browser.measure(FAINT) == [], f"dark: {dark}"
        papers.append(browser.measure(PAPER))
    assert papers[0] == "rgb(255, 255, 255)"
    assert papers[1] != papers[0]
    browser.open(file, dark=True, printed=True)
    assert browser.measure(PAPER) == "rgb(255, 255, 255)", "nobody prints on black"


@pytest.mark.debian("chromium")
@pytest.mark.parametrize("name", NAMES)
def test_a_screen_reader_is_told_what_each_chart_is(
    browser: Browser, pages: dict[str, tuple[Path, Document]], name: str
) -> None:
    file, document = pages[name]
    browser.open(file)
    charts = [chart.title for chart in document.charts if chart.places]
    assert browser.names_of_pictures() == charts
    assert browser.measure("return [...document.querySelectorAll('rect, path')].every(e => e.querySelector('title'));")


@pytest.mark.debian("chromium")
@pytest.mark.parametrize("name", [*NAMES, "long"])
def test_a_page_is_printed_whole(browser: Browser, pages: dict[str, tuple[Path, Document]], name: str) -> None:
    file, document = pages[name]
    browser.open(file, width=672, printed=True)  # A4 between its margins
    assert browser.measure(TOO_WIDE) <= 0
    assert browser.measure(CUT) == []
    assert browser.measure(OVERLAPPING) == []
    paper = PdfReader(BytesIO(browser.printed()))
    text = _letters("".join(page.extract_text() for page in paper.pages))
    assert _letters(HOSTER) in text
    for table in document.tables:
        for row in table.rows[:30]:
            assert _letters(str(row[0])) in text, (table.title, row)


def _letters(text: str) -> str:
    """What is written, without white space and ligatures."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def cells(document: Document) -> dict[str, list[list[str]]]:
    """The cells of each sheet as text."""
    return {
        table.title: [list(table.columns), *([_text(cell) for cell in row] for row in table.rows)]
        for table in document.tables
    }


def _text(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.10g}" if isinstance(cell, float) else str(cell)


@pytest.mark.debian("libreoffice-calc-nogui", program="soffice")
def test_the_transparency_report_opens_in_libreoffice_with_the_sheets_of_the_template(tmp_path: Path) -> None:
    document = documents()[1]["transparency"]
    (tmp_path / "2025.xlsx").write_bytes(workbook_of(document))
    # Comma, quotes, UTF-8; formatted as shown: no; every sheet in a file of its own: -1.
    as_csv = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    out = tmp_path / "out"
    command = ("soffice", "--headless", profile, "--convert-to", as_csv, "--outdir", out, tmp_path / "2025.xlsx")
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    sheets = {}
    for file in out.iterdir():
        with file.open(newline="", encoding="utf-8") as opened:
            sheets[file.stem.removeprefix("2025-")] = [*csv.reader(opened)]
    assert tuple(sorted(sheets)) == TEMPLATE
    assert sheets == cells(document)
