"""P11: a command from its start to its end, as a whole process, beside `clamdscan --version` in the same run.

On a new host and on one with 10,000 cases. Processor time in milliseconds (user and system), the median of the runs in
turns; goal: at most 150 ms. Where clamdscan is not installed its column is left out.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.testing.suites.case_store import a_case

COMMANDS = (("--version",), ("status",), ("cases", "list"), ("notices", "list"), ("storms", "list"))
GOAL = 150


def main() -> None:
    print(f"P11: processor time of a whole command in ms; goal: {GOAL}")
    with tempfile.TemporaryDirectory() as folder:
        for count in (0, *sizes(100, 10_000)):
            config = _host(Path(folder) / str(count), count)
            env = {**os.environ, "GOODHOSTER_CONFIG": str(config)}
            program = str(Path(sys.executable).with_name("goodhoster"))
            commands = {" ".join(command): [program, *command] for command in COMMANDS}
            if peer := shutil.which("clamdscan"):
                commands["clamdscan --version"] = [peer, "--version"]
            figures: dict[str, list[float]] = {name: [] for name in commands}
            for _ in range(RUNS + 1):
                for name, command in commands.items():
                    figures[name].append(_milliseconds(command, env))
            for name, found in figures.items():
                print(f"  {count:>6} cases  {name:<24} {statistics.median(found[1:]):>7.0f}")


def _host(folder: Path, count: int) -> Path:
    """A configuration with so many cases in its record."""
    tree = folder / "customers"
    tree.mkdir(parents=True)
    config = folder / "goodhoster.toml"
    (folder / "state").mkdir(mode=0o700)
    with closing(SqliteCaseStore(folder / "state" / "record.sqlite")) as store, store.together():
        for number in range(count):
            store.add(a_case(f"c{number}", path=b"anna/%d.jpg" % number, content=str(number)))
    config.write_text(f'[agent]\nstate_dir = "{folder / "state"}"\n[[watch]]\npath = "{tree}"\n', encoding="utf-8")
    return config


def _milliseconds(command: list[str], env: dict[str, str]) -> float:
    before = os.times()
    ended = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if ended.returncode not in {0, 1}:  # 1 is the answer of `status` while no daemon runs
        ended.check_returncode()
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) * 1000


if __name__ == "__main__":
    main()
