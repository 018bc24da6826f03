"""P9: being there: processor time and memory of all processes of a daemon that has nothing to do.

Two installs: by exact digest only (the packages of requirements/run.txt and no others), and with the extra `near`. Each
has checked 1,000 files, then an archive too, with the hash service and an own list configured, and rests. Memory is
PSS: what processes share counts once. The tree lies on a disk of its own (/dev/shm), because the events of a whole disk
wake a daemon that watches by fanotify. The peer's figure (clamd: some 1 GB) is that of its published database, which is
not fetched here. Goal: 1 % of a core and 80 MB for the exact-only install.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.measuring import sizes
from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.hostile import zip_of
from goodhoster.testing.pictures import made_up_picture

LOCK = Path(__file__).parents[1] / "requirements/run.txt"
FILES, CUSTOMERS = 1_000, 10
SETTLE, REST = sizes(3, 15)[-1], sizes(5, 60)[-1]  # seconds
GOAL_PERCENT, GOAL_MB = 1.0, 80.0
CONFIG = """
[agent]
state_dir = "{state}"
[[watch]]
path = "{tree}"
[[hash_source]]
kind = "hashcheckservice"
url = "{url}"
username = "made-up-hoster"
password_file = "password"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
"""


def main() -> None:
    print(f"P9: idle for {REST} s; goal, exact only: {GOAL_PERCENT:.0f} % of a core and {GOAL_MB:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        exact = _exact_only(Path(folder) / "venv")
        for name, python in (("exact only", exact), ("with near", Path(sys.executable))):
            for archive in (False, True):
                with _resting(python, archive=archive) as pid:
                    _tell(f"{name}, {'an archive was opened' if archive else 'no archive yet'}", pid)


def _exact_only(folder: Path) -> Path:
    """An environment with what requirements/run.txt names, linked from this one; its interpreter."""
    locked = {_name(line.split("==")[0]) for line in LOCK.read_text().splitlines() if re.match(r"[A-Za-z]", line)}
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for found in distributions():
        if _name(found.metadata["Name"]) in locked | {"goodhoster"}:
            base = Path(str(found.locate_file("")))
            for top in {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}:
                (site / top).symlink_to(base / top)
    python = folder / "bin/python"
    subprocess.run([python, "-c", "import importlib.util as u; assert not u.find_spec('numpy')"], check=True)
    return python


def _name(written: str) -> str:
    return re.sub(r"[-_.]+", "-", written).lower()


@contextmanager
def _resting(python: Path, *, archive: bool) -> Iterator[int]:
    """A daemon that has checked all there is; its process id."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir="/dev/shm") as tree,
        FakeHashService() as service,
    ):
        (Path(folder) / "password").touch(0o600)
        (Path(folder) / "password").write_text(service.password)
        config = Path(folder) / "goodhoster.toml"
        config.write_text(CONFIG.format(state=f"{folder}/state", tree=tree, url=service.url))
        for number in range(FILES):
            place = Path(tree) / f"customer-{number % CUSTOMERS}"
            place.mkdir(exist_ok=True)
            (place / f"{number}.png").write_bytes(made_up_picture(number))
        command = [str(python), "-m", "goodhoster_agent"]
        daemon = subprocess.Popen(
            [*command, "run", "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert daemon.stdout
            daemon.stdout.readline()
            _wait_for([*command, "status", "--json", "--config", str(config)], FILES)
            if archive:
                (Path(tree) / "customer-1/many.zip").write_bytes(zip_of({"a.png": made_up_picture(FILES)}))
                _wait_for([*command, "status", "--json", "--config", str(config)], FILES + 1)
            time.sleep(SETTLE)
            yield daemon.pid
        finally:
            daemon.terminate()
            daemon.wait()


def _wait_for(status: list[str], files: int) -> None:
    while True:
        told = json.loads(subprocess.run(status, stdout=subprocess.PIPE, check=False).stdout)
        if sum(told["verdicts"].values()) >= files and not told["queue"]:
            return
        time.sleep(0.5)


def _tell(name: str, pid: int) -> None:
    before = {each: _seconds(each) for each in _with_children(pid)}
    time.sleep(REST)
    after = {each: (_seconds(each), _pss_mb(each)) for each in before}
    used = sum(seconds - before[each] for each, (seconds, _) in after.items())
    memory = sum(mb for _, mb in after.values())
    print(f"\n{name}: {100 * used / REST:.2f} % of a core, {memory:.1f} MB", flush=True)
    for each, (seconds, mb) in after.items():
        called = Path(f"/proc/{each}/comm").read_text(encoding="ascii").strip()
        print(f"  {called:<12} {100 * (seconds - before[each]) / REST:>6.2f} % {mb:>7.1f} MB", flush=True)


def _with_children(pid: int) -> list[int]:
    told = " ".join(file.read_text(encoding="ascii") for file in Path(f"/proc/{pid}/task").glob("*/children"))
    return [pid, *(each for child in told.split() for each in _with_children(int(child)))]


def _seconds(pid: int) -> float:
    """Of a core, since its start."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text(encoding="ascii").split()[0]) for file in files) / 1e9


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


if __name__ == "__main__":
    main()
