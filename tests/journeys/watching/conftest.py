"""The sources that can run here, and the table of cases with the result of each, printed at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster_agent.watching.choosing import choose_source
from tests.journeys.watching.world import World

SOURCES = ("fanotify", "watchdog", "scan")
_RESULTS: dict[tuple[int, str], dict[str, str]] = {}
Mount = Callable[..., None]


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


@contextmanager
def sysctl(name: str, value: int) -> Iterator[None]:
    """Root only. For a moment, on the whole machine: what is made in it keeps the value."""
    file = Path("/proc/sys", *name.split("."))
    before = file.read_text()
    try:
        file.write_text(str(value))
    except OSError:
        pytest.skip(f"only root may set {name}")
    try:
        yield
    finally:
        file.write_text(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mark = item.get_closest_marker("row")
    if mark and (report.when == "call" or report.skipped):
        callspec = getattr(item, "callspec", None)
        source = callspec.params.get("world", "") if callspec else ""
        results = _RESULTS.setdefault(mark.args, {})
        results[source] = max(results.get(source, ""), report.outcome, key=("", "passed", "skipped", "failed").index)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _RESULTS:
        return
    terminalreporter.section("cases for watching (rows of the table of promises)")
    terminalreporter.write_line(f"{'row':>3}  {'case':<58} " + " ".join(f"{source:<9}" for source in SOURCES))
    for (number, case), results in sorted(_RESULTS.items()):
        cells = " ".join(f"{results.get(source, results.get('', '-')):<9}" for source in SOURCES)
        terminalreporter.write_line(f"{number:>3}  {case:<58} {cells}")
