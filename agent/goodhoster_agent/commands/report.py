"""`goodhoster report …`: figures from record and audit log, each traceable to its entries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.reports.case_reports import eu_records, police_text, xarf_report
from goodhoster.assembly.reports.facts import gather
from goodhoster.assembly.reports.maker import ReportMaker, verify_all, write_all
from goodhoster.errors import ConfigurationError
from goodhoster.linux.durable_files import write_durably
from goodhoster.model.uploads import visible
from goodhoster.ports.common import utc_now
from goodhoster.reports.case_files import CLASSIFICATIONS
from goodhoster.reports.conduct import NormStanding
from goodhoster.reports.documents import Document, as_csv, as_json, as_text
from goodhoster.reports.norm import Figure, trace
from goodhoster.reports.periods import Period, between, last_year, period_of, this_year
from goodhoster.reports.removals import ReportedUrl
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    note_order,
    open_services,
    print_json,
    print_line,
    read_settings,
)

app = typer.Typer(no_args_is_help=True, help="Figures of what was done, each traceable: mirror, weeks, conduct, files.")

PeriodOption = Annotated[
    str | None,
    typer.Option("--period", help="Year, quarter, month, week or day: 2026, 2026-Q2, 2026-05, 2026-W31, 2026-05-17."),
]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this day or moment on (UTC).")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this day or moment (UTC).")]
HtmlOption = Annotated[bool, typer.Option("--html", help="Print a page: self-contained, light and dark, to print.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print the tables as CSV.")]
XlsxOption = Annotated[
    Path | None, typer.Option("--xlsx", help="Write the sheets of the template into this new file.", show_default=False)
]
CaseArguments = Annotated[list[str], typer.Argument(metavar="CASE...", help="Ids of the cases.")]
DirectoryOption = Annotated[Path, typer.Option("--to", help="A new or empty directory.")]
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


def chosen_period(
    period: str | None, since: str | None, until: str | None, otherwise: Callable[[date], Period] | None = None
) -> Period:
    """The period that the options name.

    Where they name none: everything, or what `otherwise` says of today.
    """
    if period and (since or until):
        raise ConfigurationError("--period, or --since and --until: not both", hint="leave one of them out")
    if otherwise and not (period or since or until):
        return otherwise(utc_now().date())
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
        _print_report("norm", chosen, config, form)
        return
    with open_services(config) as services:
        facts = gather(services, chosen)
        for report in trace(facts.urls, traced, facts.now):
            found = _traced_as_object(report)
            print_json(found) if as_json else print_line("  ".join(visible(str(value)) for value in found.values()))


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
    _print_report("weekly", chosen_period(period, since, until), config, _Form(as_json, as_html, as_csv_))


@app.command("conduct")
def conduct_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    *,
    as_html: HtmlOption = False,
    as_csv_: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Every norm of a good hoster with its proof.

    Exit code 1 when one falls short or has expired. Without a period the figures are of the last year.
    """
    chosen = chosen_period(period, since, until, otherwise=last_year)
    document = _print_report("conduct", chosen, config, _Form(as_json, as_html, as_csv_))
    if any(norm["standing"] in {NormStanding.FALLS_SHORT, NormStanding.EXPIRED} for norm in document.data["norms"]):
        raise typer.Exit(YES)


@app.command("transparency")
def transparency_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    *,
    xlsx: XlsxOption = None,
    as_html: HtmlOption = False,
    as_csv_: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """The transparency report of this calendar year, or of --period.

    DSA, Implementing Regulation 2024/2835.
    """
    chosen = chosen_period(period, since, until, otherwise=this_year)
    if xlsx is None:
        _print_report("transparency", chosen, config, _Form(as_json, as_html, as_csv_))
        return
    try:
        from goodhoster.reports.workbook import workbook_of
    except ImportError as error:
        hint = "install goodhoster with the extra spreadsheets, or use --csv"
        raise ConfigurationError("--xlsx needs the package xlsxwriter", hint=hint) from error
    with open_services(config) as services:
        write_durably(xlsx, [workbook_of(ReportMaker(services, chosen).make("transparency"))])


@app.command("measures")
def measures_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    *,
    as_html: HtmlOption = False,
    as_csv_: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """The authority's file: which measures are in force, since when, and the proof."""
    _print_report("measures", chosen_period(period, since, until), config, _Form(as_json, as_html, as_csv_))


@app.command("all")
def all_command(
    to: DirectoryOption,
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write every report in every form into a new directory.

    With an index that the audit log's key signs.
    """
    with open_services(config) as services:
        note_order(services.audit, "report all", reason)
        note = write_all(services, chosen_period(period, since, until), to)
    files = [line.split("  ", 1)[1] for line in note.text.decode().splitlines()[1:]]
    if as_json:
        print_json({"directory": str(to), "files": files})
    else:
        print_line(f"{len(files)} files and their signed index in {to}; to verify: goodhoster report verify {to}")


@app.command("verify")
def verify_command(
    directory: Annotated[Path, typer.Argument(help="A directory that `report all` wrote.")],
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Verify that every file in a directory is as it was signed; exit code 1 when one is not."""
    problems = verify_all(read_settings(config), directory)
    if as_json:
        print_json({"ok": not problems, "problems": problems})
    else:
        print("\n".join(map(visible, problems)) or "every file is as it was signed")
    raise typer.Exit(YES if problems else FINE)


@app.command("police")
def police_command(
    case_ids: CaseArguments,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Print a notification to the police about cases (DSA Art. 18), for a person to complete."""
    with open_services(config) as services:
        case_ids = [services.case_store.complete(case_id) for case_id in case_ids]
        for case_id in case_ids:
            note_order(services.audit, "report police", reason, case=case_id)
        text = police_text(services, case_ids)
    print_json({"cases": case_ids, "text": text}) if as_json else print(text, end="")


@app.command("eu-database")
def eu_database_command(
    period: PeriodOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,  # noqa: ARG001 - it is JSON always
) -> None:
    """Print a record for the EU's transparency database of each case that is offline.

    Cases of confidential orders are left out, and their number is told on standard error.
    """
    withheld = 0
    with open_services(config) as services:
        note_order(services.audit, "report eu-database", reason)
        for record in eu_records(services, chosen_period(period, since, until)):
            if record is None:
                withheld += 1
            else:
                print_json(record)
    if withheld:
        print(f"withheld: {withheld:,} cases whose notice is confidential, or not on record", file=sys.stderr)


@app.command("xarf")
def xarf_command(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")],
    url: Annotated[str, typer.Option("--url", help="Where the file was to be seen.")],
    classification: Annotated[
        str | None, typer.Option("--classification", help=f"Where no source says: {', '.join(CLASSIFICATIONS)}.")
    ] = None,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,  # noqa: ARG001 - it is JSON always
) -> None:
    """Print our own detection as an XARF report."""
    if classification not in {None, *CLASSIFICATIONS}:
        raise typer.BadParameter(f"choose one of {', '.join(CLASSIFICATIONS)}")
    with open_services(config) as services:
        whole_id = services.case_store.complete(case_id)
        note_order(services.audit, "report xarf", reason, case=whole_id)
        print_json(xarf_report(services, whole_id, url, classification))


def _print_report(name: str, period: Period, config: Path | None, form: _Form) -> Document:
    """Make one report and print it."""
    with open_services(config) as services:
        maker = ReportMaker(services, period)
        document = maker.make(name)
    if form.html:
        # Here, so that no other command waits for the templates.
        from goodhoster.reports.pages import page_of

        print(page_of(document, maker.facts, maker.hoster))
    elif form.json:
        sys.stdout.writelines(as_json(document.data))
        print()
    elif form.csv:
        sys.stdout.writelines(as_csv(document.tables))
    else:
        print(as_text(document), end="")
    return document


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
