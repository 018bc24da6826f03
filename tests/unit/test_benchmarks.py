"""The runner of the benchmarks, and what each benchmark owes it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BENCHMARKS = sorted((CHECKOUT / "benchmarks").glob("[a-z]*_*.py"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_measures_and_has_a_main(benchmark: Path) -> None:
    module = ast.parse(benchmark.read_text())
    number = benchmark.stem.partition("_")[0].replace("p", "P")
    assert (ast.get_docstring(module) or "").startswith(f"{number}: ")
    assert "main" in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


def test_the_list_names_every_benchmark() -> None:
    listed = run("--list")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [path.stem for path in BENCHMARKS]


def test_an_unknown_name_is_an_error_that_lists_those_there_are() -> None:
    ended = run("no-such-benchmark")
    assert ended.returncode == 2
    assert "p4_checks" in ended.stderr
