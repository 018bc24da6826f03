"""The log is read on as it grows, also after it was replaced; `audit show --follow` ends at SIGINT."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
from goodhoster.audit.following import LogFollower, position_of_last
from goodhoster.audit.keyed_log import KeyedAuditLog
from goodhoster.audit.log import FileAuditLog
from goodhoster.linux.state_manifest import accept_loss
from goodhoster.model.audit import AuditEvent

CONFIGURATION = """
[agent]
state_dir = "{0}/state"
[[watch]]
path = "{0}/customers"
"""


def event(number: int) -> AuditEvent:
    return AuditEvent("measure.done", {"case": "C1", "path": f"/srv/anna/{number}.jpg"})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[KeyedAuditLog]:
    with closing(SqlitePseudonyms(tmp_path / "pseudonyms.sqlite")) as keys:
        yield KeyedAuditLog(FileAuditLog(tmp_path / "audit.log"), keys)


def paths(follower: LogFollower) -> list[object]:
    return [entry.event.data["path"] for entry in follower.new()]


def test_each_new_entry_comes_once_with_what_its_references_stand_for(log: KeyedAuditLog, tmp_path: Path) -> None:
    follower = LogFollower(log, tmp_path / "audit.log")
    assert paths(follower) == []
    log.append_all([event(1), event(2)])
    assert paths(follower) == ["/srv/anna/1.jpg", "/srv/anna/2.jpg"]
    assert paths(follower) == []
    log.append(event(3))
    assert (paths(follower), follower.replaced) == (["/srv/anna/3.jpg"], False)


def test_half_a_line_is_no_entry_yet(log: KeyedAuditLog, tmp_path: Path) -> None:
    follower = LogFollower(log, tmp_path / "audit.log")
    log.append(event(1))
    assert len(paths(follower)) == 1
    with (tmp_path / "audit.log").open("ab") as file:
        file.write(b'{"at":"2026')
    assert paths(follower) == []


def test_a_log_that_was_put_back_from_a_copy_is_read_on_and_another_from_its_beginning(
    log: KeyedAuditLog, tmp_path: Path
) -> None:
    file = tmp_path / "audit.log"
    follower = LogFollower(log, file)
    log.append_all([event(1), event(2)])
    assert len(paths(follower)) == 2
    shutil.copy(file, tmp_path / "copy")
    file.unlink()
    assert paths(follower) == [], "it is away"
    os.replace(tmp_path / "copy", file)
    log.append(event(3))
    assert (paths(follower), follower.replaced) == (["/srv/anna/3.jpg"], False)
    file.rename(tmp_path / "old")
    (tmp_path / "audit.log.tail").unlink()
    accept_loss(tmp_path, "audit.log")
    with closing(KeyedAuditLog(FileAuditLog(file), SqlitePseudonyms(tmp_path / "pseudonyms.sqlite"))) as other:
        other.append(event(9))
    assert (paths(follower), follower.replaced) == (["/srv/anna/9.jpg"], True)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("width", [1, 70_000])
def test_where_the_last_lines_begin(tmp_path: Path, count: int, width: int) -> None:
    lines = [b"%d" % number * width + b"\n" for number in range(5)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    size = sum(map(len, lines))
    assert position_of_last(tmp_path / "log", count, size) == sum(map(len, lines[: max(0, 5 - count)]))
    assert position_of_last(tmp_path / "none", count, 0) == 0


def test_the_command_shows_the_last_ten_and_each_new_one_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "customers").mkdir()
    config = tmp_path / "goodhoster.toml"
    config.write_text(CONFIGURATION.format(tmp_path))
    (tmp_path / "state").mkdir(mode=0o700)
    with closing(SqlitePseudonyms(tmp_path / "state" / "pseudonyms.sqlite")) as keys:
        log = KeyedAuditLog(FileAuditLog(tmp_path / "state" / "audit.log"), keys)
        log.append_all([event(number) for number in range(15)])
        heeding = ("env", "--default-signal=INT")  # a shell's background jobs are started with SIGINT ignored
        command = [
            *heeding,
            sys.executable,
            "-m",
            "goodhoster_agent",
            "audit",
            "show",
            "-f",
            "--json",
            "--config",
            str(config),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            guard = threading.Timer(150, process.kill)
            guard.start()
            assert process.stdout
            first = process.stdout.readline()
            assert first, process.communicate()
            shown = [json.loads(line)["n"] for line in (first, *(process.stdout.readline() for _ in range(9)))]
            log.append(event(15))
            shown.append(json.loads(process.stdout.readline())["n"])
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate()
            guard.cancel()
    assert shown == list(range(5, 16))
    assert (process.returncode, rest, errors) == (130, b"", b"")
    assert time.monotonic() - begun < 60
