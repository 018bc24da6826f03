"""What lies in quarantine is destroyed when its restore window is over, never earlier, and only with a whole copy."""

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.destruction import DestructionRules, NoSealedCopies, QuarantineDestruction
from goodhoster.errors import AuditError, QuarantineError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.evidence.quarantine.survey import quarantined
from goodhoster.evidence.sealing.custody import PersonalOrder
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import CaseState, MeasureState, Order
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.sealed_evidence import Person, TwoPersonAction
from goodhoster.model.uploads import Upload
from goodhoster.ports import CaseQuery
from goodhoster.reports.outcomes import ComparedRecords, compare, trails_of
from tests.full_log import LogFullAt
from tests.unit.evidence.sealing.conftest import DAY, Sealing, sealing

__all__ = ["sealing"]
WINDOW = 30 * DAY
ANNE, BEN = (PersonalOrder(Person(name, uid), "the court orders it") for name, uid in (("anne", 1), ("ben", 2)))


def desk_of(sealing: Sealing) -> CaseDesk:
    quarantine = LocalQuarantine((os.fsencode(sealing.services.tree),), destroy_after=0.0)
    return replace(sealing.services.desk(), quarantine=quarantine)


def destruction(
    sealing: Sealing, desk: CaseDesk | None = None, forbids: str = "", *, without_copy: bool = False
) -> QuarantineDestruction:
    rules = DestructionRules(WINDOW, without_copy=without_copy)
    return QuarantineDestruction(
        desk or desk_of(sealing), rules, sealing.custody(), lambda _: forbids, sealing.services.clock
    )


def in_quarantine(sealing: Sealing) -> list[str]:
    return sorted(quarantined(os.fsencode(sealing.services.tree)))


def whole(sealing: Sealing) -> bool:
    """Whether record, log and quarantine agree."""
    services = sealing.services
    cases = services.store.get_all(services.store.ids(CaseQuery()))
    evidence = ComparedRecords(trails_of(services.audit.entries()), cases, in_quarantine(sealing))
    return not compare(evidence, services.now).findings


def test_it_goes_after_the_window_with_a_whole_copy_and_is_in_the_log_before_and_after(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.services.now += WINDOW - timedelta(minutes=1)
    assert destruction(sealing).run_once().destroyed == []
    assert in_quarantine(sealing) == [name]
    sealing.services.now += timedelta(minutes=2)
    assert destruction(sealing).run_once().destroyed == [name]
    assert in_quarantine(sealing) == []
    case = sealing.services.store.get(name)
    assert (case.state, case.measures[0].state) == (CaseState.OFFLINE, MeasureState.DESTROYED)
    assert case.measures[0].detail.startswith("destroyed on ")
    assert sealing.services.events()[-2:] == ["measure.destroying", "measure.destroyed"]
    assert destruction(sealing).run_once().destroyed == []
    assert whole(sealing)
    assert sealing.store.ciphertext(name).exists()


def test_what_is_destroyed_is_not_restored_and_says_so(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.services.now += 2 * WINDOW
    desk = desk_of(sealing)
    destruction(sealing, desk).run_once()
    with pytest.raises(RefusedError, match="its file was destroyed on ") as refused:
        desk.restore(name, Order("eve", "a mistake"))
    assert "evidence list" in refused.value.hint
    assert desk.store.get(name).state is CaseState.OFFLINE
    assert whole(sealing)


def test_without_a_sealed_copy_it_stays_unless_the_house_says_otherwise(sealing: Sealing) -> None:
    name = sealing.taken().id
    sealing.services.now += 2 * WINDOW
    result = destruction(sealing).run_once()
    assert (result.destroyed, list(result.unsealed)) == ([], [name])
    assert in_quarantine(sealing) == [name]
    without = replace(destruction(sealing), copies=NoSealedCopies())
    assert list(without.run_once().unsealed) == [name]
    assert replace(without, rules=DestructionRules(WINDOW, without_copy=True)).run_once().destroyed == [name]


def test_a_copy_that_is_not_as_it_was_written_is_none(sealing: Sealing) -> None:
    name = sealing.sealed().id
    file = sealing.store.ciphertext(name)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    sealing.services.now += 2 * WINDOW
    assert "not as it was written" in destruction(sealing).run_once().unsealed[name]
    file.unlink()
    assert "cannot be read" in destruction(sealing).run_once().failed[name]
    assert in_quarantine(sealing) == [name]


def test_a_legal_hold_stops_it_even_where_the_house_goes_without_copies(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    desk.hold(name, ANNE)
    sealing.services.now += 2 * WINDOW
    assert "a hold of anne" in destruction(sealing, without_copy=True).run_once().stayed[name]
    assert in_quarantine(sealing) == [name]
    desk.release(name, ANNE)
    assert destruction(sealing).run_once().destroyed == [name]


def test_a_hold_that_comes_at_the_last_moment_counts(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    copy = desk.copy(name)
    assert (copy.whole, copy.held) == (True, False)
    desk.hold(name, ANNE)
    with pytest.raises(RefusedError, match="a hold of anne"), desk.unless_held(name):
        pass


def test_an_appeal_or_an_order_stops_it(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.services.now += 2 * WINDOW
    assert destruction(sealing, forbids="appeal a1 is not decided").run_once().stayed == {
        name: "appeal a1 is not decided"
    }
    assert in_quarantine(sealing) == [name]


def test_where_two_persons_had_the_copy_destroyed_the_file_goes_too(sealing: Sealing) -> None:
    name, custody = sealing.sealed().id, sealing.custody()
    custody.ask(name, TwoPersonAction.DESTROY, ANNE)
    custody.destroy(name, BEN)
    sealing.services.now += 2 * WINDOW
    assert destruction(sealing).run_once().destroyed == [name]


def test_in_mode_observe_nothing_is_destroyed(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.services.now += 2 * WINDOW
    desk = desk_of(sealing)
    observing = replace(desk, rules=replace(desk.rules, enforce=False))
    assert destruction(sealing, observing).run_once().destroyed == []
    assert in_quarantine(sealing) == [name]


def test_the_mover_itself_keeps_what_has_not_lain_long_enough(sealing: Sealing) -> None:
    case = sealing.taken()
    trees = (os.fsencode(sealing.services.tree),)
    for after, why in ((None, "ever destroyed"), (60.0, "not lain")):
        with pytest.raises(RefusedError, match=why):
            LocalQuarantine(trees, after).destroy(case.id, case.upload)
    assert in_quarantine(sealing) == [case.id]


def test_a_file_with_a_name_elsewhere_is_not_called_destroyed(sealing: Sealing, tmp_path: Path) -> None:
    sealing.services.upload("anna/a.jpg", "known")
    os.link(sealing.services.tree / "anna/a.jpg", sealing.services.tree / "anna/b.jpg")
    case = sealing.services.receive(sealing.services.seen("anna/a.jpg"))
    assert sealing.seal() == []
    sealing.services.now += 2 * WINDOW
    assert "other names" in destruction(sealing).run_once().failed[case.id]
    assert in_quarantine(sealing) == [case.id]


@dataclass
class Crash:
    """Dies at the step of that number, before or after it was done."""

    at: int
    after: bool
    step: int = 0

    def __call__(self) -> bool:
        self.step += 1
        return self.step == self.at


@dataclass
class DyingAudit:
    inside: object
    crash: Crash

    def append(self, event: AuditEvent) -> AuditEntry:
        dies = self.crash()
        if dies and not self.crash.after:
            raise AuditError("crash")
        entry = self.inside.append(event)  # type: ignore[attr-defined]
        if dies:
            raise AuditError("crash")
        return entry

    def __getattr__(self, name: str) -> object:
        return getattr(self.inside, name)


@dataclass
class DyingQuarantine:
    inside: LocalQuarantine
    crash: Crash

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        return self.inside.recover(case_id, upload)

    def destroy(self, case_id: str, upload: Upload) -> None:
        dies = self.crash()
        if dies and not self.crash.after:
            raise QuarantineError("crash")
        self.inside.destroy(case_id, upload)
        if dies:
            raise QuarantineError("crash")


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
def test_after_a_crash_at_any_step_the_next_round_ends_it_once(sealing: Sealing, at: int, after: bool) -> None:  # noqa: FBT001
    name, crash = sealing.sealed().id, Crash(at, after)
    sealing.services.now += 2 * WINDOW
    desk = desk_of(sealing)
    dying = replace(
        desk,
        audit=DyingAudit(desk.audit, crash),  # type: ignore[arg-type]
        quarantine=DyingQuarantine(desk.quarantine, crash),  # type: ignore[arg-type]
    )
    assert list(destruction(sealing, dying).run_once().failed) == [name]
    assert desk.store.get(name).measures[0].state is MeasureState.DONE
    if in_quarantine(sealing):
        assert desk.store.get(name).destroyed == ""
    assert destruction(sealing).run_once().destroyed == [name]
    assert in_quarantine(sealing) == []
    assert sealing.services.events().count("measure.destroyed") == 1
    first = sealing.services.events().index("measure.destroying")
    assert first < sealing.services.events().index("measure.destroyed")
    assert whole(sealing)


def test_what_somebody_else_took_out_is_not_called_destroyed(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.services.now += 2 * WINDOW
    case = sealing.services.store.get(name)
    LocalQuarantine((os.fsencode(sealing.services.tree),), 0.0).destroy(name, case.upload)
    assert "nobody destroyed it through us" in destruction(sealing).run_once().failed[name]
    assert sealing.services.store.get(name).measures[0].state is MeasureState.DONE


def test_what_was_destroyed_and_cannot_be_recorded_is_not_called_there(
    sealing: Sealing, caplog: pytest.LogCaptureFixture
) -> None:
    name = sealing.sealed().id
    sealing.services.now += 2 * WINDOW
    log = sealing.services.audit = LogFullAt(sealing.folder.parent / "audit.log", "measure.destroyed")
    failed = destruction(sealing).run_once().failed
    assert f"{name} is destroyed, but that cannot be recorded: " in failed[name]
    assert "is not destroyed" not in caplog.text
    assert in_quarantine(sealing) == []
    log.room = True
    assert destruction(sealing).run_once().destroyed == [name]
    assert whole(sealing)
