"""Appeals come by reference or by hand, are decided by a person, and undo exactly what they are about."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.customers.standing.appeals import AppealDecision
from goodhoster.customers.standing.mistakes import accuracy
from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState, Measure, MeasureKind, MeasureState, Order
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState, Rung, StepState
from goodhoster.model.letters import LetterKind
from goodhoster.ports import CaseQuery
from goodhoster.testing.suites.case_store import a_case
from tests.standing_house import ANNA, House, customer


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, CustomerRules(enforce=True), [customer("bob"), customer("eve", language="en")])
    yield made
    made.close()


def told(house: House, name: str = "eve") -> str:
    """A case of that customer, of which it was told; the subject of the letter."""
    house.offline(name)
    house.letters.tell_of_cases(house.cases)
    house.deliver()
    return [letter.subject for letter in house.mailer.sent if letter.kind is LetterKind.OFFLINE][-1]


def by_mail(house: House, subject: str) -> Appeal:
    (appeal,) = house.appeals.by_reference(f"Re: {subject}", "it is a beach", AppealChannel.MAIL)
    return appeal


def test_a_mail_joins_by_the_reference_of_our_letter(house: House) -> None:
    appeal = by_mail(house, told(house))
    assert (appeal.customer, appeal.subject, appeal.late) == ("eve", "case:k1", False)
    assert by_mail(house, house.mailer.sent[-1].subject) == appeal
    assert len(house.store.appeals()) == 1


@pytest.mark.parametrize("state", [CaseState.GONE, CaseState.WITHDRAWN, CaseState.OBSERVED, CaseState.HELD])
def test_what_was_never_done_cannot_be_appealed(house: House, state: CaseState) -> None:
    told(house)
    case = house.cases.get("k1")
    house.cases.replace(replace(case, state=state), expected=case.state)
    with pytest.raises(RefusedError, match="nothing was done"):
        house.appeals.about("case:k1", "eve", "it is a beach")
    assert house.store.appeals() == []


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\u3164", "...!"], ids=ascii)
def test_an_objection_without_a_word_is_refused_and_keeps_room_for_a_real_one(house: House, text: str) -> None:
    told(house)
    with pytest.raises(RefusedError, match="without a word"):
        house.appeals.about("case:k1", "eve", text, AppealChannel.FORM)
    assert house.appeals.about("case:k1", "eve", "it is a beach", AppealChannel.FORM).state is AppealState.OPEN


@pytest.mark.parametrize("words", ["", "Re: your letter", "[GH-222222222222]", "GH-", "x" * 100_000])
def test_what_names_no_letter_of_ours_is_refused(house: House, words: str) -> None:
    told(house)
    with pytest.raises(RefusedError, match="no letter of ours"):
        house.appeals.by_reference(words, "", AppealChannel.FORM)


def test_upheld_restores_exactly_and_tells_the_owner_of_the_list(house: House) -> None:
    appeal = by_mail(house, told(house))
    house.desk.review("eve")
    decided = house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA, mistake=True))
    assert (decided.state, decided.restored, decided.trouble) == (AppealState.UPHELD, ("k1",), "")
    assert house.cases.get("k1").state is CaseState.RESTORED
    (report,) = house.reports.waiting()
    assert (report.kind, report.source) == ("mistake", "police")
    (found,) = accuracy(house.cases.find(CaseQuery()), house.store.appeals())
    assert (found.name, found.taken, found.overruled, found.mistakes) == ("police", 1, 1, 1)
    assert house.desk.view("eve").standing.level == 0
    house.deliver()
    assert any("You are right." in letter.text for letter in house.mailer.sent)


@pytest.mark.parametrize("state", [MeasureState.PROPOSED, MeasureState.INTENDED, MeasureState.REFUSED])
def test_a_held_case_that_a_person_closed_never_went_offline(state: MeasureState) -> None:
    held = replace(a_case("h1"), state=CaseState.RESTORED, measures=(Measure(MeasureKind.QUARANTINE, state),))
    assert accuracy([held], []) == []
    taken = replace(held, id="t1", measures=(Measure(MeasureKind.QUARANTINE, MeasureState.UNDONE),))
    found = {one.name: (one.taken, one.overruled) for one in accuracy([held, taken], [])}
    assert found["police"] == (1, 1)


def test_what_cannot_be_restored_yet_is_not_called_restored(house: House) -> None:
    appeal = by_mail(house, told(house))
    parts = house.appeals._parts
    object.__setattr__(parts, "restore", lambda ids, _: {ids[0]: "the disk does not answer"})
    decided = house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA))
    assert (decided.restored, decided.trouble) == ((), "the disk does not answer")
    object.__setattr__(parts, "restore", house.restore)
    (left,) = house.appeals.unfinished()
    assert house.appeals.finish(left).restored == ("k1",)
    assert not house.appeals.unfinished()


def test_only_a_person_with_a_reason_decides_and_only_once(house: House) -> None:
    appeal = by_mail(house, told(house))
    for order in (Order("", "by rule"), Order("anna", " ")):
        with pytest.raises(RefusedError, match="by a person"):
            house.appeals.decide(appeal.id, AppealDecision(AppealState.REJECTED, order))
    house.appeals.decide(appeal.id, AppealDecision(AppealState.REJECTED, ANNA))
    with pytest.raises(RefusedError, match=r"was decided by anna at .* as rejected: looked into it"):
        house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA))


def test_an_appeal_against_a_step_pauses_the_ladder_until_it_is_decided(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    warned = house.store.steps("bob")[0]
    appeal = house.appeals.about(f"step:{warned.id}", "bob", "not me")
    house.offline("bob")
    house.day("bob", 5)
    assert [step.rung for step in house.store.steps("bob")] == [Rung.WARN]
    house.appeals.decide(appeal.id, AppealDecision(AppealState.REJECTED, ANNA))
    house.day("bob", 3)
    assert [(step.rung, step.state) for step in house.store.steps("bob")][1] == (Rung.RESTRICT, StepState.IMPOSED)


def test_an_upheld_appeal_lifts_a_step(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    step = house.store.steps("bob")[0]
    appeal = house.appeals.about(f"step:{step.id}", "bob", "not me")
    decided = house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA))
    assert not decided.trouble
    assert house.store.step(step.id).state is StepState.LIFTED


def test_six_months_from_the_day_informed(house: House) -> None:
    subject = told(house)
    house.time.pass_(days=170)
    assert not by_mail(house, subject).late
    other = told(house, "bob")
    house.time.pass_(days=190)
    assert by_mail(house, other).late
    house.providers.no_contact.add("eve")
    case = house.offline("eve")
    house.letters.tell_of_cases(house.cases)
    house.time.pass_(days=900)
    assert not house.appeals.about(f"case:{case.id}", "eve", "nobody told me").late


def test_nobody_appeals_against_what_was_done_to_another(house: House) -> None:
    case = house.offline("bob")
    with pytest.raises(RefusedError, match="is not of customer eve"):
        house.appeals.about(f"case:{case.id}", "eve", "")
    with pytest.raises(RefusedError, match="names no measure"):
        house.appeals.about("storm:1", "eve", "")


def test_the_letter_about_files_has_every_field_of_article_17(house: House) -> None:
    told(house)
    text = " ".join(house.mailer.sent[-1].text.split())
    for words in (
        "the files are inaccessible everywhere, until further notice",  # (a)
        "eve/1.jpg",
        "We established this on our own initiative",  # (b)
        "detected automatically. The measure was decided on automatically, too.",  # (c)
        "Article 252 of the Criminal Code",  # (d)
        "our terms",  # (e)
        "Article 21",  # (f)
        "or to a court",
        "free of charge",
    ):
        assert words in text
    assert re.search(r"\[GH-[2-9a-z]{12}\]", house.mailer.sent[-1].subject)
    assert "police" not in text  # a source's name is nobody's business


def test_several_files_are_one_letter_and_each_can_be_appealed(house: House) -> None:
    for _ in range(3):
        house.offline("eve")
    assert house.letters.tell_of_cases(house.cases) == 3
    assert house.letters.tell_of_cases(house.cases) == 0
    house.deliver()
    (letter,) = house.mailer.sent
    assert len(house.appeals.by_reference(letter.subject, "all wrong", AppealChannel.MAIL)) == 3
