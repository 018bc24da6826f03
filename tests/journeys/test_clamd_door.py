"""The clamd door beside the real clamd of Debian: the same conversations, byte by byte, and its own promises."""

from __future__ import annotations

import array
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.doorhost import CLEAR, KNOWN, Doors
from tests.journeys.host import PATIENCE, wait_until

NAME = re.compile(rb"Known\.UNOFFICIAL|Policy\.Blocked-[0-9]{8}-[0-9a-z]+")
NUMBER = re.compile(rb"fd\[[0-9]+\]")
VERSION = re.compile(rb"ClamAV 1\.4\.[0-9]+(/1/[A-Za-z0-9: ]+)?")

REAL = """
LocalSocket {folder}/real.sock
LocalSocketMode 666
DatabaseDirectory {folder}/db
Foreground yes
User root
LogFile {folder}/real.log
ReadTimeout 5
CommandReadTimeout 3
StreamMaxLength 1M
"""

Step = bytes | str | float | int | tuple[bytes, Path]


def talk(server: Path, *steps: Step) -> bytes:
    """What a server says to these steps: bytes, a pause (float), so many replies to wait for (int), "half" for a
    half-close, bytes with a file's descriptor.
    """
    said = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(server))
        for step in steps:
            if isinstance(step, tuple):
                fd = os.open(step[1], os.O_RDONLY)
                socket.send_fds(client, [step[0]], [fd])
                os.close(fd)
            elif isinstance(step, bytes):
                client.sendall(step)
            elif isinstance(step, float):
                time.sleep(step)
            elif isinstance(step, int):
                said += heard(client, step)
            else:
                client.shutdown(socket.SHUT_WR)
        return said + heard(client)


def heard(client: socket.socket, replies: int = 0) -> bytes:
    """What comes until the end, or until so many replies of a session have come."""
    client.settimeout(PATIENCE)
    found = b""
    while (not replies or found.count(b"\0") < replies) and (piece := client.recv(1 << 16)):
        found += piece
    return found


def plain(said: bytes) -> bytes:
    """Without what is different each time: names, descriptors, the version's date."""
    return VERSION.sub(b"VERSION", NUMBER.sub(b"fd[N]", NAME.sub(b"NAME", said)))


def in_order(said: bytes) -> list[bytes]:
    """The replies of a session, which come as they are done."""
    return sorted(re.split(rb"[\n\0]", plain(said)))


def stream(*chunks: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(chunk)) + chunk for chunk in chunks) + bytes(4)


@pytest.fixture
def files(reachable: Path) -> Path:
    """What is asked about."""
    folder = reachable / "files"
    for name, content in {"d/a": KNOWN, "d/b": CLEAR, "d/sub/c": KNOWN, "e/x": CLEAR, "known": KNOWN}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "clear").write_bytes(CLEAR)
    (folder / "empty").touch()
    (folder / "none-below").mkdir()
    (folder / "link").symlink_to(folder / "known")
    (folder / "e/link").symlink_to(folder / "known")
    (folder / "e/directory").symlink_to(folder / "d")
    os.mkfifo(folder / "fifo")
    return folder


@pytest.fixture
def real(reachable: Path) -> Iterator[Path]:
    (reachable / "db").mkdir()
    digest = hashlib.md5(KNOWN, usedforsecurity=False).hexdigest()
    (reachable / "db/made-up.hdb").write_text(f"{digest}:{len(KNOWN)}:Known\n")
    (reachable / "clamd.conf").write_text(REAL.format(folder=reachable))
    command = ("clamd", "-c", str(reachable / "clamd.conf"))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert wait_until(lambda: answers(reachable / "real.sock")), (reachable / "real.log").read_text()
        yield reachable / "real.sock"
        process.terminate()


def answers(server: Path) -> bool:
    """Its socket is there before anybody listens at it."""
    try:
        return talk(server, b"nPING\n") == b"PONG\n"
    except OSError:
        return False


def conversations(files: Path) -> dict[str, tuple[Step, ...]]:
    """Those that both servers must answer with the same bytes."""
    known, clear = files / "known", files / "clear"

    def scan(command: str, path: Path | str) -> bytes:
        return f"n{command} {path}\n".encode()

    return {
        **{
            text: (text.encode("latin-1"),)
            for text in (
                "PING\n",
                "nPING\n",
                "zPING\0",
                "PING\r\n",
                "ping\n",
                "VERSION\n",
                "zVERSION\0",
                "nVERSIONCOMMANDS\n",
                "zVERSIONCOMMANDS\0",
                "VERSIONCOMMANDS\n",
                "nRELOAD\n",
                "RELOAD\n",
                "\n",
                "n\n",
                "z\0",
                "nFOO\n",
                "zFOO\0",
                "FOO\n",
                "nOPTSCAN x\n",
                "nPING\nnPING\n",
                "nEND\n",
                "STREAM\n",
                "nPING x\n",
                "nPINGx\n",
                "nSTATSx\n",
                "INSTREAM\n",
                "IDSESSION\n",
                "STATS\n",
                "nDETSTATS\n",
                "nDETSTATSCLEAR\n",
                "GET / HTTP/1.0\r\n\r\n",
                "\xff\xfe\n",
                "zFILDES x\0",
            )
        },
        "a half-closed command": (b"nPING", "half"),
        "a half-closed old command": (b"PING", "half"),
        "nothing": ("half",),
        **{
            f"{command} {path}": (scan(command, path),)
            for command in ("SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN")
            for path in (known, clear, files / "absent", files / "empty", files / "e")
        },
        "SCAN d": (scan("SCAN", files / "d"),),
        "CONTSCAN d": (scan("CONTSCAN", files / "d"),),
        "CONTSCAN d/": (scan("CONTSCAN", f"{files}/d/"),),
        "ALLMATCHSCAN d": (scan("ALLMATCHSCAN", files / "d"),),
        "nothing below": (scan("SCAN", files / "none-below"),),
        "MULTISCAN of nothing": (scan("MULTISCAN", files / "none-below"),),
        "no path": (b"nSCAN \n",),
        "a name of two lines": (f"zSCAN {files}/a\nb\0".encode(),),
        "stream": (b"nINSTREAM\n" + stream(KNOWN),),
        "clear stream": (b"zINSTREAM\0" + stream(CLEAR),),
        "two chunks": (b"zINSTREAM\0" + stream(KNOWN[:5], KNOWN[5:]),),
        "slow chunks": (b"zINSTREAM\0", 0.2, stream(KNOWN)[:7], 0.2, stream(KNOWN)[7:]),
        "empty stream": (b"zINSTREAM\0" + stream(),),
        "cut-off stream": (b"zINSTREAM\0" + stream(KNOWN)[:-4], "half"),
        "largest stream": (b"zINSTREAM\0" + stream(bytes(1 << 20)),),
        "too large": (b"zINSTREAM\0" + stream(bytes(1 << 20), b"y")[:-4],),
        "too large a chunk": (b"zINSTREAM\0\x7f\xff\xff\xff" + bytes(10),),
        "descriptor": ((b"zFILDES\0\0", known),),
        "descriptor of a clear file": ((b"nFILDES\n\0", clear),),
        "descriptor without a prefix": ((b"FILDES\n\0", known),),
        "descriptor in the next packet": (b"zFILDES\0", (b"\0", known)),
        "descriptor without its byte": ((b"zFILDES\0", known),),
        "no descriptor": (b"zFILDES\0\0",),
        "descriptor of a directory": ((b"zFILDES\0\0", files),),
        "stalled command": (b"nPI",),
        "stalled chunk": (b"zINSTREAM\0" + stream(KNOWN)[:-6],),
    }


def sessions(files: Path) -> dict[str, tuple[Step, ...]]:
    """The same within sessions: replies may come in another order."""
    return {
        "a few": (b"zIDSESSION\0zPING\0zVERSION\0zEND\0",),
        "by lines": (b"nIDSESSION\nnPING\nnPING\nnEND\n",),
        "streams": (b"zIDSESSION\0zINSTREAM\0" + stream(KNOWN) + b"zINSTREAM\0" + stream(CLEAR) + b"zEND\0",),
        "paths": (f"zIDSESSION\0zSCAN {files}/known\0zSCAN {files}/clear\0zSCAN {files}/no\0".encode(), 3, b"zEND\0"),
        "descriptors": (
            b"zIDSESSION\0", (b"zFILDES\0\0", files / "known"), 1, (b"zFILDES\0\0", files / "clear"), 1, b"zEND\0",
        ),
        "unknown": (b"zIDSESSION\0zPING\0zFOO\0zEND\0",),
        "not inside": (f"nIDSESSION\nnMULTISCAN {files}/known\nnEND\n".encode(),),
        "twice": (b"nIDSESSION\nnIDSESSION\nnEND\n",),
        "both prefixes": (b"nIDSESSION\nzPING\0nEND\n",),
        "half-closed": (b"zIDSESSION\0zPING\0", "half"),
        "too large": (b"zIDSESSION\0zINSTREAM\0" + stream(bytes(1 << 20), b"y")[:-4] + b"zPING\0",),
    }  # fmt: skip


@pytest.mark.debian("clamav-daemon", program="clamd")
def test_every_conversation_is_the_real_ones_byte_by_byte(doors: Doors, real: Path, files: Path) -> None:
    doors.start()
    talks = conversations(files)
    ours = {name: plain(talk(doors.socket, *steps)) for name, steps in talks.items()}
    theirs = {name: plain(talk(real, *steps)) for name, steps in talks.items()}
    assert ours == theirs
    insides = sessions(files)
    ours_inside = {name: in_order(talk(doors.socket, *steps)) for name, steps in insides.items()}
    assert ours_inside == {name: in_order(talk(real, *steps)) for name, steps in insides.items()}


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("nSCAN {files}/link\n", b"{files}/link: Not supported file type ERROR\n"),
        ("nSCAN {files}/fifo\n", b"{files}/fifo: Not supported file type ERROR\n"),
        ("nSCAN known\n", b"known: File path check failure: No such file or directory. ERROR\n"),
        ("nSHUTDOWN\n", b"COMMAND UNAVAILABLE\n"),
        ("QUIT\n", b"COMMAND UNAVAILABLE\n"),
    ],
)
def test_where_it_differs_on_purpose_it_never_says_ok(doors: Doors, files: Path, command: str, ours: bytes) -> None:
    doors.start()
    said = talk(doors.socket, command.format(files=files).encode())
    assert said == ours.replace(b"{files}", os.fsencode(files))


@pytest.mark.debian("clamdscan", program="clamdscan")
@pytest.mark.debian("clamav-daemon", program="clamd")
@pytest.mark.parametrize("option", ["--no-summary", "--fdpass", "--stream", "--multiscan"])
def test_clamdscan_says_the_same_and_ends_with_the_same_code(
    doors: Doors, real: Path, files: Path, tmp_path: Path, option: str
) -> None:
    doors.start()

    def scan(server: Path, *names: str) -> tuple[int, list[bytes]]:
        (tmp_path / "client.conf").write_text(f"LocalSocket {server}\n")
        command = ["clamdscan", "-c", str(tmp_path / "client.conf"), "--no-summary", option]
        done = subprocess.run([*command, *(str(files / name) for name in names)], capture_output=True, check=False)
        return done.returncode, sorted(plain(done.stdout).splitlines())

    for names in (("known",), ("clear",), ("d",), ("known", "clear"), ("absent",), ("e",)):
        assert scan(doors.socket, *names) == scan(real, *names)


def test_found_is_a_case_of_that_account_and_names_nothing(doors: Doors, files: Path) -> None:
    doors.start()
    said = talk(doors.socket, f"zSCAN {files}/known\0".encode())
    reference = said.partition(b"Policy.Blocked-")[2].partition(b" ")[0].decode()
    (case,) = doors.run("cases", "show", reference)
    assert (case["state"], case["customer"], case["attempt"]) == ("refused", "root", True)
    assert case["path"] == f"{files}/known"


@pytest.mark.parametrize("setting", ["closed", "open"])
def test_what_cannot_be_checked_is_error_unless_the_door_fails_open(doors: Doors, setting: str) -> None:
    doors.start(f'on_unchecked = "{setting}"')
    for found in (doors.folder / "state/hashlists").rglob("*.*"):
        found.write_bytes(b"damaged")
    time.sleep(1.2)  # lists are looked at once a second
    said = talk(doors.socket, b"nINSTREAM\n" + stream(CLEAR))
    assert said == (b"stream: OK\n" if setting == "open" else b"stream: Not checked (list-damaged) ERROR\n")
    assert b" unchecked 1 " in talk(doors.socket, b"nSTATS\n")
    doors.kill()
    assert attempts(doors) == {"clear": 0, "held": 0, "refused": 0, "unchecked": 1}


def test_all_measures_can_be_stopped_and_let_go_on_while_it_runs(doors: Doors) -> None:
    doors.start()

    def ask() -> bytes:
        return plain(talk(doors.socket, b"nINSTREAM\n" + stream(KNOWN)))

    assert ask() == b"stream: NAME FOUND\n"
    doors.run("observe", "--now", "--reason", "a list is wrong")
    assert ask() == b"stream: OK\n"
    (case,) = doors.run("cases", "list", "--state", "observed")
    assert case["reason"] == "would be refused"
    doors.run("observe", "--end", "--reason", "it was right")
    assert ask() == b"stream: NAME FOUND\n"


def test_a_door_that_started_while_measures_were_stopped_refuses_once_they_go_on(doors: Doors) -> None:
    doors.run("observe", "--now", "--reason", "a list is wrong")
    doors.start()
    assert talk(doors.socket, b"nINSTREAM\n" + stream(KNOWN)) == b"stream: OK\n"
    doors.run("observe", "--end", "--reason", "it was right")
    assert plain(talk(doors.socket, b"nINSTREAM\n" + stream(KNOWN))) == b"stream: NAME FOUND\n"


def test_a_hangup_ends_no_door(doors: Doors) -> None:
    doors.start()
    assert doors.process
    doors.process.send_signal(signal.SIGHUP)
    assert talk(doors.socket, b"nPING\n") == b"PONG\n"
    assert talk(doors.socket, b"nPING\n") == b"PONG\n"
    assert wait_until(lambda: "systemctl restart goodhoster-doors" in (doors.folder / "journal").read_text())
    assert talk(doors.socket, b"nPING\n") == b"PONG\n"


def attempts(doors: Doors) -> dict[str, int]:
    """The answers of the last days, without the day since when; the daemon does not run, so status ends with 1."""
    command = (sys.executable, "-m", "goodhoster_agent", "status", "--json", "--config", str(doors.config))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, int] = json.loads(done.stdout)["attempts"]
    del found["since"]
    return found


def test_half_a_picture_is_not_clear(doors: Doors) -> None:
    doors.start()
    said = talk(doors.socket, b"nINSTREAM\n" + stream(b"\xff\xd8\xff\xe0" + bytes(1000)))
    assert said == b"stream: Not checked (partial) ERROR\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_path_is_opened_with_the_rights_of_whoever_asks(doors: Doors, files: Path) -> None:
    doors.start()
    (files / "secret").write_bytes(KNOWN)
    (files / "secret").chmod(0o600)
    as_nobody = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(('nCONTSCAN %s\\n' % sys.argv[2]).encode()); sys.stdout.write(s.makefile().read())"
    )

    def ask(path: Path) -> str:
        command = ("python3", "-c", as_nobody, str(doors.socket), str(path))
        return subprocess.run(command, user="nobody", group="nogroup", extra_groups=[], capture_output=True, text=True,
                              check=True).stdout  # fmt: skip

    assert ask(files / "secret") == f"{files}/secret: File path check failure: Permission denied. ERROR\n"
    assert "FOUND" in ask(files / "known")
    assert ask(Path("/etc/shadow")) == "/etc/shadow: File path check failure: Permission denied. ERROR\n"
    assert {case["customer"] for case in doors.run("cases", "list")} == {"nobody"}


def test_an_account_that_is_not_named_is_turned_away(doors: Doors) -> None:
    doors.start('accounts = ["nobody"]')
    try:
        said = talk(doors.socket, b"nPING\n")
    except ConnectionError:
        said = b""
    assert said == b""


def test_a_second_one_does_not_take_the_socket_and_a_killed_one_leaves_none_in_the_way(doors: Doors) -> None:
    doors.start()
    command = (sys.executable, "-m", "goodhoster_agent", "doors", "serve", "--config", str(doors.config))
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (second.returncode, "cannot listen" in second.stderr) == (2, True)
    doors.kill()
    doors.start()
    assert talk(doors.socket, b"nPING\n") == b"PONG\n"
    doors.stop()
    assert not doors.socket.exists()


def _cut_off(client: socket.socket) -> None:
    client.send(b"zINSTREAM\0" + stream(bytes(50_000))[:30_000])
    client.close()


@contextmanager
def misbehaving(server: Path, count: int) -> Iterator[None]:
    """So many clients that are idle, stall, are cut off, send too much, read nothing or pass what they should not."""
    ways: list[Callable[[socket.socket], object]] = [
        lambda client: client.fileno(),
        lambda client: client.send(b"nPI"),
        lambda client: client.send(b"zINSTREAM\0" + stream(bytes(5000))[:3000]),
        _cut_off,
        lambda client: client.send(b"zINSTREAM\0\x7f\xff\xff\xff" + bytes(10_000)),
        lambda client: client.send(b"zIDSESSION\0" + b"zVERSIONCOMMANDS\0" * 3000),
        lambda client: client.sendmsg(
            [b"zFILDES\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 100))]
        ),
    ]
    clients = []
    for number in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        try:
            client.connect(os.fspath(server))
            client.setblocking(False)  # noqa: FBT003 - it takes no name
            ways[number % len(ways)](client)
        except OSError:
            pass
        clients.append(client)
    yield
    for client in clients:
        client.close()


def test_clients_that_misbehave_take_nothing_from_the_others(doors: Doors) -> None:
    doors.start("connections = 120")
    for _ in range(20):  # what is known opens the record, which then stays open
        assert talk(doors.socket, b"nINSTREAM\n" + stream(CLEAR)) == b"stream: OK\n"
        assert b" FOUND\0" in talk(doors.socket, b"zINSTREAM\0" + stream(KNOWN))
    descriptors, memory = doors.descriptors(), doors.memory()
    for _ in range(5):
        with misbehaving(doors.socket, 100):
            for _ in range(20):
                assert talk(doors.socket, b"nINSTREAM\n" + stream(CLEAR)) == b"stream: OK\n"
                assert b" FOUND\0" in talk(doors.socket, b"zINSTREAM\0" + stream(KNOWN))
        assert wait_until(lambda: doors.descriptors() <= descriptors + 2), "it has not noticed yet that they are gone"
    assert doors.memory() <= memory + 30_000
