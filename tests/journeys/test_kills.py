"""`kill -9` of each process of a daemon, and of all at once, while files go offline and while they come back. Counted
from outside: files, the quarantine's directory, the audit log.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from goodhoster.testing.drawn import jpeg
from tests.journeys.host import GOODHOSTER, Host, Look, sha1_of, wait_until
from tests.processes import ROOT, called, family, is_there

BATCH = 6
VICTIMS = ("daemon", "hasher", "mover", "all")
NO_BRAKE = "storm_customers = 1000000\nmeasures_per_hour = 1000000\nrate_times = 1000000"


class Files:
    """Batches of known files, each of another customer, each file another content."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.looks: dict[Path, Look] = {}
        host.configure(policy=NO_BRAKE)

    def upload(self) -> list[Path]:
        """A new batch, finished aside and renamed into place."""
        batch: list[Path] = []
        customer = self._host.customers / f"customer-{len(self.looks) // BATCH}"
        customer.mkdir()
        if ROOT:
            os.chown(customer, 20_000, 20_000)
        for number in range(len(self.looks), len(self.looks) + BATCH):
            content = jpeg(number, (64, 48))
            self._host.service.known |= {sha1_of(content)}
            aside = self._host.folder / "aside"
            aside.write_bytes(content)
            aside.chmod(0o600 + number % 8 * 8)
            os.utime(aside, ns=(1_600_000_000_123_456_789 + number, 1_600_000_000_987_654_321 + number))
            if ROOT:
                os.chown(aside, 20_000, 20_000)
            path = customer / f"{number}.jpg"
            self.looks[path] = Look.at(aside)
            aside.rename(path)
            batch.append(path)
        return batch


class Killer:
    """Knows whom to kill, and starts again what nobody else would."""

    def __init__(self, host: Host, chance: random.Random) -> None:
        self._host = host
        self._chance = chance

    def strike(self, victim: str, progress: Callable[[], int]) -> None:
        """When a random number of files of the batch have moved, or before any has; then a moment later."""
        wanted = self._chance.randrange(BATCH)
        wait_until(lambda: progress() >= wanted, 5.0)
        time.sleep(self._chance.uniform(0.0, 0.015 if wanted else 0.05))
        self._kill(victim)

    def _kill(self, victim: str) -> None:
        assert self._host.daemon
        daemon = self._host.daemon.pid
        everybody = family(daemon)
        for pid in self._victims(victim, daemon):
            if is_there(pid):
                os.kill(pid, signal.SIGKILL)
        if victim in {"daemon", "all"}:
            self._host.ended()
            assert wait_until(lambda: not any(map(is_there, everybody))), "nobody is left over"
            self._host.start()

    @staticmethod
    def _victims(victim: str, daemon: int) -> list[int]:
        if victim == "all":
            return family(daemon)
        return [daemon] if victim == "daemon" else called(f"gh-{victim}", daemon)


@pytest.fixture
def files(host: Host) -> Files:
    return Files(host)


def offline(batch: list[Path]) -> int:
    return sum(not path.exists() for path in batch)


def online(batch: list[Path]) -> int:
    return BATCH - offline(batch)


def cases_of(host: Host, batch: list[Path]) -> dict[str, dict[str, str]]:
    """By id, those of the batch's customer."""
    listed = host.run("cases", "list", "--customer", batch[0].parent.name, "--json")
    return {case["id"]: case for case in map(json.loads, listed.splitlines())}


def restore(host: Host, ids: list[str]) -> "subprocess.Popen[bytes]":
    command = (*GOODHOSTER, "cases", "restore", *ids, "--reason", "test", "--config", str(host.config))
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def expect_quarantined(host: Host, batch: list[Path]) -> list[str]:
    """Every file is away, locked and described; nothing else is there. The ids of their cases."""
    assert wait_until(lambda: offline(batch) == BATCH), [path for path in batch if path.exists()]
    cases: dict[str, dict[str, str]] = {}

    def settled() -> bool:
        cases.update(cases_of(host, batch))
        return Counter(case["state"] for case in cases.values()) == {"offline": BATCH}

    assert wait_until(settled), "one case a file"
    there = {path.name: path for path in host.customers.glob(".goodhoster/quarantine/2*")}
    assert there.keys() == {name + end for name in cases for end in ("", ".label")}
    for name in cases:
        found = there[name].stat()
        assert found.st_mode & 0o7777 == 0
        assert not ROOT or (found.st_uid, found.st_gid) == (0, 0)
        if ROOT:
            with pytest.raises(PermissionError):
                os.utime(there[name])
    return sorted(cases)


def expect_back(host: Host, files: Files, batch: list[Path]) -> None:
    """Every file is exactly what it was, and none is in quarantine."""

    def ordered_again() -> bool:
        """What a person does who sees that the order did not come through."""
        states = {case_id: case["state"] for case_id, case in cases_of(host, batch).items()}
        if left := [case_id for case_id, state in states.items() if state == "offline"]:
            restore(host, left).wait()
        return set(states.values()) == {"restored"}

    assert wait_until(ordered_again)
    assert {path: Look.at(path) for path in batch} == {path: files.looks[path] for path in batch}
    assert [path.name for path in host.customers.glob(".goodhoster/quarantine/2*")] == []


def test_each_process_killed_in_both_directions(host: Host, files: Files, rounds: Callable[[int, int], int]) -> None:
    count = rounds(4, 200)
    killer, first = Killer(host, random.Random(count)), count * BATCH
    host.start()
    for number in range(count):
        victim = VICTIMS[number % len(VICTIMS)]
        batch = files.upload()
        killer.strike(victim, partial(offline, batch))
        ids = expect_quarantined(host, batch)
        command = restore(host, ids)
        killer.strike(victim, partial(online, batch))
        command.wait()
        expect_back(host, files, batch)
    host.settled()
    host.stop()

    cases = host.cases()
    assert Counter(case["state"] for case in cases) == {"restored": first}
    assert {path: Look.at(path) for path in files.looks} == files.looks, "what came back stayed"
    ids_of_all = {case["id"] for case in cases}
    for done, found in (("measure.done", "measure.found-done"), ("restore.done", "restore.found-done")):
        counted = Counter(entry["case"] for entry in host.audit(done))
        assert set(counted.values()) <= {1}, f"{done}: once"
        assert counted.keys() | {entry["case"] for entry in host.audit(found)} == ids_of_all
    assert host.audit("measure.failed") == host.audit("measure.refused") == []
    assert json.loads(host.run("audit", "verify", "--json"))["ok"]
