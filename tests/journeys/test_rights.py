"""What each process of a daemon may do, told by Linux; and that everything works all the same."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.testing.drawn import jpeg
from goodhoster.testing.hostile import slow_archive
from goodhoster.testing.pictures import made_up_picture
from goodhoster_agent.privileged.mover.process import MOVERS
from tests.journeys.host import GOODHOSTER, Host, Look, sha1_of, wait_until
from tests.processes import ROOT, called, family, found_in_time, is_there, movers_below, processor_seconds, status

NOBODY = "65534"
DAC_READ_SEARCH, FOWNER, KILL, SETGID, SETUID, SETPCAP, SYS_ADMIN = 2, 3, 5, 6, 7, 8, 21
MAY_MOVE = (0, 1, 3, 9)
SLOW = "anna/slow.tar.bz2"
AT_ONCE = 30.0
"""Seconds, on a slow machine; what `slow_archive` takes is far more, and there the more so."""
root_only = pytest.mark.skipif(not ROOT, reason="root, to have something to give up")


def daemon_of(host: Host) -> int:
    assert host.daemon
    return host.daemon.pid


def one(name: str, host: Host) -> int:
    return found_in_time(lambda: called(name, daemon_of(host)))[0]


def mask(*capabilities: int) -> int:
    return sum(1 << number for number in capabilities)


def may(pid: int) -> tuple[int, int, int, int, str]:
    """Permitted, effective, inheritable and bounding capabilities, and whether it gains none."""
    told = status(pid)
    permitted, effective, inheritable, bounding = (int(told[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Inh", "Bnd"))
    return permitted, effective, inheritable, bounding, told["NoNewPrivs"]


def only(*capabilities: int) -> tuple[int, int, int, int, str]:
    return mask(*capabilities), mask(*capabilities), 0, mask(*capabilities), "1"


@pytest.fixture
def running(host: Host) -> Host:
    host.service.known = {sha1_of(jpeg(1))}
    host.start()
    return host


@root_only
def test_each_process_has_the_least_it_needs(running: Host) -> None:
    assert may(daemon_of(running)) == only(DAC_READ_SEARCH, FOWNER)
    starter = one("gh-starter", running)
    assert wait_until(lambda: may(starter) == only(KILL, SETGID, SETUID, SETPCAP, SYS_ADMIN)), may(starter)
    assert wait_until(lambda: [*map(may, movers_below(daemon_of(running)))] == [only(*MAY_MOVE)] * MOVERS)
    for hasher in hashers_of(running):
        assert wait_until(lambda: may(hasher) == only()), may(hasher)  # noqa: B023
        assert set(status(hasher)["Uid"].split()) == {NOBODY}
        assert set(status(hasher)["Gid"].split()) == {NOBODY}


@root_only
def test_the_reader_of_notices_has_nothing(host: Host) -> None:
    maildir(host)
    host.start()
    (host.folder / "mails/new/1").write_text("Subject: a question\n\nwhere are you?\n")
    reader = one("gh-reader", host)
    assert wait_until(lambda: may(reader)[:3] == (0, 0, 0)), may(reader)
    _, _, _, bounding, gains_none = may(reader)
    assert gains_none == "1"
    assert bounding == mask(DAC_READ_SEARCH, FOWNER), "what it inherits of the daemon, and can never have"
    assert wait_until(lambda: list((host.folder / "mails/cur").iterdir()) != [])


def hashers_of(running: Host) -> list[int]:
    """All of them, once they are there."""
    count = os.cpu_count() or 1
    assert wait_until(lambda: len(called("gh-hasher", daemon_of(running))) == count)
    return called("gh-hasher", daemon_of(running))


def maildir(host: Host) -> None:
    for part in ("new", "cur", "tmp"):
        (host.folder / "mails" / part).mkdir(parents=True)
    with host.config.open("a") as config:
        config.write('[notices]\nmaildir = "mails"\n')


@root_only
def test_the_daemon_writes_nowhere_else(running: Host, tmp_path: Path) -> None:
    """Tried from inside by a program of the same terms; the daemon's own answer is its sandboxed state."""
    trial = f"""
import sys
from pathlib import Path
from goodhoster.settings import load
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.plan import terms_of
settings = load(Path({str(running.config)!r}))
assert give_up(terms_of(settings), settings.state_dir) == []
(settings.state_dir / "mine").write_text("fine")
import os, tempfile
tempfile.TemporaryFile().close()
for act in (
    lambda: Path({str(running.customers)!r}, "x").write_text("no"),
    lambda: Path("/etc/goodhoster-trial").touch(),
    lambda: os.rename({str(running.config)!r}, {str(running.folder / "other")!r}),
    lambda: os.unlink({str(running.config)!r}),
    lambda: os.truncate({str(running.config)!r}, 0),
    lambda: os.setuid(1),
    lambda: os.chown(settings.state_dir / "mine", 1, 1),
):
    try:
        act()
    except PermissionError:
        continue
    sys.exit(f"not refused: {{act.__code__.co_firstlineno}}")
print("refused")
"""
    assert running.python(trial) == "refused\n"


@root_only
def test_status_and_doctor_tell_who_has_what(running: Host) -> None:
    processes = {"daemon", "supervisor", "starter", "mover", "hasher"}
    assert wait_until(lambda: {each["process"] for each in running.status()["processes"]} == processes)
    assert wait_until(lambda: all(each["missing"] == each["excess"] == [] for each in running.status()["processes"])), (
        running.status()
    )
    told = {each["process"]: each for each in running.status()["processes"]}
    assert told.keys() == processes
    assert told["daemon"]["capabilities"] == ["dac_read_search", "fowner"]
    assert told["hasher"]["capabilities"] == []
    assert told["mover"]["user"] == "root"
    assert "mover" in running.run("status")
    findings = [json.loads(line) for line in running.run("doctor", "--json").splitlines()]
    assert {f["what"].split(",")[0] for f in findings if f["what"].startswith("rights of the")} == {
        f"rights of the {process}" for process in told
    }


@root_only
def test_other_users_private_files_are_read_taken_and_put_back(running: Host) -> None:
    private = running.customers / "anna" / "private"
    private.mkdir(parents=True)
    aside = running.folder / "aside"
    aside.write_bytes(jpeg(1))
    aside.chmod(0o400)
    os.utime(aside, ns=(1_500_000_000_000_000_001, 1_600_000_000_000_000_002))
    for path in (aside, private, private.parent):
        os.chown(path, 61001, 61001)
    for folder in (private, private.parent):
        folder.chmod(0o700)
    before = Look.at(aside)
    clear = running.folder / "clear"
    clear.write_bytes(jpeg(2))
    os.utime(clear, ns=(1_500_000_000_000_000_001, 1_500_000_000_000_000_002))
    clear.rename(private / "clear.jpg")
    file = private / "known.jpg"
    aside.rename(file)
    assert wait_until(lambda: not file.exists())
    running.settled({"clear": 1, "known": 1})
    assert (private / "clear.jpg").stat().st_atime_ns == 1_500_000_000_000_000_001
    (case,) = running.cases()
    running.run("cases", "restore", case["id"], "--reason", "test")
    assert Look.at(file) == before


@root_only
def test_a_disk_that_is_mounted_later_is_watched(running: Host, disk: Callable[..., Path]) -> None:
    assert running.status()["events"] == "fanotify"
    top = running.customers / "bram"
    top.mkdir()
    running.settled()
    disk("tmpfs", at=top)
    assert wait_until(lambda: not [d for d in running.status()["degraded"] if "not watched" in d])
    first = running.upload("bram/first.jpg", jpeg(1))
    assert wait_until(lambda: not first.exists())
    later = running.upload("bram/deep/er/later.jpg", jpeg(1))
    assert wait_until(lambda: not later.exists())
    assert running.status()["gaps"] == 0


def test_a_hasher_that_was_killed_is_replaced(running: Host) -> None:
    expect_new_hashers(running, hashers_of(running))


def expect_new_hashers(running: Host, hashers: list[int]) -> None:
    """Whatever became of them."""
    assert len(hashers) == (os.cpu_count() or 1)
    for hasher in filter(is_there, hashers):
        os.kill(hasher, signal.SIGKILL)
    file = running.upload("anna/known.jpg", jpeg(1))
    assert wait_until(lambda: not file.exists()), "its digests count although nobody opened it"
    running.upload("anna/clear.jpg", jpeg(2))
    assert wait_until(lambda: running.status()["verdicts"] == {"clear": 1, "known": 1})
    assert set(called("gh-hasher", daemon_of(running))) - set(hashers)


def test_a_starter_that_was_killed_is_replaced_and_its_hashers_with_it(running: Host) -> None:
    hashers, starter = busy_hashers(running, sixteenths=30), one("gh-starter", running)
    (running.customers / SLOW).unlink()
    os.kill(starter, signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_there, hashers)), AT_ONCE)
    assert found_in_time(lambda: [pid for pid in called("gh-starter", daemon_of(running)) if pid != starter])
    expect_new_hashers(running, hashers)


def test_movers_that_were_killed_are_replaced(running: Host) -> None:
    movers = movers_below(daemon_of(running))
    for mover in movers:
        os.kill(mover, signal.SIGKILL)
    file = running.upload("anna/known.jpg", jpeg(1))
    running.offline(file)
    assert wait_until(lambda: len(set(movers_below(daemon_of(running))) - set(movers)) == MOVERS)
    assert [measure["state"] for case in running.cases() for measure in case["measures"]] == ["done"]


def test_without_its_supervisor_the_daemon_ends_and_the_next_one_has_everything(running: Host) -> None:
    everybody = family(daemon_of(running))
    os.kill(one("gh-supervisor", running), signal.SIGKILL)
    assert running.ended() == 2
    assert wait_until(lambda: not any(map(is_there, everybody)))
    assert "start it again" in running.journal()
    file = running.upload("anna/known.jpg", jpeg(1))
    running.start()
    assert wait_until(lambda: not file.exists())


def test_it_all_ends_with_the_daemon(running: Host) -> None:
    busy_hashers(running)
    assert wait_until(lambda: len(family(daemon_of(running))) == 3 + MOVERS + (os.cpu_count() or 1))
    everybody = family(daemon_of(running))
    running.kill()
    assert wait_until(lambda: not any(map(is_there, everybody)), AT_ONCE)


def test_the_reader_of_notices_ends_with_the_daemon_whatever_it_is_at(host: Host) -> None:
    maildir(host)
    host.start()
    (host.folder / "mails/new/1").write_text("Subject: a question\n\nwhere are you?\n")
    reader = one("gh-reader", host)
    os.kill(reader, signal.SIGSTOP)
    host.kill()
    assert wait_until(lambda: not is_there(reader), AT_ONCE)


def test_hashers_end_with_a_scan(host: Host) -> None:
    host.upload(SLOW, slow_archive())
    scan = subprocess.Popen([*GOODHOSTER, "scan", "--config", host.config, host.customers], stdout=subprocess.DEVNULL)
    try:
        hashers = found_in_time(lambda: at_work(scan.pid))
        assert hashers
    finally:
        scan.kill()
        scan.wait()
    assert wait_until(lambda: not any(map(is_there, hashers)), AT_ONCE)


def busy_hashers(running: Host, *, sixteenths: int = 400) -> list[int]:
    """All of them, once one is at a slow archive."""
    running.upload(SLOW, slow_archive(sixteenths=sixteenths))
    assert found_in_time(lambda: at_work(daemon_of(running)))
    return called("gh-hasher", daemon_of(running))


def at_work(pid: int) -> list[int]:
    """Those hashers below it that have used more processor time than getting ready takes."""
    return [each for each in called("gh-hasher", pid) if processor_seconds(each) > 2]


class TestCommands:
    """Of the administrator's: run with all rights, as they stand in the configuration, and no others."""

    @pytest.fixture
    def paged(self, host: Host) -> Path:
        """What the command for paging writes: its own rights, and its subject."""
        told = host.folder / "paged"
        page = host.folder / "page"
        page.write_text(
            f'#!/bin/sh\n(grep CapEff /proc/self/status; echo "$@"; cat) > {told}.new; mv {told}.new {told}\n'
        )
        page.chmod(0o700)
        host.configure(policy=f'storm_customers = 1\n[paging]\ncommand = ["{page}", "--to", "duty"]')
        return told

    def test_paging_is_run_by_the_starter_with_all_its_rights(self, host: Host, paged: Path) -> None:
        known = made_up_picture(1)
        host.service.known = {sha1_of(known)}
        host.start()
        for customer in ("anna", "bram"):
            host.upload(f"{customer}/a.png", known)
        assert wait_until(paged.exists)
        rights, subject, *_ = paged.read_text().splitlines()
        assert subject.startswith("--to duty ")
        assert int(rights.split()[1], 16) == int(status(os.getpid())["CapEff"], 16)
        if ROOT:
            assert may(daemon_of(host)) == only(DAC_READ_SEARCH, FOWNER)
            assert {may(hasher) for hasher in hashers_of(host)} == {only()}

    def test_a_new_command_needs_a_restart(self, host: Host) -> None:
        host.start()
        with host.config.open("a") as config:
            config.write('[paging]\ncommand = ["/bin/true"]\n')
        host.reload()
        assert wait_until(lambda: "can only change with a restart" in host.journal())
