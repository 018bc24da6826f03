"""Tests that need a program of Debian's: left out and named where it is missing, a failure under CI=true."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
PRESENT = '@pytest.mark.debian("coreutils", program="ls")\ndef test_present(): pass\n'
MISSING = '@pytest.mark.debian("hotline-tools", program="no-such-program")\ndef test_missing(): pass\n'


def run_pytest(folder: Path, tests: str, *, ci: bool) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  debian: x\n  quick: x\n  journey: x\n  slow: x\n")
    (folder / "test_sample.py").write_text(f"import pytest\n{tests}")
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_program_leaves_the_test_out_and_names_the_package(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, PRESENT + MISSING, ci=False)
    assert "left out: test_sample.py::test_missing (apt-get install hotline-tools)" in ended.stdout
    assert "1 passed, 1 skipped" in ended.stdout
    assert ended.returncode == 0


@pytest.mark.parametrize(
    "left_out", [MISSING, "def test_it(): pytest.skip('x')\n", "pytest.importorskip('no_such_module')\n"]
)
def test_under_ci_a_left_out_test_is_a_failure(tmp_path: Path, left_out: str) -> None:
    ended = run_pytest(tmp_path, PRESENT + left_out, ci=True)
    assert "CI=true: a left-out test is a failure" in ended.stdout
    assert ended.returncode != 0


def test_under_ci_nothing_left_out_is_well(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, PRESENT, ci=True).returncode == 0


def test_an_expected_failure_is_not_left_out(tmp_path: Path) -> None:
    expected = "@pytest.mark.xfail(reason='known')\ndef test_it(): assert False\n"
    assert run_pytest(tmp_path, PRESENT + expected, ci=True).returncode == 0
