"""Programs of others that know ClamAV, unchanged, at the clamd door."""

from __future__ import annotations

import ftplib
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.doorhost import CLEAR, KNOWN, Doors
from tests.journeys.host import PATIENCE
from tests.ports import free_port

PROFTPD = """
ServerType standalone
DefaultAddress 127.0.0.1
UseIPv6 off
Port {port}
PidFile {folder}/proftpd.pid
ScoreboardFile {folder}/proftpd.scoreboard
DelayTable none
SystemLog {folder}/proftpd.log
WtmpLog off
ModulePath {modules}
LoadModule mod_clamav.c
User nobody
Group nogroup
RequireValidShell off
AuthPAM off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/passwd
AllowOverwrite on
ClamAV on
ClamLocalSocket {socket}
ClamFailsafe {failsafe}
ClamStream {stream}
"""


HASHED = "$5$goodhoster$ygv5znJPDpElOL.dVnjIZ8Yue.17s2AsQXN69j.K8w5"
"""Of the password `secret`."""


@contextmanager
def proftpd(host: Doors, *, failsafe: str = "on", stream: str = "off") -> Iterator[ftplib.FTP]:
    """A logged-in client of a real server whose module asks the door."""
    program = shutil.which("proftpd")
    assert program
    home, port = host.folder / "home", free_port()
    home.mkdir(exist_ok=True)
    shutil.chown(home, "nobody", "nogroup")
    (host.folder / "passwd").write_text(f"anna:{HASHED}:65534:65534::{home}:/bin/sh\n")
    (host.folder / "passwd").chmod(0o600)
    modules = Path(program).parents[1] / "lib/proftpd"
    (host.folder / "proftpd.conf").write_text(
        PROFTPD.format(
            port=port, folder=host.folder, socket=host.socket, failsafe=failsafe, stream=stream, modules=modules
        )
    )
    command = (program, "-n", "-c", str(host.folder / "proftpd.conf"))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            with connected(port) as client:
                yield client
        finally:
            server.terminate()


@contextmanager
def connected(port: int) -> Iterator[ftplib.FTP]:
    until = time.monotonic() + PATIENCE
    with ftplib.FTP(timeout=PATIENCE) as client:  # noqa: S321 - it is what is tested
        while True:
            try:
                client.connect("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until
                time.sleep(0.1)
        client.login("anna", "secret")
        yield client


def stored(client: ftplib.FTP, name: str, content: bytes) -> bool:
    """Whether the server says that it stored it."""
    try:
        client.storbinary(f"STOR {name}", io.BytesIO(content))
    except ftplib.Error:
        return False
    return True


@pytest.mark.debian("proftpd-mod-clamav", program="proftpd")
@pytest.mark.skipif(os.geteuid() != 0, reason="the server becomes another user")
@pytest.mark.parametrize("stream", ["off", "on"])
def test_proftpd_refuses_what_is_known_and_stores_what_is_clear(doors: Doors, stream: str) -> None:
    doors.start()
    with proftpd(doors, stream=stream) as client:
        assert stored(client, "clear.txt", CLEAR)
        assert not stored(client, "known.jpg", KNOWN)
    assert [path.name for path in (doors.folder / "home").iterdir()] == ["clear.txt"]
    (case,) = doors.run("cases", "list")
    assert (case["state"], case["customer"]) == ("refused", "nobody")


@pytest.mark.debian("proftpd-mod-clamav", program="proftpd")
@pytest.mark.skipif(os.geteuid() != 0, reason="the server becomes another user")
@pytest.mark.parametrize(("failsafe", "kept"), [("on", False), ("off", True)])
def test_proftpd_without_the_door_does_as_it_is_configured(doors: Doors, failsafe: str, kept: bool) -> None:  # noqa: FBT001
    with proftpd(doors, failsafe=failsafe) as client:
        assert not stored(client, "clear.txt", CLEAR)  # it says that it failed, in both cases
    assert (doors.folder / "home/clear.txt").exists() is kept


@pytest.mark.debian("proftpd-mod-clamav", program="proftpd")
@pytest.mark.skipif(os.geteuid() != 0, reason="the server becomes another user")
@pytest.mark.parametrize(("setting", "told"), [("closed", False), ("open", True)])
def test_proftpd_keeps_what_could_not_be_checked(doors: Doors, setting: str, told: bool) -> None:  # noqa: FBT001
    """With ERROR the user is told that it failed, and the file stays all the same: `ClamFailsafe` is another matter."""
    doors.start(f'on_unchecked = "{setting}"')
    for found in (doors.folder / "state/hashlists").rglob("*.*"):
        found.write_bytes(b"damaged")
    time.sleep(1.2)  # lists are looked at once a second
    with proftpd(doors) as client:
        assert stored(client, "clear.txt", CLEAR) is told
    assert (doors.folder / "home/clear.txt").exists()
