"""Reports and the daily comparison over a real state directory."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.assembly.reports import outcomes as assembled
from goodhoster.assembly.reports.check_counts import count_checks
from goodhoster.assembly.reports.facts import gather
from goodhoster.assembly.reports.maker import ReportMaker
from goodhoster.assembly.reports.outcomes import check_outcomes
from goodhoster.assembly.services import Services
from goodhoster.model.audit import AuditEvent
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState, Receipt, Seen, Sight
from goodhoster.model.notices import Carrier, NoticeFormat, ReadItem, ReadNotice, TrustFinding, TrustLevel
from goodhoster.reports.outcomes import OutcomeProblem
from goodhoster.reports.periods import Period, month_before
from goodhoster.settings import load
from goodhoster.takedowns.outside_checks import after_look, first_look
from goodhoster_agent.background.daily import DailyWork
from goodhoster_agent.commands import audit, report

NOW = datetime.now(UTC)
CONFIGURATION = """
[agent]
state_dir = "{0}/state"
[[watch]]
path = "{0}/customers"
[notices]
hoster = "Made-up Hosting"
"""
A_CASE = {"case": "20260101-abcdefg", "measure": "quarantine", "customer": "anna", "path": "/srv/a.jpg"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "customers").mkdir()
    file = tmp_path / "goodhoster.toml"
    file.write_text(CONFIGURATION.format(tmp_path))
    return file


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is under way here that a moment's wait before the second look could let end."""
    monkeypatch.setattr(assembled, "_LOOK_AGAIN_AFTER", 0.0)


@pytest.fixture
def services(config: Path) -> Iterator[Services]:
    with Services(load(config)) as services:
        yield services


def a_notice(number: int, url: str, hours_ago: float, gone_after: float | None, notifier: str = "hotline") -> Notice:
    received = NOW - timedelta(hours=hours_ago)
    item = NoticeItem(ReadItem((url,)), url, customer="anna", cases=("c",))
    item = replace(item, state=ItemState.OFFLINE)
    if gone_after is not None:
        seen_at = received + timedelta(hours=gone_after)
        item = after_look(first_look(item, seen_at, may_look=True), Seen(Sight.GONE, ""), seen_at)
    trust = TrustFinding(TrustLevel.PINNED, notifier)
    read = ReadNotice(NoticeFormat.SCART_TABLE, sent_at=received)
    return Notice(Receipt(f"N{number}", received, Carrier.MAIL, b""), NoticeState.OPEN, read, trust, (item,))


def test_the_mirror_of_a_few_notices(services: Services, config: Path) -> None:
    store = services.notices.store
    store.add(a_notice(1, "http://www.anna.example/1.jpg", 100, 2))
    store.add(a_notice(2, "http://anna.example/2.jpg", 90, 30))
    store.add(a_notice(3, "http://bob.example/3.jpg", 80, None))
    store.add(a_notice(4, "http://bob.example/4.jpg", 1, None))
    store.add(a_notice(5, "http://www.anna.example/1.jpg", 99, 0, "flagger"))
    trial = a_notice(6, "http://bob.example/test.jpg", 1, None)
    store.add(replace(trial, read=ReadNotice(NoticeFormat.SCART_TEST)))
    found = json.loads(CliRunner().invoke(report.app, ["norm", "--json", "--config", str(config)]).output)
    keys = ("received", "unique", "gone_24h_pct", "median_h", "open_now", "open_over_24h", "reopened", "tests")
    assert [found[key] for key in keys] == [5, 4, 25.0, 30.0, 2, 1, 0, 1]
    assert sorted(found["by"]["domain"]) == ["anna.example", "bob.example"]
    assert found["by"]["notifier"]["flagger"]["received"] == 1
    traced = CliRunner().invoke(report.app, ["norm", "--trace", "open_over_24h", "--json", "--config", str(config)])
    assert json.loads(traced.output)["notice"] == "N3"


def test_what_is_gone_by_our_own_record_and_nobody_looked_at_is_not_measured(services: Services) -> None:
    looked, unseen = (a_notice(n, f"http://anna.example/{n}.jpg", 100, None) for n in (1, 2))
    vanished = a_notice(3, "http://anna.example/3.jpg", 100, None)
    (taken,) = unseen.items
    services.notices.store.add(looked)
    services.notices.store.add(replace(unseen, items=(first_look(taken, NOW, may_look=False),)))
    gone = replace(vanished.items[0], state=ItemState.GONE)
    services.notices.store.add(replace(vanished, items=(gone,), stopped_at=NOW))
    made = ReportMaker(services, Period()).make("norm")
    found = made.data
    assert (found["unique"], found["unmeasured"], found["open_now"], found["gone_24h_pct"]) == (3, 2, 1, 0.0)
    assert found["clocks"]["hotline"]["within"]["72"]["of"] == 1
    assert ("Not measured", "2") in [(tile.label, tile.value) for tile in made.tiles]


def test_the_text_shows_the_beginning_of_a_table_and_says_how_to_get_the_rest(services: Services, config: Path) -> None:
    for number in range(70):
        services.notices.store.add(a_notice(number, f"http://a{number}.example/1.jpg", 9, 1))
    args = ["norm", "--config", str(config)]
    text = CliRunner().invoke(report.app, args).output
    assert len(text.splitlines()) < 120
    assert "  the first 60 of 70; --csv has all" in text.splitlines()
    lines = CliRunner().invoke(report.app, [*args, "--csv"]).output.splitlines()
    assert sum(line.startswith("By domain,a") for line in lines) == 70
    assert len(json.loads(CliRunner().invoke(report.app, [*args, "--json"]).output)["by"]["domain"]) == 70


def test_a_report_about_nothing_knows_nothing(services: Services) -> None:
    found = ReportMaker(services, Period()).make("norm").data
    assert (found["received"], found["gone_24h_pct"], found["median_h"]) == (0, None, None)


@pytest.mark.parametrize("name", ["norm", "weekly"])
def test_a_page_needs_nothing_else_and_escapes_what_others_wrote(services: Services, config: Path, name: str) -> None:
    services.notices.store.add(a_notice(1, "http://anna.example/1.jpg", 9, 1, "<script>alert(1)</script>"))
    page = CliRunner().invoke(report.app, [name, "--html", "--config", str(config)]).output
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "href=" not in page
    assert "src=" not in page
    assert "Made-up Hosting" in page


def test_a_formula_in_a_table_is_text(services: Services, config: Path) -> None:
    services.notices.store.add(a_notice(1, "http://anna.example/1.jpg", 9, 1, "=cmd()"))
    assert "'=cmd()" in CliRunner().invoke(report.app, ["norm", "--csv", "--config", str(config)]).output


def test_the_checks_of_each_day_are_in_the_log_once(services: Services) -> None:
    hour = int(NOW.timestamp() // 3600)
    rows = [(hour - hours_ago, count) for hours_ago, count in ((49, 5), (25, 7), (0, 9))]
    services.index.database.run(lambda db: db.executemany("INSERT INTO checks VALUES (?, ?)", rows))
    count_checks(services, NOW.date())
    count_checks(services, NOW.date())
    entries = [dict(entry.event.data) for entry in services.audit.entries()]
    days = [(NOW - timedelta(hours=hours)).date() for hours in (49, 25)]
    assert [entry["day"] for entry in entries] == [str(day) for day in sorted({*days, NOW.date() - timedelta(days=1)})]
    assert sum(int(str(entry["checks"])) for entry in entries) == 12
    assert sum(week.checks for week in gather(services, Period()).weeks.in_order()) == 21


def test_a_match_without_an_outcome_is_told_with_exit_code_1(services: Services, config: Path) -> None:
    fine = CliRunner().invoke(audit.app, ["outcomes", "--json", "--config", str(config)])
    assert (fine.exit_code, json.loads(fine.stdout)["without"]) == (0, [])
    services.audit.append(AuditEvent("measure.intended", A_CASE))
    told = CliRunner().invoke(audit.app, ["outcomes", "--json", "--config", str(config)])
    assert told.exit_code == 1
    (without,) = json.loads(told.stdout)["without"]
    assert (without["problem"], without["case"]) == ("not-in-record", A_CASE["case"])


def test_a_part_that_cannot_be_compared_is_told_with_exit_code_3(services: Services, config: Path) -> None:
    (services.state_dir / "index.sqlite").mkdir()
    told = CliRunner().invoke(audit.app, ["outcomes", "--json", "--config", str(config)])
    assert told.exit_code == 3
    assert "index" in json.loads(told.stdout)["unchecked"][0]
    assert "exactly one" not in CliRunner().invoke(audit.app, ["outcomes", "--config", str(config)]).stdout


def test_the_daemon_pages_once_about_the_same_findings(services: Services) -> None:
    pager = MemoryPager()
    vars(services)["pager"] = pager
    daily = DailyWork(services)
    assert daily._run_once() == 60
    services.audit.append(AuditEvent("measure.intended", A_CASE))
    for _ in range(2):
        assert daily._run_once() == 300, "what was found may be mended any moment"
    assert len(pager.pages) == 1
    assert daily.alarms()[0].startswith("ALARM: 1 matches")
    assert check_outcomes(services).comparison.findings[0].problem is OutcomeProblem.NOT_IN_RECORD


def test_the_figures_of_a_month_go_to_each_address_once(config: Path) -> None:
    config.write_text(config.read_text() + '[reports]\nmonthly_to = ["a@hoster.example", "b@hoster.example"]\n')
    with Services(load(config)) as services:
        daily, month = DailyWork(services), month_before(datetime.now(UTC).date()).name
        for _ in range(3):
            daily._run_once()
        assert services.notices.outbox.waiting() == 2
        (letter, _) = (services.state_dir / "letters/waiting").glob("[!.]*.json")
        told = json.loads(letter.read_text())
        months = {month, month_before(datetime.now(UTC).date()).name}  # another, where it ends just now
        assert told["subject"] in {f"goodhoster: figures of {each}" for each in months}
        assert "Made-up Hosting" in told["text"]
        assert "http" not in told["text"]


def test_a_page_that_did_not_arrive_is_sent_again(services: Services) -> None:
    pager = MemoryPager()
    pager.down = True
    vars(services)["pager"] = pager
    daily = DailyWork(services)
    daily._run_once()
    services.audit.append(AuditEvent("measure.intended", A_CASE))
    assert daily._run_once() == 300
    pager.down = False
    daily._run_once()
    assert len(pager.pages) == 1
