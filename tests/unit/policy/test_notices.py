"""Which copies of what a notice names follow it."""

import pytest

from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.notices import FoundBy
from goodhoster.policy.notices import CopyFacts, decide_copy, look_alike

SAME, SIZE, FILE, RULE = FoundBy.SAME_CONTENT, FoundBy.VARIANT, FoundBy.SAME_FILE, FoundBy.DERIVED
AT_ANOTHER = {"same_customer": False, "customers": 2}


def pdq(bits: int, quality: int = 100) -> Fingerprint:
    """A fingerprint with so many bits set."""
    return Fingerprint(FingerprintKind.PDQ, ((1 << bits) - 1).to_bytes(32), quality)


@pytest.mark.parametrize(
    "facts",
    [
        *(CopyFacts(by, media=True) for by in (SAME, FILE, RULE)),
        CopyFacts(SIZE, media=True, looks_alike=True),
        *(CopyFacts(by, media=True, same_customer=False, customers=2) for by in (SAME, FILE)),
        CopyFacts(SAME, media=True, customers=12),
        CopyFacts(FoundBy.URL, media=False),
    ],
)
def test_what_follows(facts: CopyFacts) -> None:
    decision = decide_copy(facts, 3)
    assert (decision.follows, decision.held) == (True, "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (CopyFacts(SAME, media=True, same_customer=False, customers=3), "lie at 3 customers"),
        (CopyFacts(FILE, media=True, same_customer=False, customers=12), "lie at 12 customers"),
        (CopyFacts(SIZE, media=True), "by its name alone"),
    ],
)
def test_what_a_person_decides_about(facts: CopyFacts, why: str) -> None:
    decision = decide_copy(facts, 3)
    assert not decision.follows
    assert why in decision.held


@pytest.mark.parametrize(
    "facts",
    [
        *(CopyFacts(by, media=False) for by in (SAME, FILE, RULE, SIZE)),
        *(CopyFacts(by, media=True, exempt=True) for by in (SAME, FILE, RULE, SIZE)),
        CopyFacts(SAME, media=False, same_customer=False, customers=12),
    ],
)
def test_what_is_left_alone(facts: CopyFacts) -> None:
    decision = decide_copy(facts, 3)
    assert (decision.follows, decision.held) == (False, "")


@pytest.mark.parametrize(("one", "other", "same"), [(0, 31, True), (0, 32, False), (5, 5, True)])
def test_looking_alike(one: int, other: int, same: bool) -> None:  # noqa: FBT001
    assert look_alike([pdq(one)], [pdq(other)]) is same


def test_what_shows_too_little_looks_like_nothing() -> None:
    assert not look_alike([pdq(0, 10)], [pdq(0)])
    assert not look_alike([pdq(0)], [])
    assert not look_alike(
        [Fingerprint(FingerprintKind.PHASH, bytes(8))], [Fingerprint(FingerprintKind.PHASH, bytes(8))]
    )
