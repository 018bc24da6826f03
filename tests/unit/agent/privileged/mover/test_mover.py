"""The mover as the process it is: what it may do, whom it hears, and what happens while it is away."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.assembly.mover import mover_of
from goodhoster.assembly.services import Services
from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import PassingError
from goodhoster.model.cases import Case, CaseState, MeasureState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.mover_messages import MoveAnswer, MoveOutcome
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.settings import Settings, load
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.suites.quarantine import BYTES, CASE, sha256, uploaded
from goodhoster_agent.privileged.mover.process import MOVERS
from goodhoster_agent.privileged.starter.launch import running_supervisor
from tests.processes import is_there, movers_below, status
from tests.waiting import wait_until

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1, Category.BASELINE),))
STRANGER = 61009
pytestmark = pytest.mark.usefixtures("unlocked")


@pytest.fixture
def tree(tmp_path: Path) -> bytes:
    (tmp_path / "customers").mkdir(mode=0o755)
    return os.fsencode(tmp_path / "customers")


@pytest.fixture
def settings(tmp_path: Path, tree: bytes) -> Settings:
    file = tmp_path / "goodhoster.toml"
    (tmp_path / "state").mkdir(mode=0o700)
    policy = '[policy]\nmode = "enforce"\n'
    file.write_text(f'{policy}[agent]\nstate_dir = "state"\n[[watch]]\npath = "{os.fsdecode(tree)}"\n')
    return load(file)


@pytest.fixture
def running(settings: Settings) -> Iterator[int]:
    """The process id of one mover of those that serve."""
    with running_supervisor(settings, frozenset()):
        yield movers_below(os.getpid())[0]


def test_each_may_do_four_things_and_reaches_no_network(running: int) -> None:
    wanted = sum(1 << number for number in (0, 1, 3, 9)) if os.geteuid() == 0 else 0

    def shed() -> list[int]:
        return [pid for pid in movers_below(os.getpid()) if _may(pid) == ("1", wanted, wanted, 0)]

    assert wait_until(lambda: len(shed()) == MOVERS)  # one answers already, the others may be on their way there
    assert running in shed()
    if os.geteuid() == 0:
        assert {int(status(pid)["CapBnd"], 16) for pid in shed()} == {wanted}
        assert os.readlink("/proc/self/ns/net") not in {os.readlink(f"/proc/{pid}/ns/net") for pid in shed()}


def _may(pid: int) -> tuple[str, int, int, int]:
    told = status(pid)
    permitted, effective, inheritable = (int(told[name], 16) for name in ("CapPrm", "CapEff", "CapInh"))
    return told["NoNewPrivs"], permitted, effective, inheritable


def test_it_is_small() -> None:
    privileged = "goodhoster_agent.privileged"
    script = f"import sys, {privileged}.starter.__main__, {privileged}.mover.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    heavy = {"aiohttp", "asyncio", "typer", "rich", "numpy", "PIL", "sqlite3", "watchdog", "jinja2"}
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="root, to be somebody else too")
def test_it_hears_nobody_else(settings: Settings, running: int, tmp_path: Path) -> None:
    assert running
    settings.mover_socket.chmod(0o777)
    for above in (settings.state_dir, tmp_path, *tmp_path.parents[:3]):
        above.chmod(above.stat().st_mode | 0o011)
    process = multiprocessing.get_context("fork").Process(target=_greets_in_vain, args=(settings,))
    process.start()
    process.join()
    assert process.exitcode == 0
    mover_of(settings).ping()


def _greets_in_vain(settings: Settings) -> None:
    os.setresuid(STRANGER, STRANGER, STRANGER)
    with pytest.raises(PassingError, match=r"before it answered|cannot be reached"):
        mover_of(settings).ping()


@pytest.mark.parametrize("message", [b"\xff", b"{}", b"[" * 100_000])
def test_a_wrong_message_costs_its_connection_only(settings: Settings, running: int, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect(str(settings.mover_socket))
        peer.send(message)
        assert MoveAnswer.from_bytes(peer.recv(1 << 18)).outcome is MoveOutcome.REFUSED
    mover_of(settings).ping()
    assert Path(f"/proc/{running}").exists()


def test_killed_it_is_started_again_and_what_it_was_at_is_finished(
    settings: Settings, running: int, tree: bytes, rounds: Callable[[int, int], int]
) -> None:
    """`kill -9` at random moments, in both directions; the files counted from outside."""
    mover, upload = mover_of(settings), uploaded(tree, b"anna/a.jpg")
    for number in range(rounds(6, 200)):
        _kill_soon(movers_below(os.getpid()), number)
        _try(lambda: mover.take_offline(CASE, upload, sha256()))
        _settled(lambda: mover.take_offline(CASE, upload, sha256()), lambda: mover.recover(CASE, upload))
        assert not os.path.lexists(upload.place.absolute)
        _kill_soon(movers_below(os.getpid()), number)
        _try(lambda: mover.put_back(CASE, upload))
        _settled(lambda: mover.put_back(CASE, upload), lambda: mover.recover(CASE, upload), Whereabouts.ELSEWHERE)
        assert Path(os.fsdecode(upload.place.absolute)).read_bytes() == BYTES
    assert os.listdir(os.path.join(tree, b"anna")) == [b"a.jpg"]
    assert running


def _kill_soon(pids: list[int], number: int) -> None:
    delay = f"{number * 37 % 100 / 10_000:.4f}"
    subprocess.run(["sh", "-c", f"(sleep {delay}; kill -9 {' '.join(map(str, pids))}) >/dev/null 2>&1 &"], check=True)


def _try(act: Callable[[], object]) -> bool:
    try:
        act()
    except PassingError:
        return False
    return True


def _settled(
    act: Callable[[], object], look: Callable[[], Whereabouts], wanted: Whereabouts = Whereabouts.QUARANTINE
) -> None:
    """What the desk does: look, and do it again unless it is done, for as long as nobody answers."""

    def once() -> None:
        if look() is not wanted:
            act()

    until = time.monotonic() + 60
    while not _try(once):
        assert time.monotonic() < until
        time.sleep(0.05)


class TestAMoverThatIsAway:
    @pytest.fixture
    def desk(self, settings: Settings) -> Iterator[CaseDesk]:
        with Services(settings, quarantine=mover_of(settings)) as services:
            yield services.desk

    @pytest.fixture
    def waiting(self, desk: CaseDesk, tree: bytes) -> Case:
        content = made_up("known").digests
        case = desk.open(uploaded(tree, b"anna/a.jpg", b"known"), content, KNOWN)
        assert case is not None
        return case

    def test_leaves_the_measure_waiting_said_once(self, desk: CaseDesk, waiting: Case) -> None:
        assert waiting.state is CaseState.OPEN
        assert waiting.measures[0].state is MeasureState.INTENDED
        assert "cannot be reached" in waiting.measures[0].detail
        assert desk.recover(retry_failed=False) == desk.recover() == []
        assert [e.event.kind for e in desk.audit.entries()] == ["measure.intended", "measure.waits"]

    def test_finds_its_work_when_it_is_back(self, desk: CaseDesk, waiting: Case, settings: Settings) -> None:
        with running_supervisor(settings, frozenset()):
            (after,) = desk.recover(retry_failed=False)
            assert (after.id, after.state) == (waiting.id, CaseState.OFFLINE)
            assert not os.path.lexists(waiting.upload.place.absolute)
        with pytest.raises(PassingError):
            desk.restore(waiting.id, Order("eve", "mine"))
        with running_supervisor(settings, frozenset()):
            assert [case.state for case in desk.recover(retry_failed=False)] == [CaseState.RESTORED]
        assert Path(os.fsdecode(waiting.upload.place.absolute)).read_bytes() == b"known"


def test_it_ends_with_whoever_started_it(settings: Settings) -> None:
    script = "import sys,time\nfrom pathlib import Path\nfrom goodhoster.settings import load\n"
    script += "from goodhoster_agent.privileged.starter.launch import running_supervisor\n"
    script += (
        "with running_supervisor(load(Path(sys.argv[1])), frozenset()):\n print('up', flush=True)\n time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(settings.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        movers = movers_below(starter.pid)
        os.kill(starter.pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_there, movers)))
    assert wait_until(lambda: not mover_of(settings).listens())
