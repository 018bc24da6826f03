"""Disks as they are: numbered anew, full, over a quota, read-only; and an index that is damaged or gone. Real daemons,
real file systems, counted from outside: files, what the hash service was asked, the audit log.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.disks import fill_disk
from tests.journeys.host import PATIENCE, Host, sha1_of, wait_until

Disk = Callable[..., Path]
COMPARED = "with the index: "
COUNT, KNOWN = 20, 3
KINDS = [
    pytest.param("ext4", marks=pytest.mark.debian("e2fsprogs", program="mkfs.ext4")),
    pytest.param("xfs", marks=pytest.mark.debian("xfsprogs", program="mkfs.xfs")),
    pytest.param("btrfs", marks=pytest.mark.debian("btrfs-progs", program="mkfs.btrfs")),
]


class Pictures:
    """Each of a customer of its own, the first three known."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.contents = [made_up_picture(number, blocks=2) for number in range(COUNT)]
        self.paths = [host.customers / f"customer-{number}" / f"{number}.png" for number in range(COUNT)]
        host.service.known = {sha1_of(content) for content in self.contents[:KNOWN]}

    def write(self) -> None:
        for path, content in zip(self.paths, self.contents, strict=True):
            self.host.upload(str(path.relative_to(self.host.customers)), content)

    def asked(self) -> set[bytes]:
        """SHA-1 of what the hash service was asked about, in hex."""
        return {request.body for request in self.host.service.requests}

    def all_is_as_it_should_be(self) -> None:
        """Every file was asked about, the known ones are offline by one case each and one measure each, all others lie
        where they lay, byte for byte.
        """
        cases = self.host.offline(*self.paths[:KNOWN])
        self.host.settled({"known": KNOWN, "clear": COUNT - KNOWN})
        assert {sha1_of(content).hex.encode() for content in self.contents} <= self.asked()
        assert [path.read_bytes() for path in self.paths[KNOWN:]] == self.contents[KNOWN:]
        assert sorted(case["state"] for case in cases) == ["offline"] * KNOWN
        done = self.host.audit("measure.done") + self.host.audit("measure.found-done")
        assert len({entry["case"] for entry in done}) == KNOWN
        assert json.loads(self.host.run("audit", "verify", "--json"))["ok"]

    def come_back(self) -> None:
        """All of them, byte for byte."""
        cases = [case["id"] for case in self.host.cases()]
        answer = json.loads(self.host.run("cases", "restore", *cases, "--reason", "test", "--json"))
        assert len(answer["restored"]) == KNOWN, answer
        assert [path.read_bytes() for path in self.paths] == self.contents


@pytest.fixture
def pictures(host: Host) -> Pictures:
    return Pictures(host)


def assert_full(expected: int, code: int, told: str) -> None:
    """Assert that a command ended so, and told that the disk is full and what to do."""
    assert code == expected, told
    assert "disk is full" in told, told
    assert "make room" in told or "free space" in told, told


def remount(top: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", top], check=True)


@pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
def test_a_disk_with_another_number_after_a_reboot_costs_nothing(
    host: Host, disk: Disk, renumber: Callable[[Path], None], pictures: Pictures
) -> None:
    """Nothing is read or asked again; what was taken offline comes back, and what was held can be confirmed."""
    disk("ext4", at=host.customers)
    host.configure(policy=f"measures_per_hour = {KNOWN - 1}")
    pictures.write()
    host.start()
    assert host.settled({"known": KNOWN, "clear": COUNT - KNOWN})["held"] == 1
    host.stop()
    renumber(host.customers)
    asked, compared = len(host.service.requests), host.journal().count(COMPARED)

    host.start()
    assert wait_until(lambda: host.journal().count(COMPARED) > compared)
    host.settled()
    assert len(host.service.requests) == asked
    (held,) = (case["id"] for case in host.cases() if case["state"] == "held")
    host.run("cases", "confirm", held, "--reason", "test")
    assert not any(path.exists() for path in pictures.paths[:KNOWN])
    pictures.come_back()


class TestDiskOfCustomers:
    @pytest.mark.parametrize("kind", KINDS)
    def test_full(self, host: Host, disk: Disk, pictures: Pictures, kind: str) -> None:
        """Who fills a disk keeps nothing online by it, and what lies there is checked all the same."""
        disk(kind, at=host.customers)
        first = host.upload("first/known.png", pictures.contents[0])
        host.start()
        assert wait_until(lambda: not first.exists()), "from now on room is kept"
        pictures.write()
        fill_disk(host.customers / "ballast")
        assert wait_until(lambda: not any(path.exists() for path in pictures.paths[:KNOWN])), host.journal()
        (host.customers / "ballast").unlink()
        assert wait_until(lambda: {sha1_of(content).hex.encode() for content in pictures.contents} <= pictures.asked())
        host.settled()

    @pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
    def test_read_only(self, host: Host, disk: Disk, pictures: Pictures) -> None:
        """Checked all the same; what cannot be taken offline fails loudly, and is done when the disk can be written."""
        disk("ext4", at=host.customers)
        pictures.write()
        remount(host.customers, "ro")
        host.start()
        assert wait_until(lambda: len(host.cases()) == KNOWN)
        assert wait_until(lambda: "Read-only file system" in host.journal())
        assert wait_until(lambda: {case["state"] for case in host.cases()} == {"failed"}), host.cases()
        assert all(path.exists() for path in pictures.paths)
        remount(host.customers, "rw")
        host.stop()
        host.start()
        pictures.all_is_as_it_should_be()
        pictures.come_back()


@pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
class TestDiskOfTheState:
    @pytest.fixture
    def state(self, host: Host, disk: Disk) -> Path:
        top = disk("ext4", at=host.folder / "state", size=24)
        top.chmod(0o700)
        return top

    def test_full(self, host: Host, state: Path, pictures: Pictures) -> None:
        """Without room for the audit log nothing is taken offline; with it everything is, once."""
        host.start()
        host.settled()
        fill_disk(state / "ballast")
        pictures.write()
        assert wait_until(lambda: "full" in host.journal() or "No space left" in host.journal()), host.journal()
        (state / "ballast").unlink()
        pictures.all_is_as_it_should_be()
        pictures.come_back()

    def test_full_and_commands_without_a_daemon(self, host: Host, state: Path, pictures: Pictures) -> None:
        """Each says that the disk is full and changes nothing; what was ordered can be ordered again."""
        host.start()
        pictures.write()
        pictures.all_is_as_it_should_be()
        host.stop()
        one, entries = host.cases()[0]["id"], len(host.audit("measure.done"))
        fill_disk(state / "ballast")
        for words in (
            ("cases", "restore", one, "--reason", "test"),
            ("cases", "note", one, "test"),
            ("scan", str(host.customers)),
            ("state", "backup", str(host.folder / "backup")),
        ):
            assert_full(2, *host.ended_with(*words))
        for words in (("cases", "list"), ("notices", "list"), ("storms", "list"), ("report", "norm")):
            code, told = host.ended_with(*words)
            if code:  # a database with room in its own files still answers
                assert_full(3, code, told)
        code, told = host.ended_with("check", str(pictures.paths[-1]))
        assert code in {0, 3}, told
        code, told = host.ended_with("doctor")
        assert (code, "GiB free" in told, "daemon: does not run" in told) == (1, True, True), told
        assert not (host.folder / "backup").exists()
        code, told = host.ended_with("state", "check")
        assert (code, "cannot be checked: its disk is full" in told) == (3, True), told
        code, told = host.ended_with("observe", "--now", "--reason", "test")
        assert (code, "all measures are stopped, but" in told) == (2, True), told
        (state / "ballast").unlink()

        assert "nothing is touched" in host.ended_with("status")[1], "what cannot be read stops measures"
        assert len(host.audit("measure.done")) == entries
        assert not any(path.exists() for path in pictures.paths[:KNOWN])
        assert "every database is whole" in host.run("state", "check")
        host.run("observe", "--end", "--reason", "test")
        pictures.come_back()

    def test_read_only(self, host: Host, state: Path, pictures: Pictures) -> None:
        """As if it were full; a daemon does not start on it, and says why."""
        host.start()
        host.settled()
        host.kill()
        remount(state, "ro")
        pictures.write()
        assert "Read-only file system" in host.run("run", code=2)
        remount(state, "rw")
        host.start()
        pictures.all_is_as_it_should_be()


@pytest.mark.parametrize("damage", ["deleted", "overwritten", "truncated"])
def test_an_index_that_is_damaged_in_use_is_made_anew(host: Host, pictures: Pictures, damage: str) -> None:
    """Everything is checked again, nothing is done twice, and what comes meanwhile is found."""
    host.start()
    pictures.write()
    pictures.all_is_as_it_should_be()
    spoil(host.folder / "state", damage)
    late = host.upload("late/late.png", pictures.contents[0])
    cases = host.offline(late)
    assert wait_until(lambda: host.status()["verdicts"].get("clear") == COUNT - KNOWN), host.status()
    assert sorted(case["state"] for case in cases) == ["offline"] * (KNOWN + 1)
    assert "index.sqlite was" in host.journal()


def spoil(state: Path, damage: str) -> None:
    """As an administrator, a bad disk or a wrong copy may do it; what is mapped (-shm) is let alone: see below."""
    for file in [file for file in state.glob("index.sqlite*") if file.suffix != ".sqlite-shm"]:
        if damage == "deleted":
            file.unlink()
        elif damage == "overwritten":
            file.write_bytes(os.urandom(file.stat().st_size))
        else:
            os.truncate(file, file.stat().st_size // 2)


def test_a_daemon_whose_mapped_index_is_cut_dies_and_goes_on_when_it_is_started_again(
    host: Host, pictures: Pictures
) -> None:
    """The kernel kills who touches a mapping that has no file any more (SIGBUS); systemd starts it again."""
    host.start()
    pictures.write()
    pictures.all_is_as_it_should_be()
    for file in (host.folder / "state").glob("index.sqlite*"):
        os.truncate(file, 0)
    late = host.upload("late/late.png", pictures.contents[0])
    assert host.daemon
    assert host.daemon.wait(PATIENCE) == -signal.SIGBUS
    host.kill()
    host.start()
    assert wait_until(lambda: not late.exists()), host.journal()
    # The file goes before its case is recorded as offline.
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"] * (KNOWN + 1)), host.cases()
