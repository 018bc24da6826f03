"""Conduct, transparency, measures, spreadsheets and the signed directory."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from goodhoster.assembly.services import Services
from goodhoster.errors import ConfigurationError
from goodhoster.reports.conduct import TEXTS, Installation, NormId, NormStanding, conduct
from goodhoster.reports.documents import Document, Table, as_csv, as_text
from goodhoster.reports.facts import Facts
from goodhoster.reports.norm import mirror
from goodhoster.reports.pages import page_of
from goodhoster.reports.periods import Period
from goodhoster.reports.proofs import NormProof, Proofs, read_proofs
from goodhoster.reports.removals import FigureClock
from goodhoster.reports.statistics import Share
from goodhoster.reports.transparency import SHEETS
from goodhoster.reports.weekly import CountedDay
from goodhoster.reports.workbook import workbook_of
from goodhoster.settings import load
from goodhoster_agent.commands import report
from tests.unit.reports.test_reports_of_a_machine import CONFIGURATION, a_notice

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALL_WELL = Installation(enforcing=True, sources=1, ways_in=("LMTP",), answers=True, without_outcome=0)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "customers").mkdir()
    file = tmp_path / "goodhoster.toml"
    file.write_text(CONFIGURATION.format(tmp_path))
    return file


@pytest.fixture
def services(config: Path) -> Iterator[Services]:
    with Services(load(config)) as services:
        yield services


def standing(norm: NormId, installation: Installation = ALL_WELL, *proofs: NormProof, checks: int = 5) -> NormStanding:
    facts = Facts(Period(), NOW)
    facts.take_log([], [CountedDay(NOW.date(), checks)])
    found = conduct(facts, mirror(facts.urls, NOW, str), installation, Proofs(proofs))
    assert [finding.norm for finding in found] == list(NormId) == list(TEXTS)
    return next(finding.standing for finding in found if finding.norm is norm)


def test_what_is_configured_and_done_is_met() -> None:
    assert standing(NormId.HASH_CHECK) is NormStanding.MET
    assert standing(NormId.REACHABLE) is NormStanding.MET
    assert standing(NormId.EVERY_MATCH) is NormStanding.MET


def test_what_nobody_can_tell_is_unproven_and_never_met() -> None:
    assert standing(NormId.HASH_CHECK, checks=0) is NormStanding.UNPROVEN
    assert standing(NormId.WITHIN_24H) is NormStanding.UNPROVEN
    assert standing(NormId.CONTRIBUTION) is NormStanding.UNPROVEN
    uncompared = Installation(enforcing=True, sources=1, ways_in=("LMTP",), answers=True, without_outcome=None)
    assert standing(NormId.EVERY_MATCH, uncompared) is NormStanding.UNPROVEN


@pytest.mark.parametrize(
    ("gone", "too_young", "late", "expected"),
    [
        (0, 26, 0, NormStanding.UNPROVEN),
        (3, 23, 0, NormStanding.MET),
        (26, 0, 0, NormStanding.MET),
        (3, 22, 1, NormStanding.FALLS_SHORT),
        (0, 25, 1, NormStanding.FALLS_SHORT),
    ],
)
def test_what_is_too_young_to_tell_proves_nothing(gone: int, too_young: int, late: int, expected: NormStanding) -> None:
    figures = mirror(Facts(Period(), NOW).urls, NOW, str)
    speed = figures.total.speed[FigureClock.RECEIPT]
    within = {**speed.within, 24: Share(gone, 26)}
    speed = replace(speed, within=within, too_young=too_young, open_over_24h=late)
    total = replace(figures.total, speed={**figures.total.speed, FigureClock.RECEIPT: speed})
    found = conduct(Facts(Period(), NOW), replace(figures, total=total), ALL_WELL, Proofs(()))
    (finding,) = (one for one in found if one.norm is NormId.WITHIN_24H)
    assert finding.standing is expected, finding.proof
    assert ("too early to tell" in finding.proof) == bool(too_young)


def test_what_the_figures_show_not_to_be_kept_falls_short() -> None:
    nothing = Installation(enforcing=False, sources=0, ways_in=(), answers=False, without_outcome=3)
    for norm in (NormId.HASH_CHECK, NormId.REACHABLE, NormId.EVERY_MATCH):
        assert standing(norm, nothing) is NormStanding.FALLS_SHORT
    observing = Installation(enforcing=False, sources=1, ways_in=("LMTP",), answers=True, without_outcome=0)
    assert standing(NormId.HASH_CHECK, observing) is NormStanding.FALLS_SHORT


def test_a_paper_proves_until_the_day_on_which_it_expires() -> None:
    def paper(expires: date | None, since: date | None = None) -> NormStanding:
        return standing(NormId.MEMBERSHIP, ALL_WELL, NormProof("membership", "member of X", since, expires))

    assert paper(NOW.date() + timedelta(days=1)) is NormStanding.MET
    assert paper(None) is NormStanding.MET
    assert paper(NOW.date()) is NormStanding.EXPIRED
    assert paper(None, since=NOW.date() + timedelta(days=1)) is NormStanding.UNPROVEN


@pytest.mark.parametrize(
    "text",
    [
        '[[proof]]\nnorm = "membership"\n',
        '[[proof]]\nnorm = "unknown"\nwhat = "x"\n',
        '[[proof]]\nnorm = "membership"\nwhat = "x"\nexpires = "2026-01-01"\n',
        '[[proof]]\nnorm = "membership"\nwhat = "x"\nexpired = 2026-01-01\n',
        '[[people]]\nlanguage = "nl"\nnumber = true\n',
        '[proof]\nnorm = "membership"\n',
        'proof = "x"\n',
        "[[other]]\n",
        "no TOML",
    ],
)
def test_a_file_of_proofs_that_is_not_right_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "proofs.toml").write_text(text)
    with pytest.raises(ConfigurationError) as told:
        read_proofs(tmp_path / "proofs.toml", list(NormId))
    assert told.value.hint


def test_proofs_people_and_answers_come_from_the_file(services: Services, config: Path) -> None:
    proofs = config.with_name("proofs.toml")
    proofs.write_text(
        '[[proof]]\nnorm = "contribution"\nwhat = "5,000 euros"\nexpires = 2100-01-01\n'
        '[[people]]\nlanguage = "nl"\nnumber = 3\n[[answer]]\nquestion = "Who?"\nanswer = "We."\n'
    )
    config.write_text(config.read_text() + f'[reports]\nproofs = "{proofs}"\n')
    told = CliRunner().invoke(report.app, ["conduct", "--json", "--config", str(config)])
    assert told.exit_code == 1  # no hash source
    norms = {norm["norm"]: norm for norm in json.loads(told.stdout)["norms"]}
    assert (norms["contribution"]["standing"], norms["contribution"]["expires"]) == ("met", "2100-01-01")
    assert json.loads(told.stdout)["answers"] == [{"question": "Who?", "answer": "We."}]
    told = CliRunner().invoke(report.app, ["transparency", "--json", "--config", str(config)])
    assert json.loads(told.stdout)["sections"]["1.7 people"][0]["value"] == 3


def test_a_spreadsheet_has_the_sheets_of_the_template(services: Services, config: Path, tmp_path: Path) -> None:
    services.notices.store.add(a_notice(1, "http://anna.example/1.jpg", 1, 0.5))
    file = tmp_path / "2026.xlsx"
    told = CliRunner().invoke(report.app, ["transparency", "--xlsx", str(file), "--config", str(config)])
    assert told.exit_code == 0
    book = CalamineWorkbook.from_path(file)
    assert tuple(book.sheet_names) == SHEETS
    rows = book.get_sheet_by_name("1.3 notices").to_python()
    assert rows[0] == ["indicator", "scope", "value", "unit"]
    assert rows[1] == ["notices", "trusted flaggers and hotlines", 1.0, "notices"]
    assert book.get_sheet_by_name("1.5 complaints").to_python()[1][2] == ""  # not known is not 0


def test_nothing_in_a_spreadsheet_is_a_formula_or_a_link() -> None:
    cells = ("=1+1", "http://a.example/", "@x", "-1", "00123")
    book = workbook_of(Document("x", "x", {}, tables=(Table("t", ("a", "b", "c", "d", "e"), [cells]),)))
    (_, row) = CalamineWorkbook.from_filelike(BytesIO(book)).get_sheet_by_index(0).to_python()
    assert tuple(row) == cells


def test_a_directory_of_all_reports_is_signed_and_every_change_is_found(
    services: Services, config: Path, tmp_path: Path
) -> None:
    services.notices.store.add(a_notice(1, "http://anna.example/1.jpg", 1, 0.5))
    folder, options = tmp_path / "reports", ["--json", "--config", str(config)]
    assert CliRunner().invoke(report.app, ["all", "--to", str(folder), *options]).exit_code == 0
    assert {f"{name}.html" for name in ("norm", "weekly", "conduct", "transparency", "measures")} <= {
        file.name for file in folder.iterdir()
    }

    def problems() -> list[str]:
        told = CliRunner().invoke(report.app, ["verify", str(folder), *options])
        found = json.loads(told.stdout)["problems"]
        assert told.exit_code == bool(found)
        return list(found)

    assert problems() == []
    norm = (folder / "norm.json").read_bytes()
    (folder / "norm.json").write_bytes(norm.replace(b"1", b"2", 1))
    (folder / "more.txt").touch()
    (folder / "norm.csv").unlink()
    assert problems() == ["norm.csv is missing", "more.txt is not in the index", "norm.json is not as it was signed"]
    index = (folder / "INDEX").read_bytes()
    (folder / "INDEX").write_bytes(index.replace(b"norm.json", b"mron.json"))
    (problem,) = problems()
    assert problem.startswith("INDEX is ")
    (folder / "INDEX").write_bytes(index + b"x\n")
    (problem,) = problems()
    assert problem.startswith("INDEX is not as it was signed")
    (folder / "INDEX").unlink()
    assert problems() == ["INDEX is missing"]
    again = CliRunner().invoke(report.app, ["all", "--to", str(folder), *options])
    assert type(again.exception).__name__ == "RefusedError"


def test_of_a_long_table_people_read_the_first_rows_and_how_many_there_are() -> None:
    table = Table("By domain", ("domain", "received"), [(f"{number}.example", number) for number in range(2000)])
    text = as_text(Document("norm", "The mirror", {}, tables=(table,)))
    assert len(text.splitlines()) < 70
    assert "the first 60 of 2,000; --csv has all" in text
    assert len(list(as_csv([table]))) == 2001


def test_on_a_page_wide_tables_are_dense_and_figures_that_nobody_knows_stand_with_the_others() -> None:
    wide = Table("By domain", ("domain", *map(str, range(15))), [("a.example", 2.5, None, *range(13))] * 2)
    document = Document("norm", "The mirror", {}, tables=(wide, Table("Gone", ("clock", "of"), [("receipt", 7)])))
    page = page_of(document, Facts(Period(), NOW), "Made-up Hosting")
    assert page.count('class="wide dense"') == page.count('class="wide"') == 1
    assert '<td class="n">2.50</td>' in page
    unknown = page_of(Document("n", "n", {}, tables=(Table("t", ("a",), [(None,), (3,)]),)), Facts(Period(), NOW), "")
    assert '<td class="n">–</td>' in unknown
