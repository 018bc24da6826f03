"""The sources that can run here, and the table of cases with the result of each, printed at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import cast

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster_agent.watching.source_choice import choose_source
from tests.journeys.watching.world import World

SOURCES = ("fanotify", "watchdog", "scan")
_RESULTS: dict[tuple[int, str], dict[str, str]] = {}
Mount = Callable[..., None]

ELSEWHERE = {
    (14, "decompression bomb, endless animation"): "tests/journeys/test_hostile_pictures.py",
    (16, "another file, link, FIFO, parent swapped in meanwhile"): "tests/unit/evidence/quarantine/test_race.py",
    (16, "the same one by one, and put back"): "tests/unit/evidence/quarantine/test_attacks.py",
    (17, "hard links elsewhere, a writer that holds it open"): "tests/unit/evidence/quarantine/test_attacks.py",
    (18, "put back when the name is taken again"): "tests/conformance/test_quarantines.py",
    (19, "restore onto a name, into a swapped directory"): "tests/conformance/test_quarantines.py",
    (20, "other file systems, full, over a quota, read-only"): "tests/unit/evidence/quarantine/test_file_systems.py",
    (20, "the same with a daemon at work"): "tests/journeys/test_disks.py",
    (21, "a crash between rename and record, both directions"): "tests/unit/evidence/quarantine/test_crashes.py",
}
"""Rows about what happens to a file when it has been found, by whatever source: shown there."""


@pytest.fixture(params=SOURCES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, request.param)
    try:
        choose_source(request.param, [world.tree]).stop()
    except ConfigurationError as error:
        pytest.skip(str(error))
    yield world
    world.stop()


@pytest.fixture
def mount() -> Iterator[Mount]:
    """`mount(point, "-t", "tmpfs", "none")`; root only. Everything is unmounted at the end."""
    points: list[bytes] = []

    def mount(point: bytes, *arguments: str) -> None:
        done = subprocess.run(["mount", *arguments, point], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"only root may mount: {done.stderr.strip()}")
        points.append(point)

    yield mount
    for point in reversed(points):
        subprocess.run(["umount", "--lazy", point], check=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mark = item.get_closest_marker("row")
    if mark and (report.when == "call" or report.skipped):
        callspec = getattr(item, "callspec", None)
        source = callspec.params.get("world", "") if callspec else ""
        report.user_properties.append(("row", (*mark.args, source)))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather the results where the table is printed: with pytest-xdist that is not the process that ran the test."""
    for name, row in report.user_properties:
        if name == "row":
            number, case, source = cast("tuple[int, str, str]", row)
            results = _RESULTS.setdefault((number, case), {})
            known = results.get(source, "")
            results[source] = max(known, report.outcome, key=("", "passed", "skipped", "failed").index)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _RESULTS:
        return
    terminalreporter.section("cases for watching (rows of the table of promises)")
    terminalreporter.write_line(f"{'row':>3}  {'case':<58} " + " ".join(f"{source:<9}" for source in SOURCES))
    told = {row: " ".join(f"{_result(results, source):<9}" for source in SOURCES) for row, results in _RESULTS.items()}
    for (number, case), cells in sorted((told | ELSEWHERE).items()):
        terminalreporter.write_line(f"{number:>3}  {case:<58} {cells}")


def _result(results: dict[str, str], source: str) -> str:
    """A test that makes its own source has one result for all."""
    return results.get(source, results.get("", "-"))
