"""Two persons decide about one notice at once, or one of them is killed in the middle. Real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState
from goodhoster.model.cases import Order as Word
from goodhoster.model.notice_status import DecisionVerb, ItemState, Notice, NoticeState
from goodhoster.model.notices import TrustLevel
from goodhoster.ports import CaseQuery
from goodhoster.takedowns.desk import NoticeDesk
from tests.two_at_once import Order, at_once, killed, one_won
from tests.unit.takedowns.test_desk import Services

ANNA, BOB = Word("anna", "called the hotline back"), Word("bob", "it is a beach")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    services.level = TrustLevel.UNAUTHENTICATED
    yield services
    services.close()


def waiting(services: Services, *names: str) -> Notice:
    """A stranger's notice about files, for a person."""
    notice = services.mail(*(services.file(name) for name in names))
    assert notice.state is NoticeState.NEEDS_PERSON
    return notice


def decide(
    services: Services, decision: Callable[[NoticeDesk, str, Word], Notice], notice: Notice, word: Word
) -> Order:
    def order(ready: Callable[[], None]) -> object:
        other = Services(services.folder)
        other.level = TrustLevel.UNAUTHENTICATED
        ready()
        return decision(other.desk, notice.id, word).state

    return order


def logged(services: Services, kind: str) -> int:
    return sum(entry.event.kind == kind for entry in services.audit.entries())


@pytest.mark.parametrize("_", range(4))
def test_of_two_decisions_about_a_notice_one_wins(services: Services, _: int) -> None:
    notice = waiting(services, "anna/p.jpg", "bert/q.jpg")
    confirm = decide(services, NoticeDesk.confirm, notice, ANNA)
    won, told = one_won(at_once(confirm, decide(services, NoticeDesk.dismiss, notice, BOB)))
    now, first = services.store.get(notice.id), (ANNA, BOB)[won]
    assert now.decided
    assert (now.decided.actor, now.decided.done) == (first.actor, True)
    verb = ("confirmed", "dismissed")[won]
    assert f"{verb} by {first.actor} at 2026-03-02 12:00:00 UTC: {first.reason}" in told
    assert [(services.tree / name).exists() for name in ("anna/p.jpg", "bert/q.jpg")] == [won == 1] * 2
    assert (logged(services, "notice.confirmed"), logged(services, "notice.dismissed")) == (1 - won, won)


def test_two_who_confirm_are_not_both_told_that_they_did(services: Services) -> None:
    notice = waiting(services, "anna/p.jpg")
    won, told = one_won(at_once(*(decide(services, NoticeDesk.confirm, notice, word) for word in (ANNA, BOB))))
    assert f"confirmed by {(ANNA, BOB)[won].actor}" in told
    assert "goodhoster notices show" in told


def test_who_comes_later_is_told_that_nothing_waits_and_who_decided(services: Services) -> None:
    notice = waiting(services, "anna/p.jpg")
    services.desk.confirm(notice.id, ANNA)
    services.later(minutes=10)
    for decision in (services.desk.confirm, services.desk.dismiss):
        with pytest.raises(RefusedError, match=r"nothing .* waits for a person: it was confirmed by anna") as refused:
            decision(notice.id, BOB)
        assert "goodhoster cases restore" in refused.value.hint
    assert not (services.tree / "anna/p.jpg").exists()
    assert services.store.get(notice.id).items[0].state is ItemState.INACCESSIBLE


@pytest.mark.parametrize("where", [(CaseDesk, "confirm"), (SqliteNoticeStore, "replace")])
def test_before_it_is_on_record_a_decision_was_not_taken(services: Services, where: tuple[type, str]) -> None:
    """Killed when the record was to be written; or later, when it stands and goes on by itself."""
    notice = waiting(services, "anna/p.jpg", "bert/q.jpg")
    killed(decide(services, NoticeDesk.confirm, notice, ANNA), where)
    now = services.store.get(notice.id)
    if where[1] == "replace":
        assert now == notice
        assert services.desk.dismiss(notice.id, BOB).state is NoticeState.DONE
        assert (services.tree / "anna/p.jpg").exists()
        return
    assert now.decided
    assert (now.decided.verb, now.decided.actor, now.decided.done) == (DecisionVerb.CONFIRMED, "anna", False)
    with pytest.raises(RefusedError, match="it was confirmed by anna"):
        services.desk.dismiss(notice.id, BOB)
    assert not (services.tree / "anna/p.jpg").exists()
    assert not (services.tree / "bert/q.jpg").exists()


def test_a_decision_that_was_killed_is_gone_on_with_by_the_daemon(services: Services) -> None:
    notice = waiting(services, "anna/p.jpg", "bert/q.jpg")
    killed(decide(services, NoticeDesk.confirm, notice, ANNA), (CaseDesk, "confirm"))
    assert list(services.desk.due()) == [notice.id]
    services.desk.look_after(notice.id)
    assert not (services.tree / "anna/p.jpg").exists()
    assert not (services.tree / "bert/q.jpg").exists()
    offline = services.cases.find(CaseQuery(states=frozenset({CaseState.OFFLINE})))
    assert {case.actor for case in offline} == {"anna"}
    assert logged(services, "notice.confirmed") == 1
    decided = services.store.get(notice.id).decided
    assert decided
    assert decided.done


def test_what_fails_is_the_persons_again_and_not_tried_for_ever(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = waiting(services, "anna/p.jpg")

    def fails(*_: object) -> None:
        raise RefusedError("the quarantine refuses")

    with monkeypatch.context() as patch:
        patch.setattr(CaseDesk, "confirm", fails)
        with pytest.raises(RefusedError, match="the quarantine refuses"):
            services.desk.confirm(notice.id, ANNA)
    services.desk.look_after(notice.id)
    assert (services.tree / "anna/p.jpg").exists()
    services.desk.confirm(notice.id, BOB)
    assert not (services.tree / "anna/p.jpg").exists()
