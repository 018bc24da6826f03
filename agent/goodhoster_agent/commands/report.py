"""`goodhoster report …`: figures from record and audit log, each traceable to its entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.reports import gather, hoster_of, norm_of
from goodhoster.errors import ConfigurationError
from goodhoster.model.uploads import visible
from goodhoster.reports.documents import Document, as_csv
from goodhoster.reports.facts import Facts
from goodhoster.reports.norm import Figure, trace
from goodhoster.reports.periods import Period, between, period_of
from goodhoster.reports.removals import ReportedUrl
from goodhoster.reports.weekly_document import weekly_document
from goodhoster_agent.commands.options import ConfigOption, JsonOption, open_services, print_json

app = typer.Typer(no_args_is_help=True, help="Figures of what was done, each traceable: mirror, weeks, conduct, files.")

PeriodOption = Annotated[
    str | None,
    typer.Option("--period", help="Year, quarter, month, week or day: 2026, 2026-Q2, 2026-05, 2026-W31, 2026-05-17."),
]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this day or moment on (UTC).")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this day or moment (UTC).")]
HtmlOption = Annotated[bool, typer.Option("--html", help="Print a page: self-contained, light and dark, to print.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print the tables as CSV.")]
TraceOption = Annotated[
    Figure | None,
    typer.Option("--trace", help="Print the notices and URLs behind a figure; of a percentage, those that fell short."),
]


@dataclass(frozen=True, slots=True)
class _Form:
    """How a report is printed."""

    json: bool
    html: bool
    csv: bool

    def __post_init__(self) -> None:
        if self.json + self.html + self.csv > 1:
            raise typer.BadParameter("choose one of --json, --html and --csv")


def chosen_period(period: str | None, since: str | None, until: str | None) -> Period:
    """The period that the options name; everything where they name none."""
    if period and (since or until):
        raise ConfigurationError("--period, or --since and --until: not both", hint="leave one of them out")
    return period_of(period) if period else between(since, until)


@app.command("norm")
def norm_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    *,
    traced: TraceOption = None,
    as_html: HtmlOption = False,
    as_csv_: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """The mirror: how fast reported material was gone, by our clock and by the hotline's."""
    form, chosen = _Form(as_json, as_html, as_csv_), chosen_period(period, since, until)
    if traced is None:
        _print_report(norm_of, chosen, config, form)
        return
    with open_services(config) as services:
        facts = gather(services, chosen)
        for report in trace(facts.urls, traced, facts.now):
            found = _traced_as_object(report)
            print_json(found) if as_json else print("  ".join(visible(str(value)) for value in found.values()))


@app.command("weekly")
def weekly_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    *,
    as_html: HtmlOption = False,
    as_csv_: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Checks and matches of each week; --json names the entries and cases behind them."""
    _print_report(weekly_document, chosen_period(period, since, until), config, _Form(as_json, as_html, as_csv_))


def _print_report(make: Callable[[Facts], Document], period: Period, config: Path | None, form: _Form) -> None:
    with open_services(config) as services:
        facts = gather(services, period)
        document = make(facts)
        if form.html:
            # Here, so that no other command waits for the templates.
            from goodhoster.reports.pages import page_of

            print(page_of(document, facts, hoster_of(services)))
            return
    if form.json:
        print_json(document.data)
    elif form.csv:
        print(as_csv(document.tables), end="")
    else:
        _print_text(document)


def _print_text(document: Document) -> None:
    print(document.title)
    for tile in document.tiles:
        print(f"  {tile.label:<24} {tile.value:>12}  {tile.note}".rstrip())
    for table in document.tables:
        print(f"\n{table.title}")
        rows = [
            table.columns,
            *(tuple("-" if cell is None else visible(f"{cell}") for cell in row) for row in table.rows),
        ]
        widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
        for row in rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _traced_as_object(report: ReportedUrl) -> dict[str, Any]:
    gone = report.gone[-1] if report.gone else None
    return {
        "notice": report.notice,
        "url": report.url,
        "state": report.state,
        "notifier": report.notifier or None,
        "customer": report.customer or None,
        "received_at": report.received_at.isoformat(),
        "gone_at": gone[0].isoformat() if gone and gone[1] is None else None,
        "reopened": report.reopened,
    }
