"""P10: from close-write to offline of one customer while another does its worst, beside the same customer left alone.

Customer `bert` uploads known files, one after the other, to a real daemon. Meanwhile `anna` writes tiny files, renames
directories far below, uploads archives that are slow to open, has a mount that hangs, a thousand bind mounts; and
strangers keep connections open that say nothing. A known file that is still there after GIVE_UP counts as lost. Root
only, for the mounts. Goal: p99 2 s in each.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.measuring import sizes
from benchmarks.p5_offline import _running
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.verdicts import Category

FILES, PAUSE = sizes(3, 40)[-1], 0.1
TINY, LEVELS, RENAMES, ARCHIVES = sizes(100, 50_000)[-1], sizes(200, 4000)[-1], 400, sizes(2, 300)[-1]
MOUNTS, CONNECTIONS = sizes(10, 1000)[-1], sizes(20, 1100)[-1]
KNOWN = 8 * (FILES + 1)
GIVE_UP = 60.0  # seconds
FUSE = Path(__file__).parents[1] / "tests" / "fuse.py"

WRITE = """
import os, sys
top, count = sys.argv[1:]
for number in range(int(count)):
    if number % 1000 == 0:
        os.makedirs(f"{top}/{number // 1000}", exist_ok=True)
    with open(f"{top}/{number // 1000}/{number}.jpg", "wb") as file:
        file.write(b"%d" % number)
"""
RENAME = """
import os, sys, time
top, levels, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.makedirs(top, exist_ok=True)
here = os.open(top, os.O_RDONLY)
kept = []
for level in range(levels):
    os.mkdir(b"d", dir_fd=here)
    if level % (levels // 10) == 0:
        kept.append(os.dup(here))
    below = os.open(b"d", os.O_RDONLY, dir_fd=here)
    os.close(here)
    here = below
names = [b"d"] * len(kept)
for number in range(10**9):
    at = number % len(kept)
    other = b"e" if names[at] == b"d" else b"d"
    os.rename(names[at], other, src_dir_fd=kept[at], dst_dir_fd=kept[at])
    names[at] = other
    time.sleep(1 / rate)
"""
RENAME_FLAT = """
import os, sys, time
top = sys.argv[1]
for number in range(10**9):
    os.makedirs(f"{top}/{number % 50}/a", exist_ok=True)
    os.rename(f"{top}/{number % 50}/a", f"{top}/{number % 50}/b-{number}")
    time.sleep(0.1)
"""


@dataclass
class Customer:
    """The one whose uploads are measured."""

    tree: Path
    numbers: Iterator[int] = field(default_factory=partial(iter, range(KNOWN)))
    lost: int = 0

    def uploads(self, count: int) -> list[float]:
        """Seconds that each known file stayed."""
        return [stayed for _ in range(count) if (stayed := self._upload()) is not None]

    def _upload(self) -> float | None:
        number = next(self.numbers)
        path = self.tree / "bert" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content(number))
        begun = time.perf_counter()
        while path.exists():
            if time.perf_counter() - begun > GIVE_UP:
                self.lost += 1
                return None
            time.sleep(0.001)
        time.sleep(PAUSE)
        return time.perf_counter() - begun - PAUSE


def content(number: int) -> bytes:
    """Known, each of them."""
    return b"\xff\xd8\xff\xe0 made up " + number.to_bytes(4)


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("p10 needs root, to mount")
    print(f"P10: from close-write to offline, ms; {FILES} files one after the other while the other does its worst")
    print(f"{'':<58} {'p50':>8} {'p99':>8} {'× idle':>8} lost", flush=True)
    alone = 0.0
    chosen = sys.argv[1:]  # words that its name has, beside `left alone`
    for words, worst in _worsts().items():
        if chosen and words != "left alone" and not any(word in words for word in chosen):
            continue
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            tree = prepared(folder)
            # What is offline is immutable, and rmtree is not made for thousands of levels.
            stack.callback(subprocess.run, ["rm", "-rf", tree], check=False)
            stack.callback(subprocess.run, ["chattr", "-R", "-f", "-i", folder], check=False)
            customer = Customer(tree)
            before = stack.enter_context(worst.before(tree))
            stack.enter_context(daemon(folder))
            if not worst.at_once:
                customer.uploads(1)
            stack.enter_context(worst.meanwhile(tree, folder))
            waits = customer.uploads(FILES) or [GIVE_UP]
            del before
        cuts = statistics.quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else waits * 99
        alone = alone or cuts[98]
        row = f"{words:<58} {cuts[49] * 1000:>8,.0f} {cuts[98] * 1000:>8,.0f} {cuts[98] / alone:>8,.1f} {customer.lost}"
        print(row, flush=True)


@contextmanager
def _nothing(*_: Path) -> Iterator[None]:
    yield


@dataclass(frozen=True)
class Worst:
    """What the other does: before the daemon starts, and while it runs."""

    meanwhile: Callable[[Path, Path], AbstractContextManager[None]] = _nothing
    before: Callable[[Path], AbstractContextManager[None]] = _nothing
    at_once: bool = False
    """The first upload comes as soon as the daemon is ready."""


def _worsts() -> dict[str, Worst]:
    flat = partial(_script, RENAME_FLAT)
    return {
        "left alone": Worst(),
        f"{TINY:,} tiny files": Worst(partial(_script, WRITE, TINY)),
        f"{LEVELS:,} levels deep, {RENAMES} renames a second": Worst(partial(_script, RENAME, LEVELS, RENAMES)),
        f"{ARCHIVES:,} slow archives": Worst(_archives),
        f"{MOUNTS:,} bind mounts, 10 renames a second, at once after ready": Worst(flat, _mounts, at_once=True),
        "a mount that hangs": Worst(_nothing, hanging, at_once=True),
        f"{CONNECTIONS:,} idle connections": Worst(idle_connections),
    }


@contextmanager
def _script(script: str, *arguments: object) -> Iterator[None]:
    """In a process of its own, below the other customer's directory."""
    *numbers, tree, _ = arguments
    command = [sys.executable, "-c", script, str(Path(str(tree)) / "anna" / "many"), *map(str, numbers)]
    Path(str(tree), "anna", "many").mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _archives(tree: Path, folder: Path) -> Iterator[None]:
    """Each with a thousand members that are long when they are unpacked."""
    one = folder / "slow.zip"
    with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(1000):
            archive.writestr(f"{number}.png", b"\x89PNG\r\n\x1a\n%d" % number + bytes(200_000))
    (tree / "anna").mkdir(exist_ok=True)
    for number in range(ARCHIVES):
        with zipfile.ZipFile(one, "a") as archive:
            archive.comment = b"%d" % number  # another file, and as long to open
        shutil.copy(one, tree / "anna" / f"{number}.zip")
    yield


@contextmanager
def _mounts(tree: Path) -> Iterator[None]:
    (tree / "anna" / "shared").mkdir(parents=True)
    points = [tree / "anna" / f"mount-{number}" for number in range(MOUNTS)]
    for point in points:
        point.mkdir()
        subprocess.run(["mount", "--bind", tree / "anna" / "shared", point], check=True)  # noqa: S607
    try:
        yield
    finally:
        for point in points:
            subprocess.run(["umount", "--lazy", point], check=False)  # noqa: S607


@contextmanager
def hanging(tree: Path) -> Iterator[None]:
    point = tree / "anna" / "remote"
    point.mkdir(parents=True)
    process = subprocess.Popen([sys.executable, FUSE, point], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.stdin.write("hang\n")
    process.stdin.flush()
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()
        subprocess.run(["umount", "--lazy", point], check=False)  # noqa: S607


@contextmanager
def idle_connections(_: Path, folder: Path) -> Iterator[None]:
    port = int((folder / "port").read_text())
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield


def prepared(folder: Path, known: int = KNOWN) -> Path:
    tree, state = folder / "customers", folder / "state"
    tree.mkdir()
    state.mkdir(mode=0o700)
    digests = (hashlib.sha1(content(number), usedforsecurity=False).digest() for number in range(known))
    import_entries(state / "hashlists", "made-up", ((digest, Category.ILLEGAL) for digest in digests))
    return tree


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "port").write_text(str(port))
    configuration = folder / "goodhoster.toml"
    configuration.write_text(
        f"""
        [agent]
        state_dir = "{folder}/state"
        [[watch]]
        path = "{folder}/customers"
        [[hash_source]]
        kind = "list"
        [policy]
        mode = "enforce"
        storm_customers = 1000000
        measures_per_hour = 1000000
        [notices]
        listen = "127.0.0.1:{port}"
        """
    )
    program = Path(sys.executable).with_name("goodhoster")
    with _running([program, "run", "--config", configuration], folder / "goodhoster.log", "ready"):
        yield


if __name__ == "__main__":
    main()
