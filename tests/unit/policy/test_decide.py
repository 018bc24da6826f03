"""The house rules and the brake, pure: verdict, rules and circumstances in, a decision out."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import Exemption
from goodhoster.model.storms import Cause, Storm, StormKind, StormState
from goodhoster.model.verdicts import OTHER_SIZE, Category, Match, Verdict, VerdictKind
from goodhoster.policy.circumstances import Circumstances, Rate, SourceRecord
from goodhoster.policy.decide import Action, Decision, decide
from goodhoster.policy.rules import DEFAULT_TREATMENTS, HouseRules, Treatment
from goodhoster.testing.suites.hash_source import made_up

RULES = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
AROUND = Circumstances("ab" * 32)
CONTENT = Cause(StormKind.CONTENT, AROUND.content)
LOGO = made_up("logo").digests
PAST = Rate(matches=10, checks=1_000_000)


def known(*matches: Match) -> Verdict:
    return Verdict(VerdictKind.KNOWN, matches)


def decided(category: Category, rules: HouseRules = RULES, around: Circumstances = AROUND) -> Decision:
    return decide(known(Match("police", "sha1", category)), rules, around)


def storm(cause: Cause, state: StormState) -> dict[Cause, Storm]:
    return {cause: Storm("S1", cause, "seen", datetime(2026, 3, 1, tzinfo=UTC), state=state)}


@pytest.mark.parametrize(
    ("category", "action"),
    [
        (Category.BASELINE, Action.QUARANTINE),
        (Category.ILLEGAL, Action.QUARANTINE),
        (Category.UNSPECIFIED, Action.QUARANTINE),
        (Category.INVESTIGATIVE, Action.HOLD),
        (Category.OTHER, Action.OBSERVE),
    ],
)
def test_each_category_has_its_treatment(category: Category, action: Action) -> None:
    assert decided(category).action is action


def test_other_never_acts_whatever_was_set() -> None:
    rules = replace(RULES, treatments=dict.fromkeys(Category, Treatment.ACT))
    assert decided(Category.OTHER, rules).action is Action.HOLD


def test_a_name_never_acts_whatever_was_set() -> None:
    by_name = Verdict(VerdictKind.NEAR, (Match("other-sizes", OTHER_SIZE, Category.BASELINE, 1),))
    decision = decide(by_name, replace(RULES, near=Treatment.ACT), AROUND)
    assert decision.action is Action.HOLD
    assert decision.reason == "a person decides: by its name another size of a picture that is offline (baseline)"


def test_the_heaviest_match_prevails() -> None:
    verdict = known(Match("a", "sha1", Category.OTHER), Match("b", "md5", Category.BASELINE))
    assert decide(verdict, RULES, AROUND) == Decision(Action.QUARANTINE, "known to b")


def test_near_is_held_and_a_rule_of_the_house_can_make_it_act() -> None:
    verdict = Verdict(VerdictKind.NEAR, (Match("police", "pdq", Category.BASELINE, 9),))
    assert decide(verdict, RULES, AROUND).action is Action.HOLD
    assert decide(verdict, replace(RULES, near=Treatment.ACT), AROUND).action is Action.QUARANTINE


def test_near_never_does_more_than_its_category() -> None:
    verdict = Verdict(VerdictKind.NEAR, (Match("police", "pdq", Category.OTHER, 9),))
    rules = replace(RULES, near=Treatment.ACT, treatments=DEFAULT_TREATMENTS)
    assert decide(verdict, rules, AROUND).action is Action.OBSERVE


EXEMPT = Match("police", "sha1", Category.BASELINE, exemption=Exemption("wordpress", Algorithm.SHA256, LOGO))
OF_EXEMPT = Cause(StormKind.EXEMPTION, "police")


@pytest.mark.parametrize("category", Category)
def test_an_exempt_content_that_matches_is_held_whatever_its_category(category: Category) -> None:
    found = decide(Verdict(VerdictKind.EXEMPT, (replace(EXEMPT, category=category),)), RULES, AROUND)
    assert (found.action, found.storm) == (Action.HOLD, OF_EXEMPT)
    assert found.reason == "exempt (wordpress), and yet known to police"
    assert [(braked.cause, braked.begins) for braked in found.begun] == [(OF_EXEMPT, True)]


def test_what_a_source_knows_of_exempt_contents_is_one_storm_for_each_source() -> None:
    verdict = Verdict(VerdictKind.EXEMPT, (EXEMPT, replace(EXEMPT, source="hotline"), replace(EXEMPT, algorithm="md5")))
    begun = decide(verdict, RULES, AROUND).begun
    assert [braked.cause.about for braked in begun] == ["hotline", "police"]
    again = decide(verdict, RULES, replace(AROUND, storms=storm(OF_EXEMPT, StormState.OPEN)))
    assert [braked.cause.about for braked in again.begun] == ["hotline"]


@pytest.mark.parametrize(("state", "begun"), [(StormState.UNDONE, 0), (StormState.RELEASED, 1)])
def test_what_is_exempt_never_acts_whatever_a_person_said_of_the_storm(state: StormState, begun: int) -> None:
    found = decide(Verdict(VerdictKind.EXEMPT, (EXEMPT,)), RULES, replace(AROUND, storms=storm(OF_EXEMPT, state)))
    assert (found.action, len(found.begun)) == (Action.HOLD, begun)


def test_an_exemption_holds_nothing_else_of_its_source() -> None:
    around = replace(AROUND, storms=storm(OF_EXEMPT, StormState.OPEN))
    assert decided(Category.BASELINE, around=around).action is Action.QUARANTINE
    beside = known(EXEMPT, Match("hotline", "sha1", Category.BASELINE))
    assert decide(beside, RULES, around) == Decision(Action.QUARANTINE, "known to hotline")
    alike = Verdict(VerdictKind.NEAR, (EXEMPT, Match("hotline", "pdq", Category.BASELINE, 9)))
    assert decide(alike, RULES, around).reason == "a person decides: near in hotline (baseline)"


def test_so_many_customers_begin_a_storm_of_that_content() -> None:
    found = decided(Category.BASELINE, around=replace(AROUND, customers=3))
    assert (found.action, found.storm, [b.cause for b in found.begun]) == (Action.HOLD, CONTENT, [CONTENT])
    assert decided(Category.BASELINE, around=replace(AROUND, customers=2)).action is Action.QUARANTINE


@pytest.mark.parametrize("state", [StormState.OPEN, StormState.UNDONE])
def test_a_storm_brakes_until_it_is_released_and_begins_once(state: StormState) -> None:
    found = decided(Category.BASELINE, around=replace(AROUND, storms=storm(CONTENT, state)))
    assert (found.action, found.storm, found.begun) == (Action.HOLD, CONTENT, ())


def test_a_released_content_is_no_storm_any_more() -> None:
    around = replace(AROUND, customers=99, storms=storm(CONTENT, StormState.RELEASED))
    assert decided(Category.BASELINE, around=around).action is Action.QUARANTINE


def test_a_source_has_a_cap() -> None:
    found = decided(Category.BASELINE, around=replace(AROUND, sources={"police": SourceRecord(measures_last_hour=100)}))
    assert [b.cause for b in found.begun] == [Cause(StormKind.SOURCE_CAP, "police")]


def test_a_customer_has_a_cap_and_is_the_narrower_cause() -> None:
    around = replace(AROUND, customer="anna", customer_measures_last_hour=100)
    assert decided(Category.BASELINE, around=around).storm == Cause(StormKind.CUSTOMER_CAP, "anna")
    around = replace(around, sources={"police": SourceRecord(measures_last_hour=100)})
    assert [b.cause for b in decided(Category.BASELINE, around=around).begun] == [Cause(StormKind.CUSTOMER_CAP, "anna")]


def test_another_source_that_is_in_no_storm_is_believed() -> None:
    storms = storm(Cause(StormKind.SOURCE_CAP, "a"), StormState.OPEN)
    verdict = known(Match("a", "sha1"), Match("b", "sha1"))
    assert decide(verdict, RULES, replace(AROUND, storms=storms)).action is Action.QUARANTINE
    assert decide(known(Match("a", "sha1")), RULES, replace(AROUND, storms=storms)).action is Action.HOLD


@pytest.mark.parametrize(
    ("recent", "past", "held"),
    [
        (Rate(50, 1000), PAST, True),
        (Rate(19, 100), PAST, False),  # too few to say anything
        (Rate(50, 1000), Rate(0, 9_999), False),  # a host without a past: the caps brake
        (Rate(50, 1000), Rate(0, 10_000), True),  # a new source on an old host
        (Rate(50, 12_500), PAST, False),  # ten times the usual of 4 in 10,000, and no more
        (Rate(50, 1000), Rate(10_000, 1_000_000), False),  # this source always knew much
    ],
)
def test_a_rate_that_jumps_is_a_storm(recent: Rate, past: Rate, *, held: bool) -> None:
    around = replace(AROUND, sources={"police": SourceRecord(recent=recent, past=past)})
    found = decided(Category.BASELINE, around=around)
    assert (found.storm == Cause(StormKind.SOURCE_RATE, "police")) is held


def test_in_mode_observe_no_storm_begins() -> None:
    found = decided(Category.BASELINE, replace(RULES, enforce=False), replace(AROUND, customers=9))
    assert (found.action, found.begun, found.storm) == (Action.OBSERVE, (), None)
    assert found.reason.startswith("would be held: storm brake")
