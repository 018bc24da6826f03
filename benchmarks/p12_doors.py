"""P12: doors: answers a second, how long each took, and private memory, beside clamd in the same run.

Both hold the same list of MD5 entries; the same files (8 KiB, none of them known) are sent as streams, one connection
for each, by 1, 8 and 64 clients that ask one after another, in turns. Memory is what no other process shares, of all
processes of either. Goal: 5 times clamd's answers, a tenth of its memory. Without clamd its lines are left out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import RUNS, sizes

ENTRIES = sizes(1_000, 1_000_000)[-1]
CLIENTS = sizes(1, 8, 64)
SECONDS = sizes(1, 3)[-1]
FILE_BYTES, FILES = 8192, 64
PATIENCE = 120.0
CONFIG = """
[agent]
state_dir = "{folder}/state"
[[watch]]
path = "{folder}/tree"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
[[clamd_door]]
socket = "{folder}/ours.sock"
customer = "somebody"
"""
CLAMD = """
LocalSocket {folder}/clamd.sock
DatabaseDirectory {folder}/db
Foreground yes
User root
MaxThreads 10
MaxQueue 200
"""


class Server(NamedTuple):
    """A server that listens."""

    socket: Path
    pid: int


def main() -> None:
    print(f"P12: {ENTRIES:,} MD5 entries; goal: 5 times clamd's answers, a tenth of its private memory")
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        for part in ("state", "tree", "db"):
            (folder / part).mkdir(mode=0o700)
        servers = {"goodhoster": stack.enter_context(_ours(folder))}
        if shutil.which("clamd"):
            servers["clamd"] = stack.enter_context(_clamd(folder))
        for clients in CLIENTS:
            _compare(servers, clients)
        memory = {name: _private_mib(found.pid) for name, found in servers.items()}
        for server, mib in memory.items():
            print(f"  private memory   {server:<12} {mib:>9.1f} MiB   {_ratio(mib, memory.get('clamd'))}")


def _compare(servers: dict[str, Server], clients: int) -> None:
    """Let them take turns; print the median rate of the runs, and the times of all answers."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    times: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(RUNS):
        for name, server in servers.items():
            found = _load(server.socket, clients)
            rates[name].append(len(found) / SECONDS)
            times[name] += found
    middle = {name: statistics.median(found) for name, found in rates.items()}
    for name, rate in middle.items():
        p50, p99 = (_percentile(times[name], share) * 1000 for share in (0.5, 0.99))
        ratio = _ratio(rate, middle.get("clamd"))
        print(f"  {clients:>3} clients      {name:<12} {rate:>7,.0f}/s  p50 {p50:>7.2f}  p99 {p99:>7.2f} ms   {ratio}")


def _load(server: Path, clients: int) -> list[float]:
    """Seconds of each answer that so many clients got in a while."""
    asked = [b"zINSTREAM\0" + struct.pack(">I", FILE_BYTES) + _content(number) + bytes(4) for number in range(FILES)]
    until = time.monotonic() + SECONDS
    found: list[list[float]] = [[] for _ in range(clients)]
    failed: list[BaseException] = []

    def work(mine: list[float]) -> None:
        try:
            while (begun := time.monotonic()) < until:
                _expect_ok(server, asked[len(mine) % FILES])
                mine.append(time.monotonic() - begun)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the benchmark's
            failed.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return [taken for mine in found for taken in mine]


def _expect_ok(server: Path, asked: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(os.fspath(server))
        client.sendall(asked)
        said = b""
        while piece := client.recv(4096):
            said += piece
    if said != b"stream: OK\0":
        raise RuntimeError(f"{server} said {said!r}")


def _content(number: int) -> bytes:
    return hashlib.shake_128(b"content %d" % number).digest(FILE_BYTES)


def _entries() -> Iterator[str]:
    for number in range(ENTRIES):
        yield hashlib.md5(b"known %d" % number, usedforsecurity=False).hexdigest()


@contextmanager
def _ours(folder: Path) -> Iterator[Server]:
    config = folder / "goodhoster.toml"
    config.write_text(CONFIG.format(folder=folder))
    (folder / "list.txt").write_text("\n".join(_entries()) + "\n")
    program = (sys.executable, "-m", "goodhoster_agent")
    listed = ("hashlist", "import", str(folder / "list.txt"), "--source", "made-up", "--config", str(config))
    subprocess.run((*program, *listed), check=True, stdout=subprocess.DEVNULL)
    with _serving((*program, "doors", "serve", "--config", str(config)), folder / "ours.sock") as server:
        yield server


@contextmanager
def _clamd(folder: Path) -> Iterator[Server]:
    with (folder / "db/made-up.hdb").open("w") as file:
        file.writelines(f"{digest}:{FILE_BYTES}:Known{number}\n" for number, digest in enumerate(_entries()))
    (folder / "clamd.conf").write_text(CLAMD.format(folder=folder))
    with _serving(("clamd", "-c", str(folder / "clamd.conf")), folder / "clamd.sock") as server:
        yield server


@contextmanager
def _serving(command: tuple[str, ...], listens: Path) -> Iterator[Server]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(lambda: _answers(listens), process)
            yield Server(listens, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def _answers(listens: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(os.fspath(listens))
            client.sendall(b"zPING\0")
            return client.recv(100) == b"PONG\0"
        except OSError:
            return False


def _wait_for(there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not there():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{process.args!r} does not listen")
        time.sleep(0.1)


def _private_mib(pid: int) -> float:
    """Of a process and all below it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return own + sum(_private_mib(int(child)) for child in children)


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _ratio(value: float, of: float | None) -> str:
    return f"{value / of:.2f} of clamd's" if of else ""


if __name__ == "__main__":
    main()
