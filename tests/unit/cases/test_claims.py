"""No lock is held while a mover works: who is at work on a case is claimed, and the dead are succeeded."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import BusyError, GoodhosterError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.disk_pool import DiskPool
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.notices import NotifierCaps
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery, Quarantine
from goodhoster.ports.common import utc_now
from goodhoster.takedowns.demands import Demand, Demands, Grounds, NamedFile
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from tests.waiting import wait_until

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1),))
EVE = Order("eve", "a holiday picture")
PATIENCE = 1.0
OTHER_DISK = 1
AT_ONCE = 30.0
"""Seconds, on a slow machine: what a customer on another disk may wait at the most (G14). What hangs, does for ever."""

pytestmark = pytest.mark.usefixtures("unlocked")


class HangingDisk:
    """A quarantine in which calls about files of OTHER_DISK do not come back until it is told."""

    def __init__(self, inside: Quarantine) -> None:
        self._inside = inside
        self.answers = threading.Event()
        self.asked = threading.Event()

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        self._wait(upload)
        return self._inside.take_offline(case_id, upload, sha256)

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        for request in requests:
            self._wait(request.upload)
        return self._inside.take_all_offline(requests)

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        self._wait(upload)
        self._inside.put_back(case_id, upload, moved=moved)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        self._wait(upload)
        self._inside.verify_in_place(upload, sha256)

    def destroy(self, case_id: str, upload: Upload) -> None:
        self._inside.destroy(case_id, upload)

    def prepare(self, tree: bytes) -> None:
        self._inside.prepare(tree)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        self._wait(upload)
        return self._inside.recover(case_id, upload)

    def _wait(self, upload: Upload) -> None:
        if upload.state.dev == OTHER_DISK:
            self.asked.set()
            self.answers.wait()


class Machine:
    """Files, record and log. `desk()` is what a process makes at its start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tree = folder, folder / "customers"
        self.tree.mkdir(mode=0o755, exist_ok=True)
        self.later = timedelta(0)
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), FileAuditLog(folder / "audit.log")
        self.disk = HangingDisk(LocalQuarantine((os.fsencode(self.tree),)))

    def desk(self, quarantine: Quarantine | None = None) -> CaseDesk:
        rules = HouseRules(enforce=True, storm_customers=99, measures_per_hour=1000)
        clock = lambda: utc_now() + self.later  # noqa: E731
        lock, holders = FileLock(self.folder / "desk.lock"), HolderLocks(self.folder / "desk.holders")
        brake = brake_in_memory(self.store, self.audit, rules, clock)
        pool = DiskPool(3, PATIENCE if quarantine is None else 60)
        return CaseDesk(self.store, self.audit, quarantine or self.disk, rules, lock, holders, clock, brake, pool=pool)

    def upload(self, name: str, *, hanging: bool = False) -> Upload:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        found = FileState.of(path.stat())
        state = replace(found, dev=OTHER_DISK) if hanging else found
        return Upload(Place(os.fsencode(self.tree), os.fsencode(name)), name.partition("/")[0], state)

    def open(self, desk: CaseDesk, name: str, *, hanging: bool = False) -> CaseState:
        case = desk.open(self.upload(name, hanging=hanging), made_up(name).digests, KNOWN)
        assert case is not None
        return case.state

    def state_of(self, name: str) -> CaseState:
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        (case,) = self.store.find(CaseQuery(place=place))
        return case.state

    def events(self, kind: str) -> int:
        return sum(entry.event.kind == kind for entry in self.audit.entries())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.disk.answers.set()
    machine.store.close()


def wait_for_state(machine: Machine, name: str, state: CaseState) -> None:
    assert wait_until(lambda: machine.state_of(name) is state)


def test_a_disk_that_hangs_keeps_no_other_customer_waiting(machine: Machine) -> None:
    desk = machine.desk()
    hung = [
        threading.Thread(target=machine.open, args=(desk, f"anna/{n}.jpg"), kwargs={"hanging": True}) for n in range(6)
    ]
    for thread in hung:
        thread.start()
    assert machine.disk.asked.wait(60)
    began = time.monotonic()
    assert machine.open(desk, "bob/1.jpg") is CaseState.OFFLINE
    assert machine.open(machine.desk(), "bob/2.jpg") is CaseState.OFFLINE  # another process
    assert time.monotonic() - began < AT_ONCE
    for thread in hung:
        thread.join(AT_ONCE)
    assert [thread.is_alive() for thread in hung] == [False] * 6
    assert machine.open(desk, "bob/3.jpg") is CaseState.OFFLINE
    assert {machine.state_of(f"anna/{n}.jpg") for n in range(6)} == {CaseState.OPEN}
    machine.disk.answers.set()
    for _ in range(1000):
        desk.recover()
        if not machine.store.count(CaseQuery(states=frozenset({CaseState.OPEN}))):
            break
        time.sleep(0.05)
    assert {machine.state_of(f"anna/{n}.jpg") for n in range(6)} == {CaseState.OFFLINE}
    assert machine.events("measure.done") == 9


def test_a_restore_elsewhere_does_not_wait(machine: Machine) -> None:
    """It took 192 seconds."""
    desk = machine.desk()
    machine.open(desk, "bob/1.jpg")
    (case,) = machine.store.find(CaseQuery())
    hung = threading.Thread(target=machine.open, args=(desk, "anna/1.jpg"), kwargs={"hanging": True})
    hung.start()
    assert machine.disk.asked.wait(60)
    began = time.monotonic()
    assert machine.desk().restore(case.id, EVE).state is CaseState.RESTORED
    assert time.monotonic() - began < AT_ONCE
    machine.disk.answers.set()
    hung.join()


def test_one_file_on_a_disk_that_hangs_holds_up_no_other_of_its_notice(machine: Machine) -> None:
    desk = machine.desk()
    names = [f"bob/{n}.jpg" for n in range(5)]
    files = [NamedFile(machine.upload(name), made_up(name).digests, KNOWN) for name in names]
    files.insert(2, NamedFile(machine.upload("anna/1.jpg", hanging=True), made_up("anna/1.jpg").digests, KNOWN))
    grounds = Grounds("N1", "hotline", "", NotifierCaps(100, 100))
    began = time.monotonic()
    answers = Demands(desk).process([Demand([file], grounds) for file in files])
    assert time.monotonic() - began < AT_ONCE + PATIENCE
    states = [case.state for answer in answers for case in answer.cases]
    assert states == [CaseState.OFFLINE] * 2 + [CaseState.OPEN] + [CaseState.OFFLINE] * 3
    machine.disk.answers.set()
    wait_for_state(machine, "anna/1.jpg", CaseState.OFFLINE)


def test_recovery_leaves_what_the_living_are_at(machine: Machine) -> None:
    desk = machine.desk()
    assert machine.open(desk, "anna/1.jpg", hanging=True) is CaseState.OPEN
    assert machine.desk(LocalQuarantine((os.fsencode(machine.tree),))).recover() == []
    (case,) = machine.store.find(CaseQuery())
    with pytest.raises(BusyError, match=f"process {os.getpid()} is working on"):
        machine.desk().cancel(case.id, EVE)
    machine.disk.answers.set()
    wait_for_state(machine, "anna/1.jpg", CaseState.OFFLINE)
    assert machine.store.claim_of(case.id) is None


def test_what_had_its_time_is_taken_over_and_recorded_once(machine: Machine) -> None:
    near = Verdict(VerdictKind.NEAR, (Match("police", "pdq", distance=9),))
    held = machine.desk().open(machine.upload("anna/1.jpg", hanging=True), made_up("anna/1.jpg").digests, near)
    assert held is not None
    assert machine.desk().confirm(held.id, EVE).state is CaseState.OPEN
    here = machine.desk(LocalQuarantine((os.fsencode(machine.tree),)))
    assert here.recover() == []
    machine.later = timedelta(hours=1)
    (after,) = here.recover()
    assert after.state is CaseState.OFFLINE
    machine.disk.answers.set()
    for thread in threading.enumerate():
        if thread.name == "disk-does-not-answer":
            thread.join(60)
    assert machine.store.get(held.id) == after
    assert machine.events("measure.done") == 1


def run_process(machine: Machine, code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own on that machine."""
    whole = f"import sys\nfrom pathlib import Path\nfrom test_claims import *\n{code}"
    argv = [sys.executable, "-c", whole, str(machine.folder), *arguments]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)


HANG = """
machine = Machine(Path(sys.argv[1]))
threading.Thread(target=machine.open, args=(machine.desk(), "anna/1.jpg"), kwargs={"hanging": True}).start()
machine.disk.asked.wait()
print("at work", flush=True)
sys.stdin.read()
"""


def test_the_claim_of_a_killed_process_is_taken_over(machine: Machine) -> None:
    process = run_process(machine, HANG)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    here = machine.desk(LocalQuarantine((os.fsencode(machine.tree),)))
    assert here.recover() == []
    (case,) = machine.store.find(CaseQuery())
    claim = machine.store.claim_of(case.id)
    assert claim is not None
    assert claim.pid == process.pid
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (after,) = here.recover()
    assert (after.id, after.state) == (case.id, CaseState.OFFLINE)
    assert machine.store.claim_of(case.id) is None
    assert here.recover() == []
    assert machine.events("measure.done") == 1


RACE = """
machine = Machine(Path(sys.argv[1]))
desk = machine.desk(LocalQuarantine((os.fsencode(machine.tree),)))
names = sys.argv[2].split(",")
uploads = [Upload(Place(os.fsencode(machine.tree), os.fsencode(name)), "anna",
           FileState.of((machine.tree / name).stat())) for name in names]
print("ready", flush=True)
sys.stdin.readline()
for name, upload in zip(names, uploads):
    case = desk.open(upload, made_up(name).digests, KNOWN)
    assert case.state is CaseState.OFFLINE, case
"""


@pytest.mark.slow
def test_two_processes_that_race_for_a_case_do_it_once(machine: Machine) -> None:
    names = [f"anna/{n}.jpg" for n in range(30)]
    for name in names:
        machine.upload(name)
    racing = [run_process(machine, RACE, ",".join(names)) for _ in range(3)]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in racing:
        process.communicate(timeout=150)
    assert [process.returncode for process in racing] == [0, 0, 0]
    assert [case.state for case in machine.store.find(CaseQuery())] == [CaseState.OFFLINE] * 30
    assert machine.events("measure.intended") == machine.events("measure.done") == 30


def test_a_notice_and_a_match_at_once_are_one_case(machine: Machine) -> None:
    """The match waits a moment for the notice, and the other way round."""
    desk, upload = machine.desk(), machine.upload("anna/1.jpg")
    file = NamedFile(upload, made_up("anna/1.jpg").digests, KNOWN)
    grounds = Grounds("N1", "hotline", "", NotifierCaps(100, 100))
    notice = threading.Thread(target=Demands(machine.desk()).process, args=([Demand([file], grounds)],))
    notice.start()
    case = desk.open(upload, file.digests, KNOWN)
    notice.join()
    assert case is not None
    assert case.state is CaseState.OFFLINE
    assert machine.store.count(CaseQuery()) == machine.events("measure.done") == 1
