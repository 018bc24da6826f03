"""Two persons order something about one piece of evidence at once, or one is killed in the middle. Real processes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.evidence.sealing.custody import CustodyDesk, PersonalOrder
from goodhoster.evidence.sealing.store import EvidenceStore
from goodhoster.model.sealed_evidence import EvidenceState, Person, SealedEvidence, TwoPersonAction
from tests.two_at_once import Order, at_once, killed, one_won
from tests.unit.evidence.sealing.conftest import Sealing

ANNE = PersonalOrder(Person("anne", 2001), "ordered by the court")
BEN = PersonalOrder(Person("ben", 2002), "I have seen the order")
CARL = PersonalOrder(Person("carl", 2003), "the police asked to keep it")
DESTROY, EXPORT = TwoPersonAction.DESTROY, TwoPersonAction.EXPORT


def order_of(sealing: Sealing, do: Callable[[CustodyDesk], SealedEvidence]) -> Order:
    def order(ready: Callable[[], None]) -> object:
        desk = CustodyDesk(EvidenceStore(sealing.store.directory), sealing.services.audit, sealing.services.clock)
        ready()
        return do(desk).state

    return order


@pytest.fixture
def name(sealing: Sealing) -> str:
    """A piece of evidence that anne asked to destroy."""
    name = sealing.sealed().id
    sealing.custody().ask(name, DESTROY, ANNE)
    return name


@pytest.mark.parametrize("_", range(4))
def test_a_hold_and_a_destruction_at_once_are_one_or_the_other(sealing: Sealing, name: str, _: int) -> None:
    hold = order_of(sealing, lambda desk: desk.hold(name, CARL))
    won, told = one_won(at_once(hold, order_of(sealing, lambda desk: desk.destroy(name, BEN))))
    there = sealing.store.ciphertext(name).exists()
    now = sealing.store.get(name)
    if won == 0:
        assert (now.state, there) == (EvidenceState.HELD, True)
        assert "a hold of carl since " in told
        assert CARL.reason in told
        assert "evidence.destroying" not in sealing.events()
    else:
        assert (now.state, there) == (EvidenceState.DESTROYED, False)
        assert f"evidence {name} is destroyed, by ben at " in told
        assert BEN.reason in told
        assert "evidence.held" not in sealing.events()


def test_two_who_release_are_told_who_did(sealing: Sealing, name: str) -> None:
    sealing.custody().hold(name, CARL)
    orders = [order_of(sealing, partial(_release, name, who)) for who in (ANNE, BEN)]
    won, told = one_won(at_once(*orders))
    first = (ANNE, BEN)[won]
    assert f"no hold is on evidence {name}: it was released by {first.person.name} at " in told
    assert first.reason in told
    assert sealing.store.get(name).state is EvidenceState.SEALED


def test_two_who_export_are_told_who_did(sealing: Sealing, name: str, tmp_path: Path) -> None:
    sealing.custody().ask(name, EXPORT, ANNE)
    orders = [order_of(sealing, partial(_export, name, tmp_path, who)) for who in (BEN, CARL)]
    won, told = one_won(at_once(*orders))
    assert f"nobody asked for that: it was exported by {(BEN, CARL)[won].person.name} at " in told


def test_a_destruction_that_was_killed_before_anything_was_gone_gives_way_to_a_hold(
    sealing: Sealing, name: str
) -> None:
    destroy = order_of(sealing, lambda desk: desk.destroy(name, BEN))
    killed(destroy, (EvidenceStore, "remove_ciphertext"))
    held = sealing.custody().hold(name, CARL)
    assert held.state is EvidenceState.HELD
    assert sealing.store.ciphertext(name).exists()
    with pytest.raises(RefusedError, match="a hold of carl"):
        sealing.custody().destroy(name, BEN)


def test_a_destruction_that_was_killed_when_it_was_gone_is_no_hold_any_more(sealing: Sealing, name: str) -> None:
    """A hold could be put on what was gone, and evidence that nobody can give stood as held."""
    destroy = order_of(sealing, lambda desk: desk.destroy(name, BEN))
    _killed_at_the_second_custody(destroy)
    assert not sealing.store.ciphertext(name).exists()
    with pytest.raises(RefusedError, match=f"evidence {name} is destroyed, by ben at .*: {BEN.reason}"):
        sealing.custody().hold(name, CARL)
    assert sealing.custody().destroy(name, BEN).state is EvidenceState.DESTROYED
    assert sealing.events()[-1] == "evidence.destroyed"


def test_a_round_of_retention_finishes_what_was_killed(sealing: Sealing, name: str) -> None:
    _killed_at_the_second_custody(order_of(sealing, lambda desk: desk.destroy(name, BEN)))
    assert sealing.store.get(name).state is EvidenceState.MISSING
    sealing.custody().apply_retention()
    assert sealing.store.get(name).state is EvidenceState.DESTROYED


def _release(name: str, who: PersonalOrder, desk: CustodyDesk) -> SealedEvidence:
    return desk.release(name, who)


def _export(name: str, folder: Path, who: PersonalOrder, desk: CustodyDesk) -> SealedEvidence:
    return desk.export(name, folder / who.person.name, who)


def _killed_at_the_second_custody(destroy: Order) -> None:
    """Kill a destruction between the ciphertext and its record: the first write says that it is ordered."""
    write = EvidenceStore.write_custody
    calls: list[int] = []

    def counted(ready: Callable[[], None]) -> object:
        die = EvidenceStore.write_custody

        def once(store: EvidenceStore, evidence_id: str, custody: object) -> None:
            calls.append(1)
            (write if len(calls) == 1 else die)(store, evidence_id, custody)  # type: ignore[arg-type]

        EvidenceStore.write_custody = once  # type: ignore[method-assign, assignment]
        return destroy(ready)

    killed(counted, (EvidenceStore, "write_custody"))
