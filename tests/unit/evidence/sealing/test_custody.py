"""What cannot be taken back needs two persons, no hold, and is in the log before it is done."""

import json
from pathlib import Path

import pytest

from goodhoster.errors import EvidenceError, RefusedError, UnrecordedError
from goodhoster.evidence.sealing.custody import GRACE, PersonalOrder
from goodhoster.model.sealed_evidence import REQUEST_VALID, EvidenceState, Person, TwoPersonAction
from tests.full_log import LogFullAt
from tests.unit.evidence.sealing.conftest import DAY, Sealing

ANNE = PersonalOrder(Person("anne", 2001), "ordered by the court")
BEN = PersonalOrder(Person("ben", 2002), "I have seen the order")
ANNE_UNDER_ANOTHER_NAME = PersonalOrder(Person("anne-admin", 2001), "me again")
DESTROY, EXPORT = TwoPersonAction.DESTROY, TwoPersonAction.EXPORT


def test_one_person_destroys_nothing(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.destroy(name, ANNE)
    desk.ask(name, DESTROY, ANNE)
    for same in (ANNE, ANNE_UNDER_ANOTHER_NAME):
        with pytest.raises(RefusedError, match="another person must confirm"):
            desk.destroy(name, same)
    with pytest.raises(RefusedError, match="asked for that already"):
        desk.ask(name, DESTROY, BEN)
    assert sealing.store.ciphertext(name).exists()
    assert desk.destroy(name, BEN).state is EvidenceState.DESTROYED
    assert not sealing.store.ciphertext(name).exists()
    expected = ["evidence.destroy-asked", "evidence.destroying", "evidence.destroyed"]
    assert sealing.events()[2:] == expected
    asked, _, destroyed = [entry.event.data for entry in sealing.services.audit.entries()][-3:]
    assert (asked["actor"], destroyed["actor"]) == ("anne", "ben")
    assert destroyed["reason"] == "I have seen the order"


def test_what_is_destroyed_stays_so_and_is_not_sealed_again(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    desk.ask(name, DESTROY, ANNE)
    desk.destroy(name, BEN)
    assert sealing.seal() == []
    assert sealing.store.get(name).state is EvidenceState.DESTROYED
    with pytest.raises(RefusedError, match="is destroyed"):
        desk.destroy(name, BEN)
    with pytest.raises(RefusedError, match="is destroyed"):
        desk.hold(name, ANNE)
    with pytest.raises(RefusedError, match="is destroyed"):
        desk.ask(name, EXPORT, ANNE)


def test_a_request_for_one_thing_is_none_for_another_and_ends(sealing: Sealing, tmp_path: Path) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    desk.ask(name, EXPORT, ANNE)
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.destroy(name, BEN)
    sealing.services.now += REQUEST_VALID
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.export(name, tmp_path / "export", BEN)
    desk.ask(name, EXPORT, BEN)
    assert desk.export(name, tmp_path / "export", ANNE).custody.requests == ()


def test_a_hold_forbids_destruction_also_when_it_comes_between(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    desk.ask(name, DESTROY, ANNE)
    desk.hold(name, PersonalOrder(Person("carla", 2003), "police asked"))
    with pytest.raises(RefusedError, match=r"a hold of carla since .* forbids"):
        desk.destroy(name, BEN)
    assert sealing.store.get(name).state is EvidenceState.HELD
    desk.release(name, ANNE)
    with pytest.raises(RefusedError, match="no hold"):
        desk.release(name, ANNE)
    assert desk.destroy(name, BEN).state is EvidenceState.DESTROYED


@pytest.mark.debian("age")
def test_an_export_is_opened_with_debians_age(sealing: Sealing, tmp_path: Path) -> None:
    manifest, desk = sealing.sealed(text="known bytes"), sealing.custody()
    desk.ask(manifest.id, EXPORT, ANNE)
    desk.export(manifest.id, tmp_path / "export", BEN)
    assert sealing.opened(tmp_path / "export" / f"{manifest.id}.age", 1).stdout == b"known bytes"
    assert json.loads((tmp_path / "export" / f"{manifest.id}.json").read_text())["sha256"] == manifest.sha256
    assert sealing.events()[2:] == ["evidence.export-asked", "evidence.exporting", "evidence.exported"]
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.export(manifest.id, tmp_path / "second", BEN)


def test_an_altered_ciphertext_is_not_handed_out(sealing: Sealing, tmp_path: Path) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    with sealing.store.ciphertext(name).open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"x")
    desk.ask(name, EXPORT, ANNE)
    with pytest.raises(EvidenceError, match="not as it was sealed"):
        desk.export(name, tmp_path / "export", BEN)
    assert not (tmp_path / "export").exists()
    assert "evidence.exported" not in sealing.events()


def test_an_existing_directory_is_not_written_to(sealing: Sealing, tmp_path: Path) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    desk.ask(name, EXPORT, ANNE)
    with pytest.raises(RefusedError, match="exists already"):
        desk.export(name, tmp_path, BEN)


def test_retention_announces_then_destroys_and_a_hold_keeps(sealing: Sealing) -> None:
    """Row 23: retention over while a legal hold stands."""
    name, held = sealing.sealed().id, sealing.sealed("bob/b.jpg", "known too").id
    desk = sealing.custody()
    desk.hold(held, ANNE)
    sealing.services.now += 365 * DAY - DAY / 24
    assert desk.apply_retention().announced == []
    sealing.services.now += DAY / 12
    assert desk.apply_retention().announced == [name]
    assert sealing.store.get(name).state is EvidenceState.DUE
    sealing.services.now += GRACE - DAY / 24
    assert desk.apply_retention().destroyed == []
    sealing.services.now += DAY / 12
    assert desk.apply_retention().destroyed == [name]
    assert sealing.store.get(held).state is EvidenceState.HELD
    desk.release(held, ANNE)
    assert (desk.apply_retention().announced, desk.apply_retention().destroyed) == ([held], [])
    assert sealing.store.ciphertext(held).exists()


def test_a_hold_after_the_announcement_starts_it_anew(sealing: Sealing) -> None:
    name, desk = sealing.sealed().id, sealing.custody()
    sealing.services.now += 366 * DAY
    desk.apply_retention()
    desk.hold(name, ANNE)
    sealing.services.now += GRACE
    assert desk.apply_retention().destroyed == []
    desk.release(name, ANNE)
    assert desk.apply_retention().announced == [name]


def test_a_damaged_piece_stops_no_other(sealing: Sealing) -> None:
    damaged, name = sealing.sealed().id, sealing.sealed("bob/b.jpg", "known too").id
    (sealing.folder / f"{damaged}.custody").write_text("{")
    sealing.services.now += 366 * DAY
    result = sealing.custody().apply_retention()
    assert result.announced == [name]
    assert len(result.failed) == 1
    assert damaged in result.failed[0]


def test_a_ciphertext_that_somebody_removed_is_missing_and_not_destroyed(sealing: Sealing) -> None:
    name = sealing.sealed().id
    sealing.store.ciphertext(name).unlink()
    assert sealing.store.get(name).state is EvidenceState.MISSING


def test_recipients_change_by_two_persons_and_what_was_sealed_stays(sealing: Sealing) -> None:
    old, desk = sealing.sealed(), sealing.custody()
    sealing.recipients = sealing.names(1, 2)
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.change_recipients(sealing.recipients, ANNE)
    desk.ask_recipients(sealing.recipients, ANNE)
    with pytest.raises(RefusedError, match="another person must confirm"):
        desk.change_recipients(sealing.recipients, ANNE)
    with pytest.raises(RefusedError, match="nobody asked"):
        desk.change_recipients(sealing.names(0, 2), BEN)
    desk.change_recipients(sealing.recipients, BEN)
    assert set(sealing.sealed("bob/b.jpg", "known too").recipients) == set(sealing.names(1, 2))
    assert sealing.store.get(old.id).manifest.recipients == sealing.names(0, 1)
    assert not sealing.sealer().recipients_differ()


def test_what_was_destroyed_and_cannot_be_recorded_is_told_as_seen(sealing: Sealing) -> None:
    name = sealing.sealed().id
    log = sealing.services.audit = LogFullAt(sealing.folder.parent / "audit.log", "evidence.destroyed")
    sealing.custody().ask(name, DESTROY, ANNE)
    with pytest.raises(UnrecordedError, match=f"the ciphertext of evidence {name} is destroyed, but that cannot be"):
        sealing.custody().destroy(name, BEN)
    assert not sealing.store.ciphertext(name).exists()
    log.room = True
    assert sealing.custody().destroy(name, BEN).state is EvidenceState.DESTROYED
    assert sealing.events()[-1] == "evidence.destroyed"


def test_what_was_exported_and_cannot_be_recorded_is_told_as_seen(sealing: Sealing, tmp_path: Path) -> None:
    name = sealing.sealed().id
    log = sealing.services.audit = LogFullAt(sealing.folder.parent / "audit.log", "evidence.exported")
    sealing.custody().ask(name, EXPORT, ANNE)
    with pytest.raises(UnrecordedError, match=f"evidence {name} is copied whole to {tmp_path / 'first'}, but that"):
        sealing.custody().export(name, tmp_path / "first", BEN)
    assert len(list((tmp_path / "first").iterdir())) == 2
    log.room = True
    assert sealing.custody().export(name, tmp_path / "second", BEN).custody.requests == ()
