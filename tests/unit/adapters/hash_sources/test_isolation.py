"""A plug-in with a fault of its own: what another source knows is known all the same, and the fault is counted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.isolation import IsolatedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import Category, ContentKind, Match, VerdictKind
from goodhoster.ports import HashSource
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")
PICTURE = Content(KNOWN.digests, ContentKind.IMAGE, 1)


class Broken(MemorySource):
    """Raises what it is given, or answers it."""

    def __init__(self, outcome: Any) -> None:  # noqa: ANN401 - whatever a faulty plug-in may answer
        super().__init__({}, name="broken")
        self.outcome = outcome

    def look_up(self, question: Question) -> tuple[Match, ...]:
        self.asked.append(question)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        answer: tuple[Match, ...] = self.outcome
        return answer


def contained(inner: MemorySource) -> IsolatedSource:
    return IsolatedSource(CountedSource(inner, lambda: datetime.now(UTC)))


@pytest.mark.parametrize(
    "outcome", [ZeroDivisionError("oops"), KeyError(b"\xff"), None, "known", [("broken", "sha1")], (True,)], ids=repr
)
def test_what_another_source_knows_is_known_and_the_fault_is_counted(
    outcome: Any,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = contained(Broken(outcome))
    knowing = MemorySource({KNOWN.digests.of(Algorithm.SHA1): Category.ILLEGAL})
    orders: list[list[HashSource]] = [[broken, knowing], [knowing, broken]]
    for sources in orders:
        verdict = verdict_of(PICTURE, sources, ask_services=True)
        assert (verdict.kind, verdict.reason) == (VerdictKind.KNOWN, "internal-error")
    alone = verdict_of(PICTURE, [broken], ask_services=True)
    assert (alone.kind, alone.reason) == (VerdictKind.UNCHECKED, "internal-error")
    health = broken.health()
    assert health.unchecked == {"internal-error": 3}
    assert health.last_error.startswith("broken has a fault")
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_fault_that_is_over_is_no_longer_the_newest_failure() -> None:
    inner = Broken(ZeroDivisionError("oops"))
    broken = contained(inner)
    with pytest.raises(UncheckedError, match="oops"):
        broken.look_up(KNOWN)
    inner.outcome = ()
    assert broken.look_up(KNOWN) == ()
    assert (broken.health().last_error, broken.health().unchecked) == ("", {"internal-error": 1})


def test_a_failure_that_the_port_knows_goes_through_as_it_is() -> None:
    source = contained(Broken(SourceUnavailableError("down", reason="timeout", retry_after=7)))
    with pytest.raises(SourceUnavailableError) as caught:
        source.look_up(KNOWN)
    assert (caught.value.reason, caught.value.retry_after) == ("timeout", 7)
    assert source.health().unchecked == {"timeout": 1}
