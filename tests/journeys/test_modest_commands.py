"""Commands that run for long, started as root: what they have once they are at work, told by Linux."""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from goodhoster.testing.hostile import slow_archive
from goodhoster.testing.pictures import made_up_picture
from tests.commandserver import goodhoster
from tests.journeys.host import GOODHOSTER, PATIENCE, Host, sha1_of, wait_until
from tests.ports import free_port
from tests.processes import ROOT, called, family, found_in_time, is_there, status

DAC_READ_SEARCH, FOWNER = 2, 3
root_only = pytest.mark.skipif(not ROOT, reason="root, to have something to give up")


@contextmanager
def running(host: Host, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*GOODHOSTER, *words, "--config", str(host.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def of_all_threads(pid: int) -> set[tuple[int, int, int, str]]:
    """Permitted, effective and inheritable capabilities, and whether any can be gained: each thread has its own."""
    found = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            told = status(int(thread.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        permitted, effective, inheritable = (int(told[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Inh"))
        found.add((permitted, effective, inheritable, told["NoNewPrivs"]))
    return found


def doctor(host: Host, what: str) -> list[dict[str, str]]:
    told = goodhoster("doctor", "--json", "--config", str(host.config)).stdout
    return [finding for finding in map(json.loads, told.splitlines()) if finding["what"].startswith(what)]


@root_only
def test_the_hash_service_has_nothing_and_serves(host: Host) -> None:
    """Below port 1024, by name, with a list, an upstream's secret, and accounts that come while it runs."""
    (host.folder / "list.txt").write_text(f"{sha1_of(b'on the list').hex}\n")
    with host.config.open("a") as config:
        config.write('[[hash_source]]\nkind = "list"\n')
    host.run("hashlist", "import", str(host.folder / "list.txt"), "--source", "police")
    host.service.known = {sha1_of(b"upstream")}
    with running(
        host, "hashservice", "serve", "--listen", f"localhost:{free_port(range(700, 1000))}", "--json"
    ) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        password = json.loads(host.run("hashservice", "client", "add", "customer", "--json"))["password"]
        asked = [ask(url, password, content) for content in (b"on the list", b"upstream", b"neither")]
        assert asked == [b"true", b"true", b"false"]
        assert of_all_threads(process.pid) == {(0, 0, 0, "1")}
        (finding,) = doctor(host, "rights of the hash service")
        assert finding["ok"]
        assert "no capabilities" in finding["detail"]
    assert "customer" in host.run("hashservice", "figures"), "it could write what it counted"


def ask(url: str, password: str, content: bytes) -> bytes:
    """Whoever has just got an account is known within a second."""
    answers: list[bytes] = []

    def answered() -> bool:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
        basic = b64encode(f"customer:{password}".encode()).decode()
        connection.request("POST", "/v1/check/sha1", sha1_of(content).hex, {"Authorization": f"Basic {basic}"})
        answer = connection.getresponse()
        answers.append(answer.read())
        connection.close()
        return answer.status == 200

    assert wait_until(answered), answers
    return answers[-1]


@root_only
def test_a_scan_reads_and_leaves_everything_else_to_others(host: Host) -> None:
    known = made_up_picture(1)
    host.service.known = {sha1_of(known)}
    file = host.upload("anna/known.png", known)
    for path in (file, file.parent):
        os.chown(path, 61001, 61001)
    file.chmod(0o400)
    file.parent.chmod(0o700)
    host.upload("bert/slow.tar.bz2", slow_archive())
    with running(host, "scan", str(host.customers)) as scan:
        assert wait_until(lambda: not file.exists())
        assert of_all_threads(scan.pid) == {(1 << DAC_READ_SEARCH | 1 << FOWNER,) * 2 + (0, "1")}
        assert found_in_time(lambda: called("gh-hasher", scan.pid))
        (finding,) = doctor(host, "rights of the scan")
        assert finding["ok"]
        everybody = family(scan.pid)
        (case,) = host.offline(file)
    assert wait_until(lambda: not any(map(is_there, everybody)))
    host.run("cases", "restore", case["id"], "--reason", "test")
    assert file.read_bytes() == known


def test_a_scan_beside_a_daemon_leaves_the_daemons_mover_alone(host: Host) -> None:
    host.start()
    host.upload("anna/clear.png", made_up_picture(1))
    host.run("scan", str(host.customers))
    host.service.known = {sha1_of(made_up_picture(2))}
    later = host.upload("anna/known.png", made_up_picture(2))
    assert wait_until(lambda: not later.exists())
    assert not [told for told in host.status()["degraded"] if "mover" in told]
