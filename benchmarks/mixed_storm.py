"""mixed: everything at once on one ext4 disk, counted from outside: lost, wrong, and what another customer waits.

`python -m benchmarks mixed_storm [SECONDS]` (an hour is 3600). A real daemon on an image of ext4. Meanwhile `anna`
writes tiny files, renames directories 1,000 levels deep, has a mount that hangs; images copied from one template are
mounted and unmounted in her tree, with a known file in each; notices come in, and strangers keep connections open that
say nothing. `bert` uploads known files one after the other, `cas` others. Root only. Goal: 0 lost, 0 wrong, p99 of bert
2 s. *Lost* is a known file that is there after a minute (on a clone: five) or has no case; *wrong* what is offline and
is not known, changed, or has two cases.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.measuring import SMALLEST
from benchmarks.p10_one_cannot_hold_up_another import (
    GIVE_UP,
    RENAME,
    content,
    daemon,
    hanging,
    idle_connections,
    prepared,
)
from goodhoster.testing.pictures import made_up_picture

SECONDS = 5 if SMALLEST else 60
LEVELS, RENAMES = (100, 50) if SMALLEST else (1000, 100)
UPLOAD_EVERY, CLEAR_EVERY, NOTICE_EVERY = 0.2, 0.1, 1.0
CLONES = 2
KNOWN = 500 if SMALLEST else 100_000
PATIENCE = 5 * GIVE_UP
"""Seconds for a file on a clone: events do not tell clones apart, so that the next comparison may have to find it."""
LARGEST = 1 << 30
"""Bytes of the disk of the customers."""
WRITE = """
import itertools, os, sys, time
for number in itertools.count():
    folder = f"{sys.argv[1]}/{number // 500 % 20}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{number % 500}.jpg", "wb") as file:
        file.write(b"\\xff\\xd8\\xff\\xe0 tiny %d" % number)
    time.sleep(0.002)
"""


@dataclass
class Storm:
    """What was done, and what was seen of it."""

    folder: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=count)
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    known: set[str] = field(default_factory=set)
    clear: dict[Path, bytes] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def tree(self) -> Path:
        """The customers."""
        return self.folder / "customers"

    def upload(self, directory: Path, what: str, patience: float = GIVE_UP) -> None:
        """Write a known file, and wait until it is gone."""
        with self.lock:
            number = next(self.numbers)
        path = directory / f"{number}.jpg"
        directory.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(number))
        begun = time.perf_counter()
        self.known.add(str(path))
        self.counted[what] += 1
        while path.exists():
            if time.perf_counter() - begun > patience:
                self.lost.append(str(path))
                return
            time.sleep(0.001)
        self.waits[what].append(time.perf_counter() - begun)

    def of_bert(self) -> None:
        """One known file after the other."""
        self.upload(self.tree / "bert", "known files of bert")
        self.stopping.wait(UPLOAD_EVERY)

    def of_cas(self) -> None:
        """Pictures that nobody knows."""
        number = self.counted["other files"]
        path = self.tree / "cas" / str(number // 200) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clear[path] = made_up_picture(number + 1, blocks=2)
        path.write_bytes(self.clear[path])
        self.counted["other files"] += 1
        self.stopping.wait(CLEAR_EVERY)

    def notice(self) -> None:
        """A notice of somebody without proof: it waits for a person."""
        url = f"http://cas.example/{self.counted['notices']}.png"
        form = {"urls": [url], "reason": "made up", "good_faith": True, "name": "Somebody", "email": "a@b.example"}
        port = (self.folder / "port").read_text()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/notices",
            json.dumps(form).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=GIVE_UP):  # noqa: S310 - our own daemon
                self.counted["notices"] += 1
        except OSError as error:
            self.counted[f"notices refused ({error})"] += 1
        self.stopping.wait(NOTICE_EVERY)

    def clone(self, number: int) -> None:
        """A disk whose template others are copied from, mounted, written to, and unmounted."""
        with self.mounted(number) as point:
            self.upload(point / f"new-{self.counted['files on clones']}", "files on clones", PATIENCE)
            self.stopping.wait(0.5)

    @contextmanager
    def mounted(self, number: int) -> Iterator[Path]:
        """That clone, in the tree."""
        point = self.tree / "anna" / f"clone-{number}"
        point.mkdir(parents=True, exist_ok=True)
        image = self.folder / f"clone-{number}.img"
        subprocess.run(["mount", "-o", "loop", image, point], check=True)  # noqa: S607
        try:
            yield point
        finally:
            subprocess.run(["umount", "--lazy", point], check=False)  # noqa: S607

    def repeat(self, what: Callable[[], None]) -> None:
        """Do it over and over until the end."""
        while not self.stopping.is_set():
            what()


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("mixed_storm needs root, to mount")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        storm = Storm(Path(name))
        prepared(storm.folder, KNOWN)
        stack.enter_context(_disk(storm.folder))
        with hanging(storm.tree), daemon(storm.folder), idle_connections(storm.tree, storm.folder):
            _run(storm, seconds)
            with ExitStack() as clones:
                for number in range(CLONES):
                    clones.enter_context(storm.mounted(number))
                wrong, problems = _looked_at(storm)
    print(f"{seconds:,.0f} s: " + ", ".join(f"{number:,} {what}" for what, number in storm.counted.items()))
    for what, waits in storm.waits.items():
        cuts = statistics.quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else waits * 99
        longest = max(waits)
        print(f"{what}: p50 {cuts[49] * 1000:,.0f} ms, p99 {cuts[98] * 1000:,.0f} ms, longest {longest * 1000:,.0f} ms")
    print(f"{len(storm.lost)} lost, {len(wrong)} wrong")
    for each in (*storm.lost, *wrong, *problems):
        print(f"  {each}")
    sys.exit(bool(storm.lost or wrong or problems))


def _run(storm: Storm, seconds: float) -> None:
    work = [storm.of_bert, storm.of_cas, storm.notice, *(_clone(storm, number) for number in range(CLONES))]
    threads = [threading.Thread(target=storm.repeat, args=(each,)) for each in work]
    many = storm.tree / "anna" / "many"
    many.mkdir(parents=True, exist_ok=True)
    with (
        _script(WRITE, many / "tiny"),
        _script(RENAME, many / "deep", LEVELS, RENAMES),
    ):
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        storm.stopping.set()
        for thread in threads:
            thread.join()


def _clone(storm: Storm, number: int) -> Callable[[], None]:
    return lambda: storm.clone(number)


@contextmanager
def _script(script: str, *arguments: object) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)]) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """The customers' disk, and clones of one template."""
    image, top, template = folder / "customers.img", folder / "customers", folder / "clone-0.img"
    for file, size in ((image, LARGEST), (template, 32 << 20)):
        file.touch()
        os.truncate(file, size)
        subprocess.run(["mkfs.ext4", "-q", file], check=True, env=os.environ | {"PATH": _PROGRAMS})  # noqa: S607
    for number in range(1, CLONES):
        (folder / f"clone-{number}.img").write_bytes(template.read_bytes())
    subprocess.run(["mount", "-o", "loop", image, top], check=True)  # noqa: S607
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", top], check=False)  # noqa: S607


_PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _looked_at(storm: Storm) -> tuple[list[str], list[str]]:
    """What is wrong, and what the program itself says is not whole, once nothing waits any more."""
    end = time.monotonic() + GIVE_UP
    while (_asked(storm, "status")["queue"] or "open" in _states(storm)) and time.monotonic() < end:
        time.sleep(0.5)
    cases = _cases(storm)
    paths = Counter(case["path"] for case in cases)
    storm.lost += [f"no case: {path}" for path in storm.known if not paths[path]]
    storm.lost += [f"{case['state']}: {case['path']}" for case in cases if case["state"] != "offline"]
    wrong = [f"taken, and not known: {path}" for path in paths if path not in storm.known]
    wrong += [f"{number} cases: {path}" for path, number in paths.items() if number > 1]
    for path, before in storm.clear.items():
        with suppress(OSError):
            if path.read_bytes() == before:
                continue
        wrong.append(f"not as it was: {path}")
    whole = (_command(storm, *words) for words in (("audit", "verify"), ("audit", "outcomes")))
    return wrong, [(done.stdout + done.stderr)[:2000] for done in whole if done.returncode]


def _cases(storm: Storm) -> list[dict[str, str]]:
    return [json.loads(line) for line in _command(storm, "cases", "list", "--json").stdout.splitlines()]


def _states(storm: Storm) -> set[str]:
    return {case["state"] for case in _cases(storm)}


def _asked(storm: Storm, *words: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(_command(storm, *words, "--json").stdout)
    return found


def _command(storm: Storm, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("goodhoster")
    command = [str(program), *words, "--config", str(storm.folder / "goodhoster.toml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
