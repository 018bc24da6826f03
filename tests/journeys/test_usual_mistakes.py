"""The usual mistakes: each is told with what, where and what next, and ends with the right exit code."""

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goodhoster.testing import http_answers
from goodhoster_agent.daemon_lock import only_daemon
from tests.disks import fill_disk
from tests.journeys.host import GOODHOSTER, PATIENCE, Host, sha1_of
from tests.processes import ROOT

KNOWN = b"a made-up known file"
Prepare = Callable[[Host, ExitStack], tuple[str, ...]]
"""Makes the mistake on a host; returns the words of the command."""


@dataclass(frozen=True)
class Mistake:
    """A mistake, and how it must be told."""

    name: str
    prepare: Prepare
    code: int
    says: tuple[str, ...]
    """What, where, what next: each in the output."""
    behind: str = ""
    """What stands behind the command, such as a pipe; run by bash with pipefail."""
    run: dict[str, object] = field(default_factory=dict)
    """Options of the process."""


def config(old: str, new: str) -> Prepare:
    """`config check` of a configuration in which this stands instead."""

    def prepare(host: Host, _: ExitStack) -> tuple[str, ...]:
        text = host.config.read_text()
        assert old in text
        host.config.write_text(text.replace(old, new), encoding="latin-1")
        return ("config", "check")

    return prepare


def words(*words: str) -> Prepare:
    return lambda _host, _stack: words


def missing_secret(host: Host, _: ExitStack) -> tuple[str, ...]:
    (host.folder / "password").unlink()
    return ("config", "check")


def readable_secret(host: Host, _: ExitStack) -> tuple[str, ...]:
    (host.folder / "password").chmod(0o644)
    return ("config", "check")


def missing_tree(host: Host, _: ExitStack) -> tuple[str, ...]:
    host.customers.rmdir()
    return ("config", "check")


def missing_tree_of_doctor(host: Host, stack: ExitStack) -> tuple[str, ...]:
    missing_tree(host, stack)
    return ("doctor",)


def unreachable(host: Host, _: ExitStack) -> tuple[str, ...]:
    host.config.write_text(host.config.read_text().replace(host.service.url, "http://127.0.0.1:1/v1/check"))
    return ("check", str(host.upload("anna/a.png", KNOWN)))


def unknown_host(host: Host, _: ExitStack) -> tuple[str, ...]:
    host.config.write_text(host.config.read_text().replace(host.service.url, "https://hash.invalid/v1/check"))
    return ("check", str(host.upload("anna/a.png", KNOWN)))


def wrong_credentials(host: Host, _: ExitStack) -> tuple[str, ...]:
    (host.folder / "password").write_text("wrong")
    return ("check", str(host.upload("anna/a.png", KNOWN)))


def wrong_list(host: Host, _: ExitStack) -> tuple[str, ...]:
    (host.folder / "list.txt").write_text("this is\nno list of hashes\n")
    return ("hashlist", "import", str(host.folder / "list.txt"), "--source", "own")


def daemon_twice(host: Host, stack: ExitStack) -> tuple[str, ...]:
    (host.folder / "state").mkdir(mode=0o700)
    stack.enter_context(only_daemon(host.folder / "state"))
    return ("run",)


def port_in_use(_: Host, stack: ExitStack) -> tuple[str, ...]:
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return ("hashservice", "serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")


def taken_offline(host: Host) -> tuple[Path, str]:
    host.service.known = {sha1_of(KNOWN)}
    file = host.upload("anna/known.png", KNOWN)
    host.run("scan", str(host.customers), code=1)
    assert not file.exists()
    return file, str(host.cases()[0]["id"])


def restored_twice(host: Host, _: ExitStack) -> tuple[str, ...]:
    _file, case = taken_offline(host)
    host.run("cases", "restore", case, "--reason", "x")
    return ("cases", "restore", case, "--reason", "x")


def name_taken(host: Host, _: ExitStack) -> tuple[str, ...]:
    file, case = taken_offline(host)
    file.write_bytes(b"new")
    return ("cases", "restore", case, "--reason", "x")


def notice(content: bytes) -> Prepare:
    def prepare(host: Host, _: ExitStack) -> tuple[str, ...]:
        (host.folder / "notice").write_bytes(content)
        return ("notices", "receive", str(host.folder / "notice"))

    return prepare


def watched_twice(host: Host, _: ExitStack) -> tuple[str, ...]:
    host.config.write_text(host.config.read_text() + '\n[[watch]]\npath = "customers"\n')
    return ("config", "check")


def overlapping(host: Host, _: ExitStack) -> tuple[str, ...]:
    (host.customers / "anna").mkdir()
    host.config.write_text(host.config.read_text() + '\n[[watch]]\npath = "customers/anna"\n')
    return ("config", "check")


def nothing_watched(host: Host, _: ExitStack) -> tuple[str, ...]:
    host.config.write_text("")
    return ("config", "check")


NO_CASE = "20260101-abcdefg"
CLOSED: dict[str, object] = {"preexec_fn": lambda: os.close(0)}
MISTAKES = (
    Mistake("typo in a key", config("[policy]", "[policy]\nstorm_custmers = 3"), 2, ("storm_customers?", ".toml")),
    Mistake("missing secret", missing_secret, 2, ("password", "no such file", "umask 077")),
    Mistake("readable secret", readable_secret, 2, ("password", "chmod 600")),
    Mistake("wrong unit", config("[agent]", '[agent]\nreconcile_every = "6 hours"'), 2, ("reconcile_every", "6h")),
    Mistake("overlapping trees", overlapping, 2, ("customers/anna", "lies in", "only the outer one")),
    Mistake("tree missing", missing_tree, 2, ("customers", "is not a directory", "[[watch]]")),
    Mistake("tree missing: doctor", missing_tree_of_doctor, 1, ("PROBLEM tree", "customers", "[[watch]]")),
    Mistake("service unreachable", unreachable, 3, ("unchecked", "127.0.0.1", "refused")),
    Mistake("service unknown", unknown_host, 3, ("unchecked", "hash.invalid", "name")),
    Mistake("wrong credentials", wrong_credentials, 3, ("unchecked", "401", "account")),
    Mistake("wrong list form", wrong_list, 2, ("list.txt", "line 1")),
    Mistake("daemon twice", daemon_twice, 2, ("another goodhoster", "state")),
    Mistake("port in use", port_in_use, 2, ("127.0.0.1", "in use", "--listen")),
    Mistake("restoring twice", restored_twice, 1, ("refused", "is restored", "nothing to restore")),
    Mistake("name taken", name_taken, 1, ("refused", "known.png exists", "nothing is overwritten")),
    Mistake("unknown case", words("cases", "show", NO_CASE), 2, (NO_CASE, "goodhoster cases list")),
    Mistake("unknown notice", words("notices", "show", "N20260101-abcdefg"), 2, ("N2026", "goodhoster notices list")),
    Mistake("unknown storm", words("storms", "show", "S20260101-abcdefg"), 2, ("S2026", "goodhoster storms list")),
    Mistake("unknown customer", words("customers", "show", "nobody"), 2, ("nobody", "goodhoster customers list")),
    Mistake("invalid notice", notice(b"\x00\xff no mail"), 0, ("N20", "needs-person")),
    Mistake("empty notice", notice(b""), 2, ("empty", "notice")),
    Mistake("closed stdin", words("notices", "receive", "-"), 2, ("standard input", "closed"), run=CLOSED),
    Mistake("disk full", words("config", "show"), 2, ("the disk is full", "make room"), behind=">/dev/full"),
    Mistake("TOML syntax", config("[policy]", "[policy\n"), 2, (".toml", "line")),
    Mistake("foreign key", config("[policy]", "[fail2ban]\nbantime = 3\n[policy]"), 2, ("fail2ban", ".toml")),
    Mistake("Latin-1", config("[agent]", "# \u00e9\n[agent]"), 2, (".toml", "UTF-8")),
    Mistake("pipe to head", words("config", "reference"), 141, (), behind="| true"),
    Mistake("closed stdout", words("config", "reference"), 2, ("standard output",), behind=">&-"),
    Mistake("path twice", watched_twice, 2, ("customers", "twice", "[[watch]]")),
    Mistake("wrong path", words("check", "/nonexistent"), 3, ("unchecked", "/nonexistent", "No such file")),
    Mistake("wrong path: scan", words("scan", "/nonexistent"), 2, ("/nonexistent", "is not a directory", "tree")),
    Mistake("empty configuration", nothing_watched, 0, ("nothing is watched", "nobody is asked")),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_with_what_where_and_what_next(mistake: Mistake, host: Host) -> None:
    with ExitStack() as stack:
        command = [*GOODHOSTER, *mistake.prepare(host, stack), "--config", str(host.config)]
        if command[3:5] == ["config", "reference"]:
            del command[-2:]
        if mistake.behind:
            command = ["bash", "-o", "pipefail", "-c", f'"$@" {mistake.behind}', "bash", *command]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            **mistake.run,  # type: ignore[call-overload]
        )
    told = done.stdout + done.stderr
    assert done.returncode == mistake.code, told
    assert "Traceback" not in told
    assert [each for each in mistake.says if each.lower() not in told.lower()] == [], told


def test_ctrl_c_ends_a_scan_that_can_be_resumed(host: Host) -> None:
    asked = threading.Event()

    def answer(_: object) -> http_answers.CannedResponse:
        asked.set()
        return http_answers.NO.after(0.3)

    host.service.behave = answer
    for number in range(200):
        host.upload(f"anna/{number}.png", b"%d" % number)
    command = (*GOODHOSTER, "scan", str(host.customers), "--config", str(host.config))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - ignored in a background job
    ) as scan:
        assert asked.wait(PATIENCE)
        scan.send_signal(signal.SIGINT)
        _, told = scan.communicate(timeout=PATIENCE)
    assert (scan.returncode, "Traceback" in told) == (130, False), told


@pytest.mark.skipif(not ROOT, reason="needs root, to be somebody else")
def test_without_root_it_is_told_who_may(host: Host) -> None:
    host.run("cases", "list")
    os.chown(host.folder / "state", 65534, 65534)
    less = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
    command = (*less, *GOODHOSTER, "cases", "list", "--config", str(host.config))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "state" in done.stderr
    assert "root" in done.stderr


def test_in_40_columns_a_list_fits_and_says_the_same(host: Host) -> None:
    """On a real terminal: each line fits, but for ids and states, which are never cut."""
    taken_offline(host)
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    command = (*GOODHOSTER, "cases", "list", "--config", str(host.config))
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    done = subprocess.run(command, stdout=inner, stderr=subprocess.PIPE, timeout=PATIENCE, check=False, env=env)
    os.close(inner)
    printed = os.read(outer, 1 << 16).decode().splitlines()
    os.close(outer)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in printed] == ["STATE", "offline"]
    assert printed[1].endswith("\u2026")


def test_a_full_disk_of_the_state_is_told_with_what_to_do(host: Host, disk: Callable[..., Path]) -> None:
    state = disk("tmpfs", at=host.folder / "state", size=4)
    state.chmod(0o700)
    host.run("cases", "list")
    fill_disk(state / "ballast")
    (host.folder / "notice").write_bytes(b"From: a@b.example\n\n" + b"x" * 100_000)
    told = host.run("notices", "receive", str(host.folder / "notice"), code=2)
    assert "Traceback" not in told
    assert "make room" in told


LOCALES = {
    "Latin-1": {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    "ASCII": {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
    "POSIX": {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": "POSIX", "LC_ALL": ""},
}


@pytest.mark.parametrize("locale", LOCALES)
def test_a_locale_without_the_letters_of_a_name_is_no_fault(host: Host, locale: str) -> None:
    host.service.known = {sha1_of(KNOWN)}
    for name in ("\u0436\u0435\u043d\u0430/\u20ac.png", "b\udcff/\u00ff.png"):
        host.upload(name, KNOWN)
    for words, code in (("check {0}", 1), ("scan {0}", 1), ("cases list", 0), ("cases list --csv", 0), ("status", 1)):
        command = [*GOODHOSTER, *words.format(host.customers).split(), "--config", str(host.config)]
        env = os.environ | LOCALES[locale]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, env=env)
        told = done.stdout + done.stderr
        assert (done.returncode, b"Traceback" in told) == (code, False), told
        assert words not in {"check {0}", "cases list"} or b"\\u0436" in told, told


def test_a_list_is_imported_through_a_pipe_by_name(host: Host) -> None:
    """It can be read once, and its writer may be slow."""
    pipe = host.folder / "list"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as out:
            for number in range(3):
                out.write(f"{sha1_of(b'%d' % number).hex}  a.jpg\n".encode())
                time.sleep(0.2)

    writer = threading.Thread(target=write)
    writer.start()
    host.run("hashlist", "import", str(pipe), "--source", "own")
    writer.join()
    (row,) = [json.loads(line) for line in host.run("hashlist", "list", "--json").splitlines()]
    assert (row["source"], row["entries"]) == ("own", 3)


@pytest.mark.parametrize(
    "mistake",
    [
        "typo in a key", "missing secret", "readable secret", "wrong unit", "overlapping trees", "tree missing",
        "service unreachable", "wrong credentials", "wrong list form", "daemon twice", "port in use",
        "restoring twice", "name taken", "unknown case", "invalid notice", "empty notice", "closed stdin",
        "disk full", "TOML syntax", "foreign key", "Latin-1", "pipe to head", "path twice", "wrong path",
    ],
)  # fmt: skip
def test_every_usual_mistake_is_in_the_table(mistake: str) -> None:
    """Those that have a test of their own above: not root, Ctrl-C in a scan, 40 columns."""
    assert mistake in {each.name for each in MISTAKES}
