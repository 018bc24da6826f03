"""The case desk on real files: every match has one outcome, and what was intended is in the log before it is done."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.memory_storms import MemoryStormStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.storms import StormBrake
from goodhoster.errors import AuditError, QuarantineError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import Case, CaseState, MeasureState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import Exemption
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.quarantine import OWN_DIRECTORIES
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.testing.brake import MadeUpCensus
from goodhoster.testing.suites.hash_source import made_up

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1),))
EVE = Order("eve", "a holiday picture")

pytestmark = pytest.mark.usefixtures("unlocked")


class Services:
    """One machine: files, record, log. `desk()` is what a process makes at its start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "customers"
        self.tree.mkdir(mode=0o755)
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
        self.store = SqliteCaseStore(folder / "record.sqlite")
        self.audit = FileAuditLog(folder / "audit.log")
        self.storms, self.census, self.pager = MemoryStormStore(), MadeUpCensus(), MemoryPager()

    def desk(self) -> CaseDesk:
        quarantine = LocalQuarantine((os.fsencode(self.tree),))
        lock, holders = FileLock(self.folder / "desk.lock"), HolderLocks(self.folder / "desk.holders")
        storms = self.storms
        watch = StormBrake(storms, storms, self.census, self.store, self.audit, self.pager, self.rules, self.clock)
        return CaseDesk(self.store, self.audit, quarantine, self.rules, lock, holders, self.clock, watch)

    def clock(self) -> datetime:
        return self.now

    def upload(self, name: str, text: str = "known") -> Upload:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return self.seen(name)

    def seen(self, name: str) -> Upload:
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        return Upload(place, name.partition("/")[0], FileState.of((self.tree / name).stat()))

    def receive(self, upload: Upload, text: str = "known", verdict: Verdict = KNOWN) -> Case:
        case = self.desk().open(upload, made_up(text).digests, verdict)
        assert case is not None
        return case

    def events(self) -> list[str]:
        return [entry.event.kind for entry in self.audit.entries()]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.store.close()


def test_a_known_file_goes_offline_and_the_log_had_the_intention_first(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    assert case.state is CaseState.OFFLINE
    assert case.closed_at == services.now
    assert [measure.state for measure in case.measures] == [MeasureState.DONE]
    assert services.events() == ["measure.intended", "measure.done"]
    assert not (services.tree / "anna/a.jpg").exists()
    assert services.store.get(case.id) == case


def test_the_same_upload_again_is_the_same_case(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    assert services.receive(upload) == services.receive(upload)
    assert services.events() == ["measure.intended", "measure.done"]


def test_a_clear_file_is_no_case(services: Services) -> None:
    verdict = Verdict(VerdictKind.CLEAR)
    assert services.desk().open(services.upload("anna/a.jpg"), made_up("x").digests, verdict) is None
    assert services.events() == []


def test_in_mode_observe_nothing_is_touched(services: Services) -> None:
    services.rules = HouseRules(enforce=False, storm_customers=3, measures_per_hour=100)
    before = services.upload("anna/a.jpg")
    case = services.receive(before)
    assert (case.state, case.reason) == (CaseState.OBSERVED, "would be taken offline")
    assert services.seen("anna/a.jpg") == before


def test_a_storm_is_held_and_every_file_stays_as_it_is(services: Services) -> None:
    """Row 22: the same content at many customers."""
    uploads = [services.upload(f"{name}/logo.jpg") for name in ("anna", "bob", "cleo", "dora")]
    states = [services.receive(upload).state for upload in uploads]
    assert states == [CaseState.OFFLINE, CaseState.OFFLINE, CaseState.HELD, CaseState.HELD]
    assert services.seen("cleo/logo.jpg") == uploads[2]
    assert services.seen("dora/logo.jpg") == uploads[3]
    ids = [case.id for case in services.store.find(CaseQuery())]
    for case_id in ids:
        assert services.desk().restore(case_id, EVE).state is CaseState.RESTORED
    assert sorted(path.read_text() for path in services.tree.glob("[!.]*/*")) == ["known"] * 4


def test_over_the_cap_of_an_hour_a_person_decides(services: Services) -> None:
    services.rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=2)
    cases = [services.receive(services.upload(f"anna/{n}.jpg", f"{n}"), f"{n}") for n in range(3)]
    assert [case.state for case in cases] == [CaseState.OFFLINE, CaseState.OFFLINE, CaseState.HELD]
    services.now += timedelta(hours=1, seconds=1)
    assert (
        services.receive(services.upload("anna/later.jpg", "later"), "later").state is CaseState.HELD
    )  # until released


def test_a_person_confirms_what_was_held(services: Services) -> None:
    near = Verdict(VerdictKind.NEAR, (Match("police", "pdq", distance=9),))
    held = services.receive(services.upload("anna/a.jpg"), verdict=near)
    assert held.state is CaseState.HELD
    case = services.desk().confirm(held.id, EVE)
    assert (case.state, case.actor) == (CaseState.OFFLINE, "eve")
    assert services.events() == ["case.opened", "case.confirmed", "measure.intended", "measure.done"]


def test_what_a_person_overruled_is_not_taken_again(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    services.desk().restore(case.id, EVE)
    assert services.desk().open(services.upload("anna/b.jpg"), made_up("known").digests, KNOWN) is None
    assert services.events()[-1] == "match.overruled"
    assert (services.tree / "anna/b.jpg").exists()


NEAR = Verdict(VerdictKind.NEAR, (Match("police", FingerprintKind.PDQ, Category.ILLEGAL, 9),))
OTHER = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1, Category.OTHER),))
ILLEGAL = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1, Category.ILLEGAL),))
HARMLESS = Exemption("wordpress", Algorithm.SHA256, made_up("known").digests)


@pytest.mark.parametrize(("first", "state"), [(NEAR, CaseState.HELD), (OTHER, CaseState.OBSERVED)])
def test_what_waited_goes_offline_when_a_source_knows_it_by_now(
    services: Services, first: Verdict, state: CaseState
) -> None:
    upload = services.upload("anna/a.jpg")
    before = services.receive(upload, verdict=first)
    assert before.state is state
    case = services.receive(upload, verdict=ILLEGAL)
    assert (case.id, case.state, case.reason) == (before.id, CaseState.OFFLINE, "known to police")
    assert case.matches == (*ILLEGAL.matches, *first.matches)
    assert services.store.get(case.id) == case
    assert services.events() == ["case.opened", "case.escalated", "measure.intended", "measure.done"]
    assert services.receive(upload, verdict=ILLEGAL) == case


def test_what_waited_counts_in_the_hour_in_which_it_goes_offline(services: Services) -> None:
    services.rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=1)
    uploads = [services.upload(f"anna/{name}.jpg", name) for name in "ab"]
    for upload, name in zip(uploads, "ab", strict=True):
        services.receive(upload, name, NEAR)
    services.now += timedelta(days=2)
    states = [services.receive(upload, name, ILLEGAL).state for upload, name in zip(uploads, "ab", strict=True)]
    assert states == [CaseState.OFFLINE, CaseState.HELD]


@pytest.mark.parametrize("word", ["confirm", "restore", ""])
def test_a_person_said_so_or_nothing_new_is_known(services: Services, word: str) -> None:
    upload = services.upload("anna/a.jpg")
    case = services.receive(upload, verdict=NEAR)
    if word:
        case = getattr(services.desk(), word)(case.id, EVE)
    assert services.receive(upload, verdict=ILLEGAL if word else NEAR) == case


def test_a_removed_exemption_lets_nothing_go_that_is_held(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    exempt = Verdict(VerdictKind.EXEMPT, (replace(ILLEGAL.matches[0], exemption=HARMLESS),))
    case = services.receive(upload, verdict=exempt)
    assert case.state is CaseState.HELD
    assert services.receive(upload, verdict=ILLEGAL) == case


def test_what_was_near_and_is_exempt_by_now_stays_where_it_is(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    services.receive(upload, verdict=NEAR)
    case = services.receive(
        upload, verdict=Verdict(VerdictKind.EXEMPT, (replace(KNOWN.matches[0], exemption=HARMLESS),))
    )
    assert (case.state, case.reason) == (CaseState.HELD, "exempt (wordpress), and yet known to police")


def test_a_restore_is_exact_and_told(services: Services) -> None:
    services.upload("anna/a.jpg")
    (services.tree / "anna/a.jpg").chmod(0o640)
    before = (services.tree / "anna/a.jpg").stat()
    case = services.receive(services.seen("anna/a.jpg"))
    restored = services.desk().restore(case.id, EVE)
    after = (services.tree / "anna/a.jpg").stat()
    assert (restored.state, restored.actor, restored.reason) == (CaseState.RESTORED, "eve", "a holiday picture")
    assert restored.measures[0].state is MeasureState.UNDONE
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (before.st_mode, before.st_mtime_ns, before.st_ino)
    assert services.events()[2:] == ["restore.intended", "restore.done"]


def test_a_refused_restore_leaves_the_case_offline_and_says_why(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    services.upload("anna/a.jpg", "the customer's new one")
    with pytest.raises(RefusedError):
        services.desk().restore(case.id, EVE)
    after = services.store.get(case.id)
    assert after.state is CaseState.OFFLINE
    assert "nothing is overwritten" in after.reason
    (services.tree / "anna/a.jpg").unlink()
    assert services.desk().restore(case.id, EVE).state is CaseState.RESTORED


@pytest.mark.parametrize("verb", ["restore", "cancel"])
def test_an_order_needs_something_to_do(services: Services, verb: str) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    services.desk().restore(case.id, EVE)
    with pytest.raises(RefusedError, match=r"there is (nothing|no measure) to"):
        getattr(services.desk(), verb)(case.id, EVE)


def test_what_is_offline_needs_no_confirmation(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    with pytest.raises(RefusedError, match="nothing to confirm"):
        services.desk().confirm(case.id, EVE)


def test_a_mistaken_restore_is_taken_back(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    services.desk().restore(case.id, EVE)
    again = services.desk().confirm(case.id, Order("eve", "it was no holiday picture"))
    assert (again.state, again.reason) == (CaseState.OFFLINE, "it was no holiday picture")
    assert not (services.tree / "anna/a.jpg").exists()
    assert services.receive(services.upload("anna/b.jpg")).state is CaseState.OFFLINE  # and nothing is overruled
    assert services.desk().restore(case.id, EVE).state is CaseState.RESTORED


def test_in_mode_observe_nobodys_word_takes_a_file(services: Services) -> None:
    services.rules = replace(services.rules, enforce=False)
    case = services.receive(services.upload("anna/a.jpg"))
    with pytest.raises(RefusedError, match="observe"):
        services.desk().confirm(case.id, EVE)
    assert services.store.get(case.id) == case
    assert (services.tree / "anna/a.jpg").exists()
    services.rules = replace(services.rules, enforce=True)
    assert services.desk().confirm(case.id, EVE).state is CaseState.OFFLINE


def test_a_file_that_went_meanwhile_is_gone(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    (services.tree / "anna/a.jpg").unlink()
    case = services.receive(upload)
    assert (case.state, case.measures[0].state) == (CaseState.GONE, MeasureState.REFUSED)
    assert services.events() == ["measure.intended", "measure.refused"]


def test_what_comes_back_as_it_was_is_taken_then(services: Services) -> None:
    """A directory renamed away at the right moment and back: the file's state is the one of the case that ended."""
    upload = services.upload("anna/a.jpg")
    (services.tree / "anna").rename(services.tree / "away")
    assert services.receive(upload).state is CaseState.GONE
    (services.tree / "away").rename(services.tree / "anna")
    case = services.receive(services.seen("anna/a.jpg"))
    assert case.state is CaseState.OFFLINE
    assert [c.id for c in services.store.find(CaseQuery())] == [case.id]
    assert services.events()[2:] == ["case.reopened", "measure.intended", "measure.done"]


def test_what_comes_back_into_a_storm_is_held(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    (services.tree / "anna").rename(services.tree / "away")
    services.receive(upload)
    (services.tree / "away").rename(services.tree / "anna")
    for name in ("bob", "cleo"):
        services.receive(services.upload(f"{name}/a.jpg"))
    assert services.receive(services.seen("anna/a.jpg")).state is CaseState.HELD
    assert (services.tree / "anna/a.jpg").exists()


def test_without_a_log_nothing_is_done(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    services.audit = FileAuditLog(services.folder / "not-there" / "audit.log")
    with pytest.raises(AuditError):
        services.receive(upload)
    assert services.seen("anna/a.jpg") == upload
    services.audit = FileAuditLog(services.folder / "audit.log")
    assert services.receive(upload).state is CaseState.OFFLINE


@pytest.mark.skipif(os.geteuid() != 0, reason="root, to own what is not the customer's")
def test_a_measure_that_fails_is_told_once_and_tried_again(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    blocking = [services.tree / os.fsdecode(name) for name in OWN_DIRECTORIES]
    for path in blocking:
        path.mkdir(mode=0o700)
        os.chown(path, 61001, 61001)
    case = services.receive(upload)
    assert case.state is CaseState.FAILED
    assert "belong to somebody else" in case.reason
    assert services.desk().recover() == []
    assert services.desk().recover() == []
    assert services.events() == ["measure.intended", "measure.failed"]
    blocking[0].rmdir()
    (after,) = services.desk().recover()
    assert (after.id, after.state) == (case.id, CaseState.OFFLINE)


class Crash(BaseException):
    """The end of a process, as far as the desk is concerned."""


class TestAfterACrash:
    """Row 21: between every two steps of the desk; the steps of the quarantine itself are in tests/unit/evidence."""

    @pytest.mark.parametrize("step", range(1, 8))
    def test_a_measure_is_finished(self, services: Services, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        upload = services.upload("anna/a.jpg")
        with monkeypatch.context() as patch:
            self._crash_at(patch, step)
            with suppress(Crash):
                services.receive(upload)
        services.desk().recover()
        case = services.receive(upload)
        assert case.state is CaseState.OFFLINE
        assert [c.id for c in services.store.find(CaseQuery())] == [case.id]
        assert "measure.intended" in services.events()
        ends = [event for event in services.events() if event in {"measure.done", "measure.found-done"}]
        assert ends in (["measure.done"], ["measure.found-done"], ["measure.done", "measure.found-done"])
        assert not (services.tree / "anna/a.jpg").exists()

    @pytest.mark.parametrize("step", range(1, 8))
    def test_a_restore_is_finished(self, services: Services, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        upload = services.upload("anna/a.jpg")
        case = services.receive(upload)
        with monkeypatch.context() as patch:
            self._crash_at(patch, step)
            with suppress(Crash):
                services.desk().restore(case.id, EVE)
        services.desk().recover()
        after = services.store.get(case.id)
        if after.state is CaseState.OFFLINE:  # it had not begun
            after = services.desk().restore(case.id, EVE)
        assert after.state is CaseState.RESTORED
        assert (services.tree / "anna/a.jpg").read_text() == "known"
        assert stat.S_IMODE((services.tree / "anna/a.jpg").stat().st_mode) != 0
        ends = [event for event in services.events() if event in {"restore.done", "restore.found-done"}]
        assert ends in (["restore.done"], ["restore.found-done"], ["restore.done", "restore.found-done"])

    @staticmethod
    def _crash_at(patch: pytest.MonkeyPatch, step: int) -> None:
        """Before the step-th of the calls that change something outside the process."""
        count = 0

        def counted(owner: type, name: str) -> None:
            original = getattr(owner, name)

            def call(*arguments: object, **named: object) -> object:
                nonlocal count
                count += 1
                if count == step:
                    raise Crash
                return original(*arguments, **named)

            patch.setattr(owner, name, call)

        for owner, name in (
            (SqliteCaseStore, "add"),
            (SqliteCaseStore, "replace"),
            (FileAuditLog, "append_all"),
            (LocalQuarantine, "take_offline"),
            (LocalQuarantine, "recover"),
            (LocalQuarantine, "put_back"),
        ):
            counted(owner, name)


def test_a_disk_that_is_not_mounted_leaves_the_case_as_it_is(services: Services, disk: Callable[..., Path]) -> None:
    below = services.tree / "anna"
    disk("tmpfs", at=below)
    case = services.receive(services.upload("anna/a.jpg"))
    aside = services.folder / "aside"
    aside.mkdir()
    subprocess.run(["mount", "--move", below, aside], check=True)
    with pytest.raises(QuarantineError, match="not there"):
        services.desk().restore(case.id, EVE)
    assert services.store.get(case.id).state is CaseState.OFFLINE
    subprocess.run(["mount", "--move", aside, below], check=True)
    assert services.desk().restore(case.id, EVE).state is CaseState.RESTORED
    assert (below / "a.jpg").read_text() == "known"


class TestTheLogComesFirst:
    """A crash between log and record: the record never acts on what the log does not know."""

    @pytest.mark.parametrize("step", [1, 2])
    def test_who_confirmed_is_in_the_log_before_anything_is_done(
        self, services: Services, monkeypatch: pytest.MonkeyPatch, step: int
    ) -> None:
        held = services.receive(services.upload("anna/a.jpg"), verdict=NEAR)
        with monkeypatch.context() as patch:
            TestAfterACrash._crash_at(patch, step)  # 1: before the record changes; 2: before the log has it
            with suppress(Crash):
                services.desk().confirm(held.id, EVE)
        services.desk().recover()
        if not (services.tree / "anna/a.jpg").exists():
            assert "case.confirmed" in services.events()
        assert services.desk().confirm(held.id, EVE).state is CaseState.OFFLINE
        events = services.events()
        assert events.index("case.confirmed") < events.index("measure.intended")

    def test_a_case_that_waits_is_in_the_log_before_it_is_in_the_record(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = services.upload("anna/a.jpg")
        with monkeypatch.context() as patch:
            patch.setattr(FileAuditLog, "append_all", _crashing)
            with pytest.raises(Crash):
                services.receive(upload, verdict=NEAR)
        assert services.store.find(CaseQuery()) == []
        services.receive(upload, verdict=NEAR)
        (case,) = services.store.find(CaseQuery())
        assert [e.event.data["case"] for e in services.audit.entries()] == [case.id]

    def test_what_cannot_be_told_to_the_log_is_not_recorded(self, services: Services) -> None:
        held = services.receive(services.upload("anna/a.jpg"), verdict=NEAR)
        whole, services.audit = services.audit, FileAuditLog(services.folder / "not-there" / "audit.log")
        with pytest.raises(AuditError):
            services.desk().confirm(held.id, EVE)
        assert services.store.get(held.id) == held
        services.audit = whole
        services.desk().recover()
        assert (services.tree / "anna/a.jpg").exists()


def _crashing(*_: object) -> None:
    raise Crash


def test_a_case_that_recovery_ends_is_told(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other sizes of the picture are looked for then, as after any other measure."""
    with monkeypatch.context() as patch:
        patch.setattr(LocalQuarantine, "take_offline", _crashing)
        with pytest.raises(Crash):
            services.receive(services.upload("anna/a.jpg"))
    told: list[Case] = []
    recovered = replace(services.desk(), concluded=told.append).recover()
    assert told == recovered
    assert [case.state for case in told] == [CaseState.OFFLINE]
