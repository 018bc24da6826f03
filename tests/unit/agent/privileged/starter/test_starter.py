"""The starter does what the terms name, and nothing else; and how a daemon comes to its mover."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.assembly.mover import mover_of
from goodhoster.linux.privileges import CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_NET_BIND_SERVICE
from goodhoster.model.limits import ReadingLimits
from goodhoster.settings import Settings, load
from goodhoster_agent.hashing.worker_handle import Worker
from goodhoster_agent.privileged.starter.client import StarterClient
from goodhoster_agent.privileged.starter.commands import Command
from goodhoster_agent.privileged.starter.launch import running_supervisor
from goodhoster_agent.privileged.starter.plan import terms_of
from goodhoster_agent.privileged.starter.server import StarterServer
from tests.processes import is_there
from tests.waiting import wait_until

SAYS = ("/bin/sh", "-c", 'echo "$@"; cat; exit 3', "page")


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """The daemon's end; at the other one a starter that may run two commands."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = StarterServer(frozenset({Command(SAYS, more=1), Command(("/nonexistent/program",))}))
    thread = threading.Thread(target=server.serve, args=(theirs,))
    thread.start()
    yield ours
    ours.close()
    thread.join()
    theirs.close()


@pytest.fixture
def starter(daemon: socket.socket) -> StarterClient:
    return StarterClient(daemon)


def test_a_command_of_the_terms_is_run(starter: StarterClient) -> None:
    ended = starter.run([*SAYS, "a subject"], b"a text")
    assert (ended.code, ended.out, ended.err) == (3, b"a subject\na text", b"")


@pytest.mark.parametrize(
    "argv", [["/bin/true"], [*SAYS], [*SAYS, "one", "two"], [*SAYS[:-1], "other", "one"], ["/bin/sh"], []]
)
def test_no_other_is_run(starter: StarterClient, argv: list[str]) -> None:
    with pytest.raises(OSError, match="is not in the configuration"):
        starter.run(argv)


def test_a_command_that_cannot_be_run_says_so(starter: StarterClient) -> None:
    with pytest.raises(OSError, match="No such file"):
        starter.run(["/nonexistent/program"])


def test_a_message_that_is_no_order_stops_nothing(daemon: socket.socket, starter: StarterClient) -> None:
    daemon.send(b"open the door")
    daemon.send(b"run")
    with open(os.devnull, "rb") as file:
        socket.send_fds(daemon, [b"run"], [file.fileno()])
    assert starter.run([*SAYS, "one"]).code == 3


def test_a_hasher_is_started_and_ended(starter: StarterClient) -> None:
    worker = Worker(ReadingLimits(), starter.start_hasher)
    assert worker.missing == []
    assert is_there(worker.pid)
    assert worker.stop() == worker.stop() == -signal.SIGKILL
    assert not is_there(worker.pid)


def test_a_hasher_that_crashed_is_told_of(starter: StarterClient) -> None:
    worker = Worker(ReadingLimits(), starter.start_hasher)
    os.kill(worker.pid, signal.SIGSEGV)
    assert wait_until(lambda: not is_there(worker.pid))
    assert worker.stop() == -signal.SIGSEGV


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path)


def configured(folder: Path, more: str = "") -> Settings:
    for name in ("customers", "state", "mails", "lmtp"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    file = folder / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "state"\n[[watch]]\npath = "customers"\n{more}')
    return load(file)


def test_the_terms_are_the_least(tmp_path: Path, settings: Settings) -> None:
    terms = terms_of(settings)
    assert terms.capabilities == {CAP_DAC_READ_SEARCH, CAP_FOWNER}
    assert terms.writable == {tmp_path / "state"}
    assert terms.commands == frozenset()


def test_the_terms_follow_the_configuration(tmp_path: Path) -> None:
    notices = '[notices]\nlisten = "127.0.0.1:80"\nlmtp = "unix:lmtp/socket"\nmaildir = "mails"\n'
    block = '[block]\nserver = "nginx"\ninclude = "web/blocked.conf"\ntest = ["nginx", "-t"]\nreload = ["true"]\n'
    directory = '[[directory]]\nkind = "nginx"\ncommand = ["nginx", "-T"]\n[paging]\ncommand = ["page"]\n'
    terms = terms_of(configured(tmp_path, notices + block + directory))
    assert terms.capabilities == {CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_NET_BIND_SERVICE}
    assert {path.name for path in terms.writable} == {"state", "mails", "lmtp", "web"}
    assert {command.argv for command in terms.commands} == {("nginx", "-t"), ("true",), ("nginx", "-T"), ("page",)}
    assert [command.argv for command in terms.commands if command.more] == [("page",)]


LEAVES_A_LISTENER = """
import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen()
if (child := os.fork()) == 0:
    time.sleep(600)
print(child, flush=True)
os._exit(0)
"""


def test_a_listener_that_a_killed_daemon_left_is_nobodys_mover(settings: Settings) -> None:
    command = [sys.executable, "-c", LEAVES_A_LISTENER, str(settings.mover_socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as left:
        assert left.stdout
        child = int(left.stdout.readline())
    try:
        assert mover_of(settings).listens()
        with running_supervisor(settings, frozenset()):
            mover_of(settings).ping()
    finally:
        os.kill(child, signal.SIGKILL)
