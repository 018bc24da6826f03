from collections.abc import Sequence

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.hash_sources.retrying import Retrying, RetryPolicy, Timing
from goodhoster.errors import GoodhosterError, SourceRefusedError, SourceUnavailableError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.testing.suites.hash_source import made_up

CONTENT = made_up("content")
DOWN = SourceUnavailableError("down", reason="timeout")


class Scripted(MemorySource):
    """Raises what the script says, one a question, each taking `seconds`; then answers."""

    def __init__(self, script: Sequence[GoodhosterError], seconds: float = 0.0) -> None:
        super().__init__({})
        self.script = list(script)
        self.seconds = seconds
        self.now = 0.0
        self.waits: list[float] = []

    def look_up(self, question: Question) -> tuple[Match, ...]:
        self.now += self.seconds
        self.trouble = self.script.pop(0) if self.script else None
        return super().look_up(question)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def retrying(source: Scripted, retry_policy: RetryPolicy | None = None) -> Retrying:
    return Retrying(source, retry_policy, Timing(lambda: source.now, source.sleep, lambda: 0.5))


def busy(retry_after: float) -> SourceUnavailableError:
    return SourceUnavailableError("busy", reason="rate-limited", retry_after=retry_after)


def test_a_passing_failure_is_asked_again_after_growing_random_waits() -> None:
    source = Scripted([DOWN, DOWN])
    assert retrying(source).look_up(CONTENT) == ()
    assert source.waits == [0.1, 0.2]
    assert len(source.asked) == 3


def test_after_the_last_attempt_its_error_is_raised() -> None:
    source = Scripted([DOWN, DOWN, busy(1)])
    with pytest.raises(SourceUnavailableError, match="busy"):
        retrying(source).look_up(CONTENT)
    assert len(source.asked) == 3


def test_a_refusal_is_not_asked_again() -> None:
    source = Scripted([SourceRefusedError("refused", reason="refused")])
    with pytest.raises(SourceRefusedError):
        retrying(source).look_up(CONTENT)
    assert len(source.asked) == 1


def test_a_retry_after_that_fits_is_honoured() -> None:
    source = Scripted([busy(3)])
    assert retrying(source).look_up(CONTENT) == ()
    assert source.waits == [3.1]


def test_one_that_does_not_fit_ends_the_look_up_at_once() -> None:
    source = Scripted([busy(8)])
    with pytest.raises(SourceUnavailableError) as caught:
        retrying(source).look_up(CONTENT)
    assert caught.value.retry_after == 8
    assert source.waits == []


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 3.9, 5.0])
def test_no_look_up_takes_longer_than_its_total(seconds: float) -> None:
    source = Scripted([DOWN] * 100, seconds)
    with pytest.raises(SourceUnavailableError):
        retrying(source, RetryPolicy(attempts=50, total=12, attempt=5)).look_up(CONTENT)
    assert len(source.asked) >= 2
    assert source.now <= 12


def test_a_probe_is_asked_once() -> None:
    source = Scripted([])
    source.trouble = DOWN
    with pytest.raises(SourceUnavailableError):
        retrying(source).probe()
    assert source.waits == []
