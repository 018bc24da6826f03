"""Steps are announced, taken, seen, told and undone; and every one of them can be explained from the log."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Rung, StatementState, StepState
from tests.standing_house import ANNA, House, customer

RULES = CustomerRules(enforce=True)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, RULES, [customer("bob"), customer("eve", language="de")])
    yield made
    made.close()


def rungs(house: House, name: str = "bob") -> list[tuple[Rung, StepState]]:
    return [(step.rung, step.state) for step in house.store.steps(name)]


def to_site(house: House) -> None:
    """Three incidents, each after the customer was told of the step before; the site's notice is over."""
    for _ in range(3):
        house.offline("bob")
        house.day("bob", 4)


def test_a_first_incident_is_a_warning_and_the_customer_is_told(house: House) -> None:
    house.offline("bob")
    house.desk.review("bob")
    assert rungs(house) == [(Rung.WARN, StepState.IMPOSED)]
    assert house.store.steps("bob")[0].informed_at is None
    house.deliver()
    house.desk.review("bob")
    (step,) = house.store.steps("bob")
    assert step.informed_at == house.time()
    (letter,) = house.mailer.sent
    assert letter.to == "abuse@bob.example"
    assert letter.subject.startswith("Waarschuwing [GH-")
    assert "artikel 17" in letter.text


def test_restricting_is_announced_a_day_before_and_bars_uploads(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    house.offline("bob")
    house.desk.review("bob")
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.ANNOUNCED)
    assert house.gates.may_upload("bob").answer == "yes"
    house.day("bob", 2)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.IMPOSED)
    assert house.gates.may_upload("bob").answer == "no"


def test_a_suspension_waits_for_a_person_and_is_exactly_undone(house: House) -> None:
    to_site(house)
    house.day("bob")
    assert rungs(house)[2] == (Rung.SUSPEND_SITE, StepState.WAITING)
    assert not house.panel.suspended
    (waiting,) = house.desk.waiting()
    done = house.desk.confirm(waiting.id, ANNA)
    assert (done.state, done.actor) == (StepState.IMPOSED, "anna")
    assert house.panel.suspended == {("bob", Rung.SUSPEND_SITE)}
    assert house.desk.undo(waiting.id, ANNA).state is StepState.LIFTED
    assert not house.panel.suspended
    house.day("bob", 3)
    assert len(rungs(house)) == 3  # what a person undid does not come again by the same facts


def test_no_order_of_a_person_shortens_a_notice(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    house.offline("bob")
    house.desk.review("bob")
    step = house.store.steps("bob")[1]
    with pytest.raises(RefusedError, match="is not over"):
        house.desk.confirm(step.id, ANNA)
    house.deliver()
    house.desk.review("bob")
    house.time.set_by = timedelta(days=300)
    with pytest.raises(RefusedError, match="is not over"):
        house.desk.confirm(step.id, ANNA)


def test_a_notice_begins_when_the_mail_server_has_it(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    house.offline("bob")
    for _ in range(5):  # the mail server is away
        house.desk.review("bob")
        house.time.pass_(days=1)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.ANNOUNCED)
    house.day("bob", 1)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.ANNOUNCED)
    house.day("bob", 1)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.IMPOSED)


def test_who_cannot_be_told_waits_for_a_person(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    house.providers.no_contact.add("bob")
    house.offline("bob")
    house.day("bob", 30)
    step = house.store.steps("bob")[1]
    assert (step.rung, step.state) == (Rung.RESTRICT, StepState.WAITING)
    assert "no proven contact" in step.not_notified
    (statement,) = house.store.statements(f"step:{step.id}")
    assert (statement.state, statement.to) == (StatementState.NOT_SENT, "")
    told = house.desk.record_notified(step.id, ANNA)
    assert (told.state, told.not_notified) == (StepState.ANNOUNCED, "")
    house.day("bob", 2)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.IMPOSED)


def test_what_rests_on_a_confidential_order_is_withheld(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    secret = house.offline("bob", notifier="court")
    house.confidential.add(f"case:{secret.id}")
    house.day("bob", 3)
    step = house.store.steps("bob")[1]
    assert step.state is StepState.WAITING
    assert [one.state for one in house.store.statements(f"step:{step.id}")] == [StatementState.WITHHELD]
    assert len(house.mailer.sent) == 1


def test_a_panel_that_did_nothing_is_not_called_done(house: House) -> None:
    to_site(house)
    house.day("bob")
    (waiting,) = house.desk.waiting()
    house.panel.away = "the panel says that it did, and its list says that it did not"
    step = house.desk.confirm(waiting.id, ANNA)
    assert (step.state, step.imposed_at) == (StepState.IMPOSING, None)
    assert house.panel.away in step.trouble
    assert "step.imposed" not in [
        entry.event.kind for entry in house.audit.entries() if entry.event.data.get("step") == step.id
    ]
    house.panel.away = ""
    house.desk.review("bob")
    assert house.store.step(step.id).state is StepState.IMPOSED


def test_an_undone_case_leaves_no_trace(house: House) -> None:
    wrong = house.offline("bob")
    house.day("bob", 2)
    other = house.offline("bob")
    house.day("bob", 3)
    assert rungs(house)[-1] == (Rung.RESTRICT, StepState.IMPOSED)
    house.restore([wrong.id, other.id], ANNA)
    view = house.desk.review("bob")
    assert not view.in_force
    assert house.gates.may_upload("bob").answer == "yes"
    assert view.standing.level == 0


@pytest.mark.parametrize("enforce", [True, False])
def test_only_what_makes_it_better_is_done_in_mode_observe(house: House, tmp_path: Path, *, enforce: bool) -> None:
    again = tmp_path / "observe"
    again.mkdir()
    made = House(again, replace(RULES, enforce=enforce), [customer("bob")])
    made.offline("bob")
    view = made.desk.review("bob")
    assert bool(made.store.steps("bob")) is enforce
    assert bool(view.following) is not enforce
    made.close()


def test_each_step_is_in_the_log_before_and_after(house: House) -> None:
    house.offline("bob")
    house.desk.review("bob")
    assert house.events() == ["step.announced", "step.intended", "step.imposed"]
    assert house.audit.verify().ok


def test_a_crash_between_a_step_and_its_letter_is_made_good(house: House) -> None:
    house.offline("bob")
    house.day("bob", 2)
    house.offline("bob")
    house.desk.review("bob")
    house.record.rows("DELETE FROM standing_statements WHERE body LIKE '%announced%'")
    house.day("bob", 3)
    assert rungs(house)[1] == (Rung.RESTRICT, StepState.IMPOSED)


def test_the_house_rules_are_in_the_log_once_for_each_version(house: House) -> None:
    house.desk.record_rules()
    house.desk.record_rules()
    assert house.events() == ["house-rules.changed"]
    (entry,) = house.audit.entries()
    assert "suspend-site" in " ".join(entry.event.data["rules"])  # type: ignore[arg-type]


def test_a_reseller_bears_what_a_share_of_its_customers_does(tmp_path: Path) -> None:
    many = [customer(f"c{n}", reseller="big") for n in range(40)]
    made = House(tmp_path, RULES, [customer("big"), *many])
    for n in range(2):
        made.offline(f"c{n}")
    assert made.desk.review("big").standing.level == 0
    made.offline("c2")
    made.desk.review_all()
    assert [step.rung for step in made.store.steps("big")] == [Rung.WARN]
    made.close()
