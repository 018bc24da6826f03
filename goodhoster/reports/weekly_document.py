"""Checks and matches of each week as a document."""

from __future__ import annotations

from typing import Any

from goodhoster.model.cases import CaseState
from goodhoster.reports.documents import Chart, Document, Series, Table, Tile, period_as_object, rounded
from goodhoster.reports.facts import Facts
from goodhoster.reports.weekly import Week

_WHOLE = 7
_COLUMNS = (
    "week",
    "checks",
    "days_counted",
    "matches",
    "per_million",
    "offline",
    "held",
    "restored",
    "overruled",
    "reported",
)
_NOTES = (
    "Checks: contents that were asked about and got an answer; what is unchecked is not among them.",
    "The daemon writes the checks of each day (UTC) to the audit log. A week with fewer than 7 days counted had more.",
    "Matches: files that a source knew, exactly or nearly, by the week in which their case was opened.",
    "What became of them is told as of now. Overruled: a person had restored that content before.",
)


def weekly_document(facts: Facts) -> Document:
    """The document of all weeks in the period."""
    weeks = facts.weeks.in_order()
    checks, matches = sum(week.checks for week in weeks), sum(week.matches for week in weeks)
    names = [week.name for week in weeks]
    data = period_as_object(facts.period, facts.now)
    data |= {"checks": checks, "matches": matches, "weeks": [week_as_object(week) for week in weeks]}
    return Document(
        name="weekly",
        title="Checks and matches of each week",
        data=data,
        tiles=(
            Tile("Checks", f"{checks:,}"),
            Tile("Matches", f"{matches:,}", "proven? goodhoster audit outcomes"),
            Tile("Weeks", f"{len(weeks):,}"),
        ),
        charts=(
            Chart(
                "Checks and matches per week",
                names,
                (
                    Series("checks", [week.checks if week.days else None for week in weeks]),
                    Series("matches", [week.matches for week in weeks]),
                ),
            ),
        ),
        tables=(Table("Weeks", _COLUMNS, [tuple(_row(week).values()) for week in weeks]),),
        notes=_NOTES,
    )


def week_as_object(week: Week) -> dict[str, Any]:
    """One week, with the entries and cases behind its figures."""
    return _row(week) | {"outcomes": dict(week.outcomes), "entries": week.entries, "cases": week.cases}


def _row(week: Week) -> dict[str, Any]:
    rate = 1_000_000 * week.matches / week.checks if week.days == _WHOLE and week.checks else None
    figures = (
        week.name,
        week.checks if week.days else None,
        week.days,
        week.matches,
        rounded(rate),
        week.outcomes[CaseState.OFFLINE],
        week.outcomes[CaseState.HELD],
        week.outcomes[CaseState.RESTORED],
        week.overruled,
        week.reported,
    )
    return dict(zip(_COLUMNS, figures, strict=True))
