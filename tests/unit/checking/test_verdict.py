from collections.abc import Sequence

import pytest

from goodhoster.adapters.hashsources.memory import MemorySource
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import SourceUnavailableError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match, VerdictKind
from goodhoster.testing.hash_source_suite import made_up

CONTENT = made_up("content")
NEAR = Match("alike", FingerprintKind.PDQ, Category.ILLEGAL, 12)
ALIKE = Match("alike", FingerprintKind.PDQ, Category.ILLEGAL, 0)
KNOWN = Match("memory", Algorithm.SHA1, Category.BASELINE)


class Alike(MemorySource):
    """Says the same to every picture."""

    def __init__(self, *matches: Match) -> None:
        super().__init__({}, name="alike")
        self.matches = matches

    def look_up(self, question: Question) -> tuple[Match, ...]:
        return (*super().look_up(question), *self.matches)


def memory(*, knows: bool = False, fails: bool = False) -> MemorySource:
    source = MemorySource({CONTENT.digests.of(Algorithm.SHA1): Category.BASELINE} if knows else {}, local=False)
    source.trouble = SourceUnavailableError("down", reason="timeout", retry_after=7.0) if fails else None
    return source


@pytest.mark.parametrize(
    ("sources", "kind", "matches"),
    [
        ([memory()], VerdictKind.CLEAR, ()),
        ([memory(knows=True)], VerdictKind.KNOWN, (KNOWN,)),
        ([Alike(NEAR), memory()], VerdictKind.NEAR, (NEAR,)),
        ([Alike(ALIKE)], VerdictKind.NEAR, (ALIKE,)),
        ([memory(knows=True), Alike(NEAR)], VerdictKind.KNOWN, (NEAR, KNOWN)),
    ],
)
def test_one_verdict_over_all_sources(
    sources: Sequence[MemorySource], kind: VerdictKind, matches: tuple[Match, ...]
) -> None:
    verdict = verdict_of(CONTENT, sources, picture=True)
    assert (verdict.kind, verdict.matches, verdict.reason) == (kind, matches, "")


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        ([], VerdictKind.UNCHECKED),
        ([memory()], VerdictKind.UNCHECKED),
        ([Alike(NEAR)], VerdictKind.NEAR),
        ([memory(knows=True)], VerdictKind.KNOWN),
    ],
)
def test_a_source_that_failed_still_owes_its_answer(others: Sequence[MemorySource], kind: VerdictKind) -> None:
    verdict = verdict_of(CONTENT, [memory(fails=True), *others], picture=True)
    assert (verdict.kind, verdict.reason, verdict.retry_after) == (kind, "timeout", 7.0)


@pytest.mark.parametrize("picture", [True, False])
def test_without_a_source_nothing_was_checked(*, picture: bool) -> None:
    verdict = verdict_of(CONTENT, [], picture=picture)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "no-source")


def test_what_is_no_picture_is_asked_of_local_sources_only() -> None:
    far, near = memory(knows=True), Alike(NEAR)
    assert verdict_of(CONTENT, [far, near], picture=False).matches == (NEAR,)
    assert far.asked == []
