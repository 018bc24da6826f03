"""What was done while the disk of log or record filled up: told as seen, neither refused nor done, recorded later."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
import typer

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import AuditError, GoodhosterError, UnrecordedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports.common import utc_now
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.toolkit import Toolkit
from goodhoster_agent.commands.cases import print_orders

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1, Category.BASELINE),))
NEAR = Verdict(VerdictKind.NEAR, (Match("police", FingerprintKind.PDQ, Category.BASELINE, distance=9),))
EVE = Order("eve", "a holiday picture")

pytestmark = pytest.mark.usefixtures("unlocked")


class FillingQuarantine:
    """The quarantine of this machine; whoever fills the other disk does so while a file is moved."""

    def __init__(self, inside: LocalQuarantine) -> None:
        self._inside = inside
        self.moved: Callable[[], None] = lambda: None

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        done = self._inside.take_offline(case_id, upload, sha256)
        self.moved()
        return done

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        done = self._inside.take_all_offline(requests)
        self.moved()
        return done

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        self._inside.put_back(case_id, upload, moved=moved)
        self.moved()

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        self._inside.verify_in_place(upload, sha256)

    def destroy(self, case_id: str, upload: Upload) -> None:
        self._inside.destroy(case_id, upload)

    def prepare(self, tree: bytes) -> None:
        self._inside.prepare(tree)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        return self._inside.recover(case_id, upload)


class Machine:
    """Customers' files on one disk, audit log and record each on a small one of their own."""

    def __init__(self, folder: Path, disk: Callable[..., Path]) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.disks = {name: disk("tmpfs", at=folder / name, size=4) for name in ("log", "record")}
        self.audit = FileAuditLog(self.disks["log"] / "audit.log")
        self.store = SqliteCaseStore(self.disks["record"] / "record.sqlite")
        self.quarantine = FillingQuarantine(LocalQuarantine((os.fsencode(self.tree),)))
        rules = HouseRules(enforce=True, storm_customers=99, measures_per_hour=100)
        lock, holders = FileLock(folder / "desk.lock"), HolderLocks(folder / "desk.holders")
        brake = brake_in_memory(self.store, self.audit, rules, utc_now)
        self.desk = CaseDesk(self.store, self.audit, self.quarantine, rules, lock, holders, utc_now, brake)

    @property
    def toolkit(self) -> Toolkit:
        return toolkit_over((), self.store, self.audit, self.desk, DirectHasher(ReadingLimits(file_bytes=1000)))

    @property
    def file(self) -> Path:
        return self.tree / "anna" / "a.jpg"

    def upload(self) -> Upload:
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text("known")
        return Upload(Place(os.fsencode(self.tree), b"anna/a.jpg"), "anna", FileState.of(self.file.stat()))

    def case(self, verdict: Verdict = KNOWN) -> Case:
        case = self.desk.open(self.upload(), made_up("known").digests, verdict)
        assert case is not None
        return case

    def fill_at_next_move(self, name: str) -> None:
        """Have that disk filled while the next file is moved."""

        def fill() -> None:
            self.quarantine.moved = lambda: None
            with closing(sqlite3.connect(self.disks["record"] / "record.sqlite")) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else a change may find room in the write-ahead log
            with (self.disks[name] / "ballast").open("wb", buffering=0) as ballast:
                for size in (1 << 16, 1 << 10, 1):
                    with suppress(OSError):
                        while ballast.write(bytes(size)):
                            pass
            if name == "log":  # whose last block has room
                fill_log(self.audit)

        self.quarantine.moved = fill

    def make_room(self) -> None:
        for top in self.disks.values():
            (top / "ballast").unlink(missing_ok=True)

    def events(self) -> list[str]:
        return [entry.event.kind for entry in self.audit.entries()]


def fill_log(log: FileAuditLog) -> None:
    """To the last byte that an entry takes, on a disk that is full but for the log's last block."""
    with suppress(AuditError):
        for _ in range(1000):
            log.append(AuditEvent("test", {}))
        pytest.fail("there is room in the log")


@pytest.fixture
def machine(tmp_path: Path, disk: Callable[..., Path]) -> Iterator[Machine]:
    machine = Machine(tmp_path, disk)
    yield machine
    machine.store.close()


@pytest.fixture(params=["log", "record"])
def full(request: pytest.FixtureRequest) -> str:
    """The disk that fills up while the file is moved."""
    return str(request.param)


@pytest.mark.parametrize("by", ["recover", "the same command"])
def test_a_restore(machine: Machine, full: str, by: str) -> None:
    """It said *refused* of a file that was back."""
    case = machine.case()
    machine.fill_at_next_move(full)
    orders = machine.toolkit.restore([case.id], EVE)
    assert machine.file.read_text() == "known"
    assert (orders.done, orders.refused) == ((), ())
    ((told, seen),) = orders.unrecorded
    assert told == case.id
    assert f"the file of case {case.id} is back, but that cannot be recorded: " in seen
    assert machine.store.get(case.id).state is CaseState.RESTORING

    machine.make_room()
    if by == "recover":
        assert [each.state for each in machine.desk.recover()] == [CaseState.RESTORED]
    else:
        assert machine.toolkit.restore([case.id], EVE).done == (case.id,)
    assert machine.store.get(case.id).state is CaseState.RESTORED
    assert machine.events()[-1] == "restore.found-done"
    assert machine.audit.verify().ok


def test_a_file_that_is_gone_again_before_there_is_room_is_not_called_restored(machine: Machine, full: str) -> None:
    case = machine.case()
    machine.fill_at_next_move(full)
    assert machine.toolkit.restore([case.id], EVE).unrecorded
    machine.make_room()
    machine.file.unlink()
    machine.desk.recover()
    assert machine.store.get(case.id).state is CaseState.OFFLINE
    assert "is not there" in machine.store.get(case.id).reason


def test_a_file_taken_offline(machine: Machine, full: str) -> None:
    upload = machine.upload()
    machine.fill_at_next_move(full)
    with pytest.raises(UnrecordedError, match=r"the file of case \S+ is offline, but that cannot be recorded"):
        machine.desk.open(upload, made_up("known").digests, KNOWN)
    assert not machine.file.exists()
    machine.make_room()
    assert [case.state for case in machine.desk.recover()] == [CaseState.OFFLINE]
    assert machine.events()[-1] == "measure.found-done"


@pytest.mark.parametrize("by", ["recover", "the same command"])
def test_a_confirmed_case(machine: Machine, full: str, by: str) -> None:
    case = machine.case(NEAR)
    assert case.state is CaseState.HELD
    machine.fill_at_next_move(full)
    orders = machine.toolkit.confirm([case.id], EVE)
    assert not machine.file.exists()
    assert (orders.done, orders.refused) == ((), ())
    assert f"the file of case {case.id} is offline, but that cannot be recorded" in orders.unrecorded[0].seen
    machine.make_room()
    if by == "recover":
        machine.desk.recover()
    else:
        assert machine.toolkit.confirm([case.id], EVE).done == (case.id,)
    assert machine.store.get(case.id).state is CaseState.OFFLINE
    assert machine.events()[-1] == "measure.found-done"


def test_a_cancelled_case(machine: Machine, full: str) -> None:
    """One whose file was taken before a crash, so that to cancel it is to put the file back."""
    upload = machine.upload()
    machine.fill_at_next_move("record")
    with pytest.raises(UnrecordedError):
        machine.desk.open(upload, made_up("known").digests, KNOWN)
    machine.make_room()
    (case_id,) = machine.store.claimed()
    assert not machine.file.exists()

    machine.fill_at_next_move(full)
    orders = machine.toolkit.cancel([case_id], EVE)
    assert machine.file.exists()
    assert (orders.done, orders.refused) == ((), ())
    assert f"the file of case {case_id} is back, but that cannot be recorded" in orders.unrecorded[0].seen
    machine.make_room()
    assert machine.toolkit.cancel([case_id], EVE).done == (case_id,)
    assert machine.store.get(case_id).state is CaseState.RESTORED


def test_a_confirmed_case_whose_intention_cannot_be_written_is_not_called_refused(machine: Machine) -> None:
    """The order itself stands in log and record: it is carried out later."""
    case = machine.case(NEAR)

    class FullFromTheSecond(FileAuditLog):
        def append_all(self, events):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            if events[0].kind == "measure.intended":
                machine.fill_at_next_move("log")
                machine.quarantine.moved()
            return super().append_all(events)

    object.__setattr__(machine.desk, "audit", FullFromTheSecond(machine.disks["log"] / "audit.log"))
    orders = machine.toolkit.confirm([case.id], EVE)
    assert machine.file.exists()
    assert (orders.done, orders.refused) == ((), ())
    assert "is confirmed, and its file is not taken offline yet" in orders.unrecorded[0].seen
    machine.make_room()


def test_an_order_about_a_full_log_changes_nothing_and_is_refused(machine: Machine, full: str) -> None:
    """Here nothing was done, and that is what is said."""
    case = machine.case()
    machine.fill_at_next_move(full)
    machine.quarantine.moved()
    orders = machine.toolkit.restore([case.id], EVE)
    assert (orders.done, [refused.case_id for refused in orders.refused], orders.unrecorded) == ((), [case.id], ())
    assert machine.store.get(case.id).state is CaseState.OFFLINE
    assert not machine.file.exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_says_what_was_seen_and_ends_with_1(
    machine: Machine, full: str, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    case = machine.case()
    machine.fill_at_next_move(full)
    orders = machine.toolkit.restore([case.id], EVE)
    with pytest.raises(typer.Exit) as end:
        print_orders("restored", orders, as_json=as_json)
    assert end.value.exit_code == 1
    told = capsys.readouterr().out
    if as_json:
        answer = json.loads(told)
        assert (answer["restored"], answer["refused"]) == ([], [])
        assert [each["id"] for each in answer["unrecorded"]] == [case.id]
        assert "is back" in answer["unrecorded"][0]["seen"]
    else:
        assert told.startswith(f"unrecorded  {case.id}: the file of case {case.id} is back, ")
        assert "refused" not in told
