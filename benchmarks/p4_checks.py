"""P4: checks a second, end to end: our client in threads, HTTP over loopback, our compatible server over an own list.

Everything runs on this machine, the server in a process of its own; so two cores carry both ends. The peer, one
synchronous `httpx.Client` shared by as many threads, asks the same server in the same run. Goal: 2,315 checks a second,
the national load of the letter of 8 October 2020 (18.2 billion in three months), whatever the service's latency.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import RUNS, sizes
from goodhoster.adapters.hash_sources.answer_cache import AnswerCache
from goodhoster.adapters.hash_sources.caching import CacheLifetimes, CachingSource
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.hashcheckservice import HashCheckService, ServiceSettings
from goodhoster.adapters.hash_sources.own_lists import OwnLists
from goodhoster.hashlists.importing import import_entries
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.model.digests import Digest, Digests
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category
from goodhoster_agent.doors import hashservice
from goodhoster_agent.doors.accounts import add_client
from goodhoster_agent.doors.relay import Relay

GOAL = 2315
CHECKS = sizes(1_000, 20_000)[-1]
LISTED = sizes(2_000, 100_000)[-1]
LATENCY = 0.02  # seconds


@dataclass(frozen=True)
class Task:
    """What a client process does."""

    client: str
    """`goodhoster`, `remembering` (the same with a book in which every answer is written) or `httpx`."""
    url: str
    password: str
    threads: int
    checks: int


@dataclass(frozen=True)
class Result:
    """What it reports."""

    rate: float
    """Checks a second."""
    cpu: float
    """Processor time of a check, microseconds."""
    rss: int
    """Most memory the process ever had resident, KiB."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        import_entries(state / "lists", "made-up", ((_sha1(number), Category.OTHER) for number in range(LISTED)))
        password = add_client(hashservice.clients_file(state), "bench")
        with _server(state, 0.0) as near, _server(state, LATENCY) as far:
            _compare(near, far, password)
            _memory(near, password)
            _growth(near, password)


def _compare(near: str, far: str, password: str) -> None:
    print(f"P4: checks a second over loopback, {CHECKS:,} a run, median of {RUNS} (lowest–highest); goal {GOAL:,}")
    print(f"{'service latency':<16} {'threads':>7}   {'goodhoster':<24} {'httpx.Client':<24} ratio")
    for label, url, threads in (
        ("none", near, 16),
        ("none", near, 64),
        ("20 ms", far, 64),
        ("20 ms", far, 128),
        ("20 ms", far, 256),
    ):
        rounds = [
            [_run(Task(client, url, password, threads, CHECKS)).rate for client in ("goodhoster", "httpx")]
            for _ in range(RUNS)
        ]
        ours, theirs = ([each[i] for each in rounds] for i in (0, 1))
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"{label:<16} {threads:>7}   {_spread(ours):<24} {_spread(theirs):<24} {ratio:.1f}×", flush=True)


def _memory(url: str, password: str) -> None:
    print("\nwith every answer remembered and no content asked about twice, which is the most that memory costs")
    print(f"{'threads':>7}   {'checks/s without':<24} {'with':<24} {'ratio':<7} processor time of a check, µs")
    for threads in (16, 64):
        rounds = [
            [_run(Task(client, url, password, threads, CHECKS)) for client in ("goodhoster", "remembering")]
            for _ in range(RUNS)
        ]
        rates = [[each[i].rate for each in rounds] for i in (0, 1)]
        without, remembering = (statistics.median(each[i].cpu for each in rounds) for i in (0, 1))
        ratio = f"{statistics.median(rates[1]) / statistics.median(rates[0]):.2f}×"
        row = f"{threads:>7}   {_spread(rates[0]):<24} {_spread(rates[1]):<24} {ratio:<7}"
        print(f"{row} {without:.0f} and {remembering:.0f}: {remembering / without:.2f}×", flush=True)


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


def _growth(url: str, password: str) -> None:
    print(f"\n{'checks':>8}   {'checks/s':>9}   {'client memory, MiB':>18}   (64 threads, no latency)")
    for checks in sizes(1_000, 10_000, 100_000):
        result = _run(Task("goodhoster", url, password, 64, checks))
        print(f"{checks:>8,}   {result.rate:>9,.0f}   {result.rss / 1024:>18.1f}", flush=True)


def _sha1(number: int) -> bytes:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).digest()


@contextmanager
def _server(state: Path, latency: float) -> Iterator[str]:
    """The server in a process of its own; one extra latency for every answer."""
    arguments = [sys.executable, __file__, "--server", str(state), str(latency)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _serve(state: Path, latency: float) -> None:
    answer = Relay.knows

    async def late_answer(relay: Relay, digest: Digest) -> bool:
        await asyncio.sleep(latency)
        return await answer(relay, digest)

    if latency:
        Relay.knows = late_answer  # type: ignore[assignment,method-assign]
    sources = [OwnLists(OpenedLists(state / "lists"))]
    hashservice.serve(
        hashservice.HashServiceOptions(state, sources, ("127.0.0.1", 0)), lambda url: print(url, flush=True)
    )


def _run(task: Task) -> Result:
    arguments = [sys.executable, __file__, "--client", json.dumps(asdict(task))]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    return Result(**json.loads(done.stdout))


def _ask(task: Task) -> None:
    clients = {"goodhoster": _our_client, "remembering": _remembering_client, "httpx": _httpx_client}
    known, close = clients[task.client](task)
    # Every second digest is in the list.
    questions = [_sha1(number if number % 2 else number + LISTED) for number in range(task.checks)]
    with ThreadPoolExecutor(task.threads) as threads:
        list(threads.map(known, questions[:: max(1, task.checks // (2 * task.threads))]))  # opens the connections
        begun, used = time.perf_counter(), time.process_time()
        shares = threads.map(lambda i: sum(map(known, questions[i :: task.threads])), range(task.threads))
        matches = sum(shares)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    close()
    assert matches == sum(number % 2 and number < LISTED for number in range(task.checks)), matches
    print(json.dumps({"rate": task.checks / seconds, "cpu": cpu / task.checks * 1e6, "rss": _peak_rss()}))


def _our_client(task: Task) -> tuple[Callable[[bytes], bool], Callable[[], None]]:
    settings = ServiceSettings(f"{task.url}/v1/check", "bench", task.password, parallel=task.threads)
    source = HashCheckService(settings)
    return lambda value: bool(source.look_up(Question(Digests(md5=b"", sha1=value, sha256=b"")))), source.close


def _remembering_client(task: Task) -> tuple[Callable[[bytes], bool], Callable[[], None]]:
    settings = ServiceSettings(f"{task.url}/v1/check", "bench", task.password, parallel=task.threads)
    folder = tempfile.TemporaryDirectory()
    book = AnswerCache(Path(folder.name, "answers"))
    counted = CountedSource(HashCheckService(settings), lambda: datetime.now(UTC))
    source = CachingSource(counted, book, CacheLifetimes(yes=900, no=3600))

    def close() -> None:
        source.close()
        folder.cleanup()

    return lambda value: bool(source.look_up(Question(Digests(md5=b"", sha1=value, sha256=b"")))), close


def _httpx_client(task: Task) -> tuple[Callable[[bytes], bool], Callable[[], None]]:
    import httpx  # noqa: PLC0415 - the peer: not installed for anybody else

    limits = httpx.Limits(max_connections=task.threads, max_keepalive_connections=task.threads)
    client = httpx.Client(auth=("bench", task.password), limits=limits, timeout=30)
    url = f"{task.url}/v1/check/sha1"
    return lambda value: client.post(url, content=value.hex()).content == b"true", client.close


def _peak_rss() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--server"]:
        _serve(Path(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1:2] == ["--client"]:
        _ask(Task(**json.loads(sys.argv[2])))
    else:
        main()
