"""Reports as pages: one self-contained HTML file each, light and dark, to read and to print."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from goodhoster.model.uploads import visible
from goodhoster.reports.charts import legend_of, svg_of
from goodhoster.reports.documents import MOST_ROWS, Cell, Document, Table
from goodhoster.reports.facts import Facts

_templates = Environment(
    loader=PackageLoader("goodhoster.reports"), undefined=StrictUndefined, autoescape=True, trim_blocks=True
)


def page_of(document: Document, facts: Facts, hoster: str) -> str:
    """The document as HTML."""
    drawn = [(chart, svg_of(chart), legend_of(chart)) for chart in document.charts]
    # What is in a drawing was escaped where it was made.
    charts = [(chart, Markup(svg), names) for chart, svg, names in drawn if svg]  # noqa: S704
    since, last = facts.period.query_since, facts.period.within(facts.now)[1]
    return _templates.get_template("page.html").render(
        document=document,
        charts=charts,
        hoster=hoster,
        period=f"{since:%Y-%m-%d} to {last}" if since else f"until {last}",
        now=f"{facts.now:%Y-%m-%d %H:%M} UTC",
        most=MOST_ROWS,
        shown=_shown,
        numeric=_numeric,
    )


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return visible(cell)
    return f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}"


def _numeric(table: Table, column: int) -> bool:
    return any(isinstance(row[column], int | float) for row in table.rows[:MOST_ROWS])
