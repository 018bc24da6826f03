"""What is said about a notice is true at the moment it is said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from goodhoster.errors import RefusedError
from goodhoster.letters import texts
from goodhoster.model.cases import CaseState
from goodhoster.model.notice_status import ItemState, NoticeState, Sight
from goodhoster.model.notices import NotifierCaps, TrustLevel
from goodhoster.ports import CaseQuery
from goodhoster.takedowns.manual_letters import ManualLetters
from goodhoster.takedowns.summary import page_text
from tests.unit.takedowns.test_desk import EVA, HEAD, HOTLINE, Services

NOT_HANDLED = ("was handled", "is afgehandeld")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.close()


def by_hand(services: Services) -> ManualLetters:
    parts = services.desk._parts
    return ManualLetters(parts.store, parts.audit, parts.letters, parts.lock)


def sent(services: Services) -> list[str]:
    """Subject and text of every letter to the notifier so far, without the receipts."""
    services.outbox.deliver(services.mailer)
    return [f"{letter.subject}\n{letter.text}" for letter in services.mailer.sent if letter.kind == "result"]


def test_while_something_is_open_no_answer_says_that_the_notice_was_handled(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"), "http://elsewhere.invalid/x.jpg")
    assert notice.state is NoticeState.NEEDS_PERSON
    assert by_hand(services).answer(notice.id)
    (letter,) = sent(services)
    assert not any(words in letter for words in NOT_HANDLED)
    assert "not settled yet" in letter.splitlines()[0]


def test_an_answer_before_the_end_is_followed_by_the_one_at_the_end(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"))
    assert by_hand(services).answer(notice.id)
    assert not by_hand(services).answer(notice.id), "the same is not sent again"
    services.desk.confirm(notice.id, EVA)
    services.later(minutes=10)
    interim, final = sent(services)
    assert "not settled yet" in interim
    assert "was handled" in final
    assert "Taken offline" in final
    assert not by_hand(services).answer(notice.id)


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("state", list(ItemState))
def test_only_a_notice_that_is_done_was_handled(
    services: Services, state: ItemState, language: Literal["nl", "en"]
) -> None:
    notice = services.scart("http://elsewhere.invalid/x.jpg")
    assert notice.read
    notice = replace(notice, read=replace(notice.read, language=language))
    items = tuple(replace(item, state=state) for item in notice.items)
    for now in (NoticeState.OPEN, NoticeState.NEEDS_PERSON, NoticeState.DONE):
        letter = texts.result(replace(notice, state=now, items=items), HEAD)
        handled = any(words in letter.subject for words in NOT_HANDLED)
        assert handled is (now is NoticeState.DONE and state.settled)


def test_what_was_not_seen_to_be_gone_yet_is_not_said_to_be(services: Services) -> None:
    services.outside.sights["http://anna.example/p.jpg"] = Sight.THERE
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.states(notice) == [ItemState.OFFLINE]
    assert "not seen from outside yet" in texts.result(notice, HEAD).text


def test_a_test_notice_is_not_said_to_be_handled_or_looked_at(services: Services) -> None:
    notice = services.scart(services.file("anna/p.jpg"))
    assert notice.read
    letter = texts.result(replace(notice, read=replace(notice.read, trial=True), items=()), HEAD)
    assert "was handled" not in letter.subject
    assert "decided automatically" not in letter.text


def test_a_notice_in_which_no_address_was_found_is_answered_with_what_is_needed(services: Services) -> None:
    notice = services.mail("It is all over your servers, take it away.")
    assert notice.items == ()
    (receipt,) = [letter for letter in _letters(services) if letter.startswith("receipt")]
    assert "0 addresses" not in receipt
    assert "exact address" in receipt
    assert "exact address" in texts.result(notice, HEAD).text


def _letters(services: Services) -> list[str]:
    services.outbox.deliver(services.mailer)
    return [f"{letter.kind} {letter.text}" for letter in services.mailer.sent]


def test_what_a_person_had_blocked_is_not_said_to_be_automatic(services: Services) -> None:
    services.desk._notifiers["hotline"] = replace(HOTLINE, automatic=False)
    notice = services.scart("http://anna.example/app/1")
    assert services.states(notice) == [ItemState.HELD]
    services.desk.confirm(notice.id, EVA)
    services.later(minutes=10)
    assert "decided automatically" not in sent(services)[0]
    (statement,) = [letter for letter in _letters(services) if letter.startswith("statement")]
    assert "a member of our staff decided on the measure." in " ".join(statement.split())


def test_what_was_blocked_by_itself_for_an_authority_is_not_said_to_be_a_persons(services: Services) -> None:
    services.level = TrustLevel.AUTHORITY
    services.desk._notifiers[""] = HOTLINE
    services.scart("http://anna.example/app/1")
    (statement,) = [letter for letter in _letters(services) if letter.startswith("statement")]
    assert "the order was carried out automatically." in " ".join(statement.split())


def test_in_observe_nothing_goes_to_notifiers_by_order_of_a_person_either(tmp_path: Path) -> None:
    services = Services(tmp_path, "observe")
    notice = services.scart(services.file("anna/p.jpg"))
    services.level = TrustLevel.UNAUTHENTICATED
    strange = services.scart(services.file("bert/p.jpg"), number=2)
    with pytest.raises(RefusedError, match="observe"):
        by_hand(services).answer(notice.id)
    with pytest.raises(RefusedError, match="observe"):
        by_hand(services).forward(strange.id, "desk@hotline.example", "eva")
    services.later(hours=25)
    assert services.letters() == []
    assert all("nothing was touched" in text for _, text in services.pager.pages)
    assert any(strange.id in text for _, text in services.pager.pages)
    services.close()


def test_a_page_about_something_that_was_touched_before_does_not_say_that_nothing_was(services: Services) -> None:
    notice = services.scart(services.file("anna/p.jpg"), services.file("bert/p.jpg"))
    items = (notice.items[0], replace(notice.items[1], state=ItemState.OBSERVED))
    text = page_text(replace(notice, items=items), observing=True)
    assert "nothing was touched" not in text
    assert "1 observed" in text


def test_what_only_a_notice_named_is_not_said_to_be_near(services: Services) -> None:
    services.scart(services.file("anna/p.jpg"))
    (case,) = services.cases.find(CaseQuery())
    assert (case.state, case.matches) == (CaseState.OFFLINE, ())
    assert case.verdict is None


def test_several_notifiers_of_one_address_are_one_measure_and_an_answer_each(services: Services) -> None:
    url = services.file("anna/p.jpg")
    services.desk._notifiers["other"] = replace(HOTLINE, id="other")
    first = services.scart(url)
    services.notifier = "other"
    second = services.scart(url, number=2)
    services.later(minutes=10)
    assert services.states(first) == services.states(second) == [ItemState.INACCESSIBLE]
    (case,) = services.cases.find(CaseQuery())
    assert (len(case.measures), case.notice) == (1, first.id)
    assert services.store.get(second.id).duplicate_of == ""
    assert ["Taken offline" in letter for letter in sent(services)] == [True, True]
    assert sum(letter.startswith("statement") for letter in _letters(services)) == 1


def _statements(services: Services) -> list[str]:
    return [letter for letter in _letters(services) if letter.startswith("statement")]


def test_a_customer_is_told_of_what_goes_offline_later_too(services: Services) -> None:
    """The first letter was written when a part of the notice still waited for a person."""
    services.sizes = {}
    services.desk._notifiers["hotline"] = replace(HOTLINE, caps=NotifierCaps(1, 1))
    notice = services.scart(services.file("anna/p.jpg"), services.file("anna/q.jpg"))
    assert sorted(services.states(notice)) == [ItemState.HELD, ItemState.OFFLINE]
    services.later(minutes=10)
    (first,) = _statements(services)
    services.desk.confirm(notice.id, EVA)
    services.later(minutes=10)
    assert len(_statements(services)) == 2
    second = _statements(services)[1]
    assert ("anna/p.jpg" in first) is not ("anna/q.jpg" in first)
    assert ("anna/p.jpg" in second) is ("anna/q.jpg" in first)
    services.later(hours=25)
    assert len(_statements(services)) == 2
    assert {"statement:anna", "statement-2:anna"} <= set(services.store.get(notice.id).sent)


def test_a_case_that_is_confirmed_after_its_notice_was_dismissed_is_told_of(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
    (case_id,) = services.store.get(notice.id).items[0].cases
    services.later(minutes=1)
    services.case_desk.confirm(case_id, EVA)
    services.desk.reconsider(notice.id)
    services.later(minutes=10)
    assert services.states(notice) == [ItemState.INACCESSIBLE]
    assert len(_statements(services)) == 1


def test_a_notice_without_an_address_cannot_be_confirmed(services: Services) -> None:
    """It would be called done with nothing done."""
    notice = services.mail("It is all over your servers, take it away.")
    with pytest.raises(RefusedError, match="nothing to act on"):
        services.desk.confirm(notice.id, EVA)
    assert services.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
