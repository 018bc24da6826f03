"""The switch for an emergency, looked at from outside: what is on the disk, and what the program says."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until


def upload_known(host: Host, path: str) -> Path:
    content = made_up_picture(zlib.crc32(path.encode()), blocks=2)
    host.service.known.add(sha1_of(content))
    return host.upload(path, content)


def is_in_mode(host: Host, mode: str) -> bool:
    status = host.status()
    return bool(status["ready"]) and status["mode"] == mode


def test_all_measures_stop_and_go_on_by_a_persons_word(host: Host) -> None:
    host.start()
    first = upload_known(host, "anna/first.png")
    assert wait_until(lambda: not first.exists())
    host.run("observe", "--now", "--reason", "a list is wrong")
    assert wait_until(lambda: "mode observe" in host.journal())
    second = upload_known(host, "bob/second.png")
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline", "observed"])
    host.kill()
    host.start()
    third = upload_known(host, "carol/third.png")
    assert wait_until(lambda: len(host.cases()) == 3)
    assert (second.exists(), third.exists()) == (True, True)
    told = json.loads(host.run("observe", "--json"))
    assert (told["mode"], told["configured"], told["reason"]) == ("observe", "enforce", "a list is wrong")
    host.run("observe", "--end", "--reason", "it is right again")
    assert wait_until(lambda: is_in_mode(host, "enforce"))
    fourth = upload_known(host, "dave/fourth.png")
    assert wait_until(lambda: not fourth.exists())
    assert [entry["reason"] for entry in host.audit("mode.observe")] == ["a list is wrong"]
    assert [entry["reason"] for entry in host.audit("mode.configured")] == ["it is right again"]
    host.stop()


def test_status_has_the_mode_that_the_daemon_runs_in(host: Host) -> None:
    host.start()
    host.configure(mode="observe")
    told = host.status()
    assert told["mode"] == "enforce"
    assert any("runs in mode enforce" in problem for problem in told["degraded"])
    assert json.loads(host.run("observe", "--json"))["running"] == "enforce"
    known = upload_known(host, "anna/known.png")
    assert wait_until(lambda: not known.exists())
    host.reload()
    assert wait_until(lambda: is_in_mode(host, "observe"))
    assert not any("runs in mode" in problem for problem in host.status()["degraded"])
    host.stop()


def test_without_a_reason_nothing_is_switched(host: Host) -> None:
    host.run("observe", "--now", code=2)
    host.run("observe", "--end", "--reason", "never stopped", code=2)
    assert json.loads(host.run("observe", "--json"))["stopped_since"] is None


def test_a_damaged_switch_stops_measures_and_is_an_alarm(host: Host) -> None:
    (host.folder / "state").mkdir(mode=0o700)
    (host.folder / "state/observe.json").write_text("{")
    host.start()
    known = upload_known(host, "anna/known.png")
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["observed"])
    assert known.exists()
    assert wait_until(lambda: any("cannot be read" in problem for problem in host.status()["degraded"])), host.status()
    host.run("observe", "--now", "--reason", "again")
    host.run("observe", "--end", "--reason", "put right")
    assert wait_until(lambda: is_in_mode(host, "enforce"))
    host.stop()


def test_a_broken_configuration_does_not_keep_measures_going(host: Host) -> None:
    host.start()
    with host.config.open("a") as config:
        config.write("oops = = 1\n")
    assert "although the configuration is broken" in host.run("observe", "--now", "--reason", "a list is wrong")
    assert wait_until(lambda: "mode observe" in host.journal())
    known = upload_known(host, "anna/known.png")
    host.configure()
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["observed"])
    assert known.exists()
    host.stop()
