"""What all tests share: tests that run a program of Debian's, and the account of those left out.

A test that needs such a program says which package has it:

    @pytest.mark.debian("clamav-daemon", program="clamd")

Where the program is missing the test is left out, and the end of the session names the package to install.
A proof by many rounds (crash at 200 points, race for 15 s) takes the fixture `rounds`: the everyday run makes a few,
GOODHOSTER_PROOF=full makes all.

With CI=true nothing may be left out, for whatever reason: the session then fails. The packages that CI needs
stand in requirements/debian.txt.
"""

import os
import shutil
from collections.abc import Callable

import hypothesis
import pytest

# No test asserts a time, so neither does a property.
hypothesis.settings.register_profile("goodhoster", deadline=None)
hypothesis.settings.load_profile("goodhoster")

# Daemons live in sbin, which an ordinary user's PATH leaves out.
PROGRAM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

Rounds = Callable[[int, int], int]
LEFT_OUT = pytest.StashKey[dict[str, str]]()
_config_of_session: list[pytest.Config] = []


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}
    _config_of_session[:] = [config]


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [package for package, program in _needs(item) if not shutil.which(program, path=PROGRAM_PATH)]
    if missing:
        pytest.skip(f"apt-get install {' '.join(missing)}")


def _needs(item: pytest.Item) -> list[tuple[str, str]]:
    """The (package, program) pairs of the test's marks; a package without program has one of its own name."""
    return [(mark.args[0], mark.kwargs.get("program", mark.args[0])) for mark in item.iter_markers(name="debian")]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _remember_left_out(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _remember_left_out(report)


def _remember_left_out(report: pytest.TestReport | pytest.CollectReport) -> None:
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    _config_of_session[0].stash[LEFT_OUT][report.nodeid] = why.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash[LEFT_OUT]
    if not left_out:
        return
    terminalreporter.section("left out")
    for test, why in sorted(left_out.items()):
        terminalreporter.write_line(f"left out: {test} ({why})")
    if _nothing_may_be_left_out():
        terminalreporter.write_line("CI=true: a left-out test is a failure", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[LEFT_OUT] and _nothing_may_be_left_out() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _nothing_may_be_left_out() -> bool:
    return os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def rounds() -> Rounds:
    """`rounds(few, all_of_them)`: how many to make in this run."""
    full = os.environ.get("GOODHOSTER_PROOF") == "full"
    return lambda few, all_of_them: all_of_them if full else few
