"""`python -m benchmarks [NAME [ARGS…]]`: runs the benchmarks whose file begins with NAME, or all of them.

Each is a module here with a docstring, whose first line says what it measures, and a `main()`. It runs in a process of
its own, so that no benchmark's memory or warm caches are in another's figures. `--list` only says which there are;
`--smallest` runs each at its smallest size, once, to see that it still works.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Run what is named; the exit code of the first that failed, 2 when nothing has that name."""
    name, *rest = arguments or [""]
    if name == "--list":
        print(listing())
        return 0
    if name == "--smallest":
        os.environ["GOODHOSTER_BENCH"] = "smallest"
        name, *rest = rest or [""]
    chosen = named(name)
    if not chosen:
        print(f"no benchmark begins with {name!r}; there are:\n{listing()}", file=sys.stderr)
        return 2
    # All of them run, so that one that fails hides no figures.
    codes = [_run(benchmark, rest) for benchmark in chosen]
    return next(filter(None, codes), 0)


def named(beginning: str) -> list[Path]:
    """The benchmarks whose name begins so, in order."""
    return sorted(path for path in FOLDER.glob(f"{beginning}*.py") if path.stem[:1] != "_" and "_" in path.stem)


def listing() -> str:
    """A line for each benchmark."""
    return "\n".join(f"  {path.stem:<14} {first_line(path)}" for path in named(""))


def first_line(benchmark: Path) -> str:
    """What it says of itself; it is read, not run, so that its peers need not be installed."""
    return (ast.get_docstring(ast.parse(benchmark.read_text())) or "").partition("\n")[0]


def _run(benchmark: Path, arguments: list[str]) -> int:
    print(f"── {benchmark.stem}: {first_line(benchmark)}", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{benchmark.stem}", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
