"""Lists on the command line: times that are typed, tables that fit, cells that command nothing."""

import csv
import io
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
import typer

from goodhoster_agent.commands.listing import Column, local_time, moment, print_list

ROWS = [("a", "anna"), ("b", "=cmd()\x1b[2J"), ("cccc", "bert")]
COLUMNS: tuple[Column[tuple[str, str]], ...] = (Column("ID", lambda row: row[0]), Column("WHO", lambda row: row[1]))


def as_object(row: tuple[str, str]) -> dict[str, str]:
    return {"id": row[0], "who": row[1]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-29T10:00:00+02:00", datetime(2026, 11, 29, 8, tzinfo=UTC)),
        ("2026-11-29T10:00Z", datetime(2026, 11, 29, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_with_a_zone_is_that_moment(typed: str, meant: datetime) -> None:
    assert moment(typed) == meant


@pytest.mark.parametrize(("typed", "ago"), [("90m", 5400), ("24h", 86400), ("7d", 604800), (" 2 w ", 1209600)])
def test_a_span_is_that_long_ago(typed: str, ago: int) -> None:
    assert abs(datetime.now(UTC) - moment(typed) - timedelta(seconds=ago)) < timedelta(seconds=10)


def test_a_date_is_that_midnight_here() -> None:
    assert moment("2026-11-29") == datetime(2026, 11, 29).astimezone(UTC)


@pytest.mark.parametrize("typed", ["", "yesterday", "7", "-1d", "2026-13-01", "9999999d", "0001-01-01"])
def test_anything_else_is_refused_with_what_to_give(typed: str) -> None:
    with pytest.raises(typer.BadParameter, match="give"):
        moment(typed)


def test_people_see_local_time_with_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_time(datetime(2026, 7, 1, 12, tzinfo=UTC)).startswith("2026-07-")
    assert local_time(None, "none") == "none"


def test_a_table_has_headings_and_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(ROWS, COLUMNS, as_object, as_json=False, as_csv=False)
    assert capsys.readouterr().out.splitlines() == ["ID    WHO", "a     anna", "b     =cmd()\\x1b[2J", "cccc  bert"]


def test_nothing_is_printed_where_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_list([], COLUMNS, as_object, as_json=False, as_csv=False)
    assert capsys.readouterr().out == ""


def test_csv_has_a_header_and_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(ROWS, COLUMNS, as_object, as_json=False, as_csv=True)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["ID", "WHO"], ["a", "anna"], ["b", "'=cmd()\\x1b[2J"], ["cccc", "bert"]]


def test_json_is_what_the_object_says(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(ROWS, COLUMNS, as_object, as_json=True, as_csv=False)
    assert [json.loads(line)["who"] for line in capsys.readouterr().out.splitlines()] == [row[1] for row in ROWS]


def test_both_at_once_are_refused() -> None:
    with pytest.raises(typer.BadParameter):
        print_list(ROWS, COLUMNS, as_object, as_json=True, as_csv=True)


def test_an_overlong_cell_widens_no_other_row(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 50_000
    print_list([("a", "anna"), (long, "bert")], COLUMNS, as_object, as_json=False, as_csv=False)
    heading, first, second = capsys.readouterr().out.splitlines()
    assert (len(heading), len(first)) == (105, 106)
    assert second == f"{long}  bert"


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_a_list_is_printed_also_where_a_stream_is_closed(
    closed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever starts a command by a job may close them."""
    monkeypatch.setattr(sys, closed, None)
    print_list(ROWS, COLUMNS, as_object, as_json=False, as_csv=False)
    assert bool(capsys.readouterr().out) is (closed == "stdin")
