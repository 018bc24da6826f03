"""Unknown never passes; evidence expires; the order in which things are heard does not matter."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.model.customers.vetting import (
    CheckOutcome,
    RiskFact,
    RiskLevel,
    VettingEvidence,
    VettingEvidenceKind,
    VettingState,
)
from goodhoster.policy.vetting import VettingPolicy, assess, deciding, estimate_risk

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
POLICY = VettingPolicy()
KNOWN = dict.fromkeys(RiskFact, False)
evidence = st.builds(
    VettingEvidence,
    customer=st.just("anna"),
    kind=st.sampled_from(VettingEvidenceKind),
    outcome=st.sampled_from(CheckOutcome),
    at=st.integers(-900, 30).map(lambda days: NOW + timedelta(days=days)),
    checker=st.sampled_from(["jan", "provider"]),
    reference=st.sampled_from(["", "one", "two"]),
    document_date=st.none() | st.dates(date(2025, 1, 1), date(2030, 1, 1)),
)
facts = st.dictionaries(st.sampled_from(RiskFact), st.booleans())


@given(st.lists(evidence, max_size=12), facts, st.randoms())
def test_the_order_does_not_matter(heard: list[VettingEvidence], known: dict, chance: object) -> None:
    risk = estimate_risk(known, POLICY)
    before = assess(heard, risk, POLICY, NOW)
    shuffled = list(heard)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # a random.Random

    assert assess(shuffled, risk, POLICY, NOW) == before
    assert assess([*heard, *heard], risk, POLICY, NOW) == before  # nor that it came twice


@given(st.lists(evidence, max_size=12), facts)
def test_only_a_pass_of_every_kind_that_counts_now_passes(heard: list[VettingEvidence], known: dict) -> None:
    risk = estimate_risk(known, POLICY)
    found = assess(heard, risk, POLICY, NOW)

    if found.state is VettingState.VETTED:
        for kind in POLICY.required[risk.level]:
            passed = [each for each in heard if each.kind is kind and each.outcome is CheckOutcome.PASSED]
            assert any(NOW - POLICY.validity(risk.level) < each.at <= NOW for each in passed)
        assert found.missing == ()
        assert found.expires_at is not None
        assert found.expires_at > NOW
    else:
        assert found.missing


@given(st.lists(evidence.filter(lambda each: each.outcome is not CheckOutcome.PASSED), max_size=12), facts)
def test_unknown_never_passes(heard: list[VettingEvidence], known: dict) -> None:
    assert assess(heard, estimate_risk(known, POLICY), POLICY, NOW).state is not VettingState.VETTED


@given(st.lists(evidence, max_size=12), facts)
def test_it_is_over_when_it_says(heard: list[VettingEvidence], known: dict) -> None:
    risk = estimate_risk(known, POLICY)
    found = assess(heard, risk, POLICY, NOW)
    if found.expires_at is not None and all(each.at <= NOW for each in heard):
        just_before = found.expires_at - timedelta(microseconds=1)
        assert assess(heard, risk, POLICY, just_before).state is VettingState.VETTED
        assert assess(heard, risk, POLICY, found.expires_at).state is not VettingState.VETTED


@given(st.lists(evidence, min_size=1, max_size=8), st.sampled_from([CheckOutcome.UNCHECKED, CheckOutcome.PENDING]))
def test_an_outage_changes_nothing_that_was_known(heard: list[VettingEvidence], outage: CheckOutcome) -> None:
    known = [
        each
        for each in heard
        if each.outcome not in {CheckOutcome.UNCHECKED, CheckOutcome.PENDING, CheckOutcome.ABANDONED}
    ]
    if known:
        later = VettingEvidence("anna", heard[0].kind, outage, NOW + timedelta(days=40), "provider")
        assert deciding([*known, later]) == deciding(known)


@given(facts)
@example({fact: False for fact in RiskFact if fact is not RiskFact.FREE_DOMAINS})
def test_risk_falls_with_no_fact_that_holds_and_is_not_low_while_one_is_unknown(known: dict) -> None:
    found = estimate_risk(known, POLICY)
    levels = list(RiskLevel)
    for fact in RiskFact:
        more = estimate_risk({**known, fact: True}, POLICY)
        denied = estimate_risk({**known, fact: False}, POLICY)
        less = estimate_risk({key: value for key, value in known.items() if key is not fact}, POLICY)
        assert levels.index(more.level) >= levels.index(denied.level)
        # Only the last answer may lower it: until then it is not low because something is unknown.
        assert levels.index(more.level) >= levels.index(found.level) or known.keys() | {fact} == set(RiskFact)
        assert more.points >= less.points
        assert less.level is not RiskLevel.LOW
    assert found.points == sum(each.points for each in found.reasons)
    assert {each.fact for each in found.reasons} == set(RiskFact)


def test_examples() -> None:
    def passed(kind: VettingEvidenceKind, days: int, until: date | None = None) -> VettingEvidence:
        return VettingEvidence(
            "anna", kind, CheckOutcome.PASSED, NOW - timedelta(days=days), "jan", document_date=until
        )

    low = estimate_risk(KNOWN, POLICY)
    assert low.level is RiskLevel.LOW
    assert assess([], low, POLICY, NOW).missing == ("a mail address, proven to answer: none yet",)
    assert assess([passed(VettingEvidenceKind.EMAIL, 364)], low, POLICY, NOW).state is VettingState.VETTED
    over = assess([passed(VettingEvidenceKind.EMAIL, 365)], low, POLICY, NOW)
    assert over.state is VettingState.MISSING
    assert over.missing == ("a mail address, proven to answer: expired on 2026-11-02; check it again",)

    high = estimate_risk(KNOWN | {RiskFact.IMAGE_HOST: True, RiskFact.OPEN_UPLOAD: True}, POLICY)
    assert (high.level, high.points) == (RiskLevel.HIGH, 70)
    all_of_it = [passed(kind, 181) for kind in POLICY.required[RiskLevel.HIGH]]
    assert assess(all_of_it, high, POLICY, NOW).state is VettingState.VETTED
    a_document_that_is_over = passed(VettingEvidenceKind.IDENTITY_DOCUMENT, 1, date(2026, 11, 1))
    assert assess([*all_of_it, a_document_that_is_over], high, POLICY, NOW).state is VettingState.MISSING
