"""Sources that are not trusted with everything yet."""

from datetime import UTC, datetime

import pytest

from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.hash_sources.rollout import RolledOut, Shadowed
from goodhoster.errors import GoodhosterError, NotAskedError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match, SourceAnswer
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")


def counted(inner: MemorySource) -> CountedSource:
    return CountedSource(inner, lambda: datetime.now(UTC))


def asked(source: RolledOut, question: Question) -> bool:
    """Whether the source was asked; what it has no say about is never a no."""
    try:
        return source.look_up(question) == ()
    except NotAskedError:
        assert source.answering(question) == ()
        return False


def test_in_shadow_a_match_is_recorded_counted_and_not_told() -> None:
    recorded: list[tuple[Question, Match]] = []
    inner = MemorySource({KNOWN.digests.of(Algorithm.SHA1): Category.ILLEGAL})
    source = Shadowed(counted(inner), lambda question, match: recorded.append((question, match)))
    assert source.answering(KNOWN) == ()
    with pytest.raises(NotAskedError):
        source.look_up(KNOWN)
    assert recorded == [(KNOWN, Match("memory", "sha1", Category.ILLEGAL))]
    health = source.health()
    assert (health.shadow, health.checks, health.matches) == (True, 1, 1)


@pytest.mark.parametrize(
    "trouble",
    [
        SourceUnavailableError("down", reason="timeout"),
        SourceRefusedError("no", reason="refused"),
        UncheckedError("no", reason="not-askable"),
    ],
)
def test_in_shadow_a_failure_leaves_nothing_unchecked_and_is_counted(trouble: GoodhosterError) -> None:
    inner = MemorySource({})
    inner.trouble = trouble
    source = Shadowed(counted(inner), lambda *_: pytest.fail("there is nothing to record"))
    with pytest.raises(NotAskedError):
        source.look_up(KNOWN)
    assert sum(source.health().unchecked.values()) == 1
    with pytest.raises(type(trouble)):
        source.probe()


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_asked_and_always_the_same(percent: int) -> None:
    inner = MemorySource({})
    source = RolledOut(counted(inner), percent)
    contents = [made_up(str(number)) for number in range(2000)]
    share = [content for content in contents if asked(source, content)]
    assert share == inner.asked
    assert abs(len(share) / len(contents) * 100 - percent) < 4
    assert source.answering(share[0]) == (SourceAnswer("memory", share=percent),)
    assert [content for content in contents if asked(source, content)] == share
    assert source.health().checks == 2 * len(share)


def test_two_sources_have_different_shares() -> None:
    first, second = MemorySource({}, name="first"), MemorySource({}, name="second")
    for number in range(500):
        for inner in (first, second):
            asked(RolledOut(counted(inner), 50), made_up(str(number)))
    assert first.asked != second.asked
