"""The main job with real processes, counted from outside: files, exit codes, what the hash service was asked."""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, Look, look_at_all, sha1_of, wait_until

CUSTOMERS, DIRECTORIES, WRITERS, KNOWN = 20, 200, 4, 50


class Pictures:
    """So many pictures over 200 directories, 50 of them known to the service; a customer's are its own user's."""

    def __init__(self, host: Host, count: int) -> None:
        self.contents = [made_up_picture(number, blocks=2) for number in range(count)]
        self.known = set(range(0, count, count // KNOWN))
        host.service.known = {sha1_of(self.contents[number]) for number in self.known}
        self._customers = host.customers

    def path(self, number: int) -> Path:
        folder = number % DIRECTORIES
        return self._customers / f"customer-{folder % CUSTOMERS}" / f"folder-{folder}" / f"{number}.png"

    def write_all(self, *, pause: float = 0.0) -> None:
        """By four writers, each file with metadata of its own, finished aside and renamed into place."""
        writers = [threading.Thread(target=self._write, args=(w, pause)) for w in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

    def _write(self, writer: int, pause: float) -> None:
        aside = self._customers.parent / f"aside-{writer}"
        for number in range(writer, len(self.contents), WRITERS):
            aside.write_bytes(self.contents[number])
            self._dress(aside, number)
            self.path(number).parent.mkdir(parents=True, exist_ok=True)
            aside.rename(self.path(number))
            time.sleep(pause)

    @staticmethod
    def _dress(path: Path, number: int) -> None:
        os.setxattr(path, "user.number", str(number).encode())
        path.chmod(0o600 + number % 8 * 8)
        os.utime(path, ns=(1_600_000_000_123_456_789 + number, 1_600_000_000_987_654_321 + number))
        if os.geteuid() == 0:
            os.chown(path, 20_000 + number % CUSTOMERS, 20_000 + number % CUSTOMERS)


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """Before they are renamed into the tree, the same pictures: what everything must look like."""
    folder = tmp_path / "expected"
    folder.mkdir()
    return folder


def expected_looks(pictures: Pictures, host: Host, aside: Path) -> dict[str, Look]:
    """Made again outside the tree: the daemon never saw these files."""
    looks = {}
    for number, content in enumerate(pictures.contents):
        twin = aside / "twin"
        twin.write_bytes(content)
        pictures._dress(twin, number)
        looks[str(pictures.path(number).relative_to(host.customers))] = Look.at(twin)
        twin.unlink()
    return looks


def test_ten_thousand_pictures(host: Host, aside: Path) -> None:
    pictures = Pictures(host, 10_000)
    expected = expected_looks(pictures, host, aside)
    host.start()
    pictures.write_all()
    host.settled({"clear": 9_950, "known": 50}, patience=600)
    offline = {str(pictures.path(number).relative_to(host.customers)) for number in pictures.known}
    there = look_at_all(host.customers)
    assert there == {path: look for path, look in expected.items() if path not in offline}

    cases = host.cases()
    assert Counter(case["state"] for case in cases) == {"offline": 50}
    restored = json.loads(host.run("cases", "restore", *(c["id"] for c in cases), "--reason", "test", "--json"))
    assert len(restored["restored"]) == 50
    assert restored["refused"] == []
    assert look_at_all(host.customers) == expected
    host.settled()
    host.stop()
    assert look_at_all(host.customers) == expected, "what a person put back is not taken away again"
    assert json.loads(host.run("audit", "verify", "--json"))["ok"]


def test_kill_9_at_random_moments(host: Host, rounds: Callable[[int, int], int]) -> None:
    kills, count = rounds(6, 100), rounds(1_000, 10_000)
    chance = random.Random(kills)
    pictures = Pictures(host, count)
    writing = threading.Thread(target=pictures.write_all, kwargs={"pause": rounds(5, 20) / 1000})
    writing.start()
    for _ in range(kills):
        host.start()
        time.sleep(chance.uniform(0.0, 0.6))
        host.kill()
    host.start()
    writing.join()
    host.settled({"clear": count - KNOWN, "known": KNOWN})
    host.stop()

    left = {number for number in range(count) if pictures.path(number).exists()}
    assert left == set(range(count)) - pictures.known
    cases = host.cases()
    assert Counter(case["state"] for case in cases) == {"offline": KNOWN}
    assert len({case["path"] for case in cases}) == KNOWN, "nothing twice"
    done = Counter(entry["case"] for entry in host.audit("measure.done"))
    assert set(done.values()) <= {1}, "each measure done once"
    assert done.keys() | {entry["case"] for entry in host.audit("measure.found-done")} == {c["id"] for c in cases}
    assert json.loads(host.run("audit", "verify", "--json"))["ok"]


def test_observe_touches_nothing(host: Host) -> None:
    host.configure(mode="observe")
    pictures = Pictures(host, 200)
    pictures.write_all()
    before = look_at_all(host.customers)
    host.start()
    host.settled({"clear": 150, "known": 50})
    host.stop()
    assert look_at_all(host.customers) == before
    assert [path.name for path in host.customers.glob(".*")] == []
    assert Counter(case["state"] for case in host.cases()) == {"observed": 50}


def test_what_came_while_the_daemon_was_down_is_found(host: Host) -> None:
    known = made_up_picture(1)
    host.service.known = {sha1_of(known)}
    host.start()
    host.settled()
    host.stop()
    late = host.upload("anna/deep/er/late.png", known)
    host.start()
    assert wait_until(lambda: not late.exists())


def test_with_the_service_away_uploads_wait_and_catch_up(host: Host) -> None:
    known, clear = made_up_picture(1), made_up_picture(2)
    host.service.known = {sha1_of(known)}
    port_of_nobody = host.service.url.replace(host.service.url.split(":")[2].split("/")[0], "9")
    whole = host.config.read_text()
    host.config.write_text(whole.replace(host.service.url, port_of_nobody))
    host.start()
    first, second = host.upload("anna/known.png", known), host.upload("bram/clear.png", clear)
    assert wait_until(lambda: host.status()["unchecked"] == 2)
    status = host.status()
    assert status["queue"] == 2
    assert status["verdicts"] == {"unchecked": 2}
    assert wait_until(lambda: any("hashcheckservice" in problem for problem in host.status()["degraded"]))
    assert first.exists()
    host.config.write_text(whole)
    host.reload()
    assert wait_until(lambda: not first.exists())
    host.settled({"clear": 1, "known": 1})
    assert second.read_bytes() == clear
