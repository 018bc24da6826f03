from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from goodhoster.adapters.hash_sources.circuit_breaker import CircuitBreaker, Pauses
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.errors import SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.testing.suites.hash_source import made_up

CONTENT = made_up("content")
DOWN = SourceUnavailableError("down", reason="timeout")
REFUSED = SourceRefusedError("refused", reason="refused")


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def inner() -> MemorySource:
    return MemorySource({})


@pytest.fixture
def breaker(inner: MemorySource, now: Now) -> CircuitBreaker:
    return CircuitBreaker(inner, Pauses(failures=3), monotonic=now, chance=lambda: 0.0)


def ask(breaker: CircuitBreaker) -> str:
    """ "answered", or the reason why not."""
    try:
        breaker.look_up(CONTENT)
    except (SourceUnavailableError, SourceRefusedError) as error:
        return error.reason
    return "answered"


def test_single_failures_do_not_open_it(breaker: CircuitBreaker, inner: MemorySource) -> None:
    for trouble in (DOWN, DOWN, None, DOWN, DOWN, None):
        inner.trouble = trouble
        assert ask(breaker) == ("timeout" if trouble else "answered")
    assert breaker.rest() == 0


def test_failures_in_a_row_open_it(breaker: CircuitBreaker, inner: MemorySource) -> None:
    inner.trouble = DOWN
    assert [ask(breaker) for _ in range(5)] == ["timeout"] * 3 + ["paused"] * 2
    assert len(inner.asked) == 3
    assert breaker.rest() == 1.0


def test_what_is_paused_says_when_to_ask_again(breaker: CircuitBreaker, inner: MemorySource, now: Now) -> None:
    inner.trouble = DOWN
    for _ in range(3):
        ask(breaker)
    now.time += 0.25
    with pytest.raises(SourceUnavailableError) as caught:
        breaker.look_up(CONTENT)
    assert caught.value.retry_after == 1.0
    assert breaker.rest() == 0.75


def test_pauses_double_up_to_the_longest(breaker: CircuitBreaker, inner: MemorySource, now: Now) -> None:
    inner.trouble = DOWN
    for _ in range(3):
        ask(breaker)
    pauses = []
    for _ in range(9):
        pauses.append(breaker.rest())
        now.time += breaker.rest()
        assert ask(breaker) == "timeout"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_good_answer_closes_it_and_forgets(breaker: CircuitBreaker, inner: MemorySource, now: Now) -> None:
    inner.trouble = DOWN
    for _ in range(3):
        ask(breaker)
    now.time += 1
    inner.trouble = None
    assert [ask(breaker), ask(breaker)] == ["answered"] * 2
    inner.trouble = DOWN
    for _ in range(3):
        ask(breaker)
    assert breaker.rest() == 1.0


def test_a_refusal_pauses_at_once_and_long(breaker: CircuitBreaker, inner: MemorySource, now: Now) -> None:
    inner.trouble = REFUSED
    assert [ask(breaker), ask(breaker)] == ["refused", "paused"]
    assert breaker.rest() == 60
    now.time += 60
    assert ask(breaker) == "refused"
    assert len(inner.asked) == 2


@pytest.mark.parametrize(
    ("retry_after", "rest"),
    [(None, 0), (4.0, 0), (120.0, 120.0), (10_800.0, 10_800.0), (1e12, 86400.0), (float("inf"), 86400.0)],
)
def test_a_long_retry_after_is_obeyed_within_reason(
    breaker: CircuitBreaker, inner: MemorySource, retry_after: float | None, rest: float
) -> None:
    inner.trouble = SourceUnavailableError("busy", reason="rate-limited", retry_after=retry_after)
    assert ask(breaker) == "rate-limited"
    assert breaker.rest() == rest


def test_what_cannot_be_asked_says_nothing_about_the_source(breaker: CircuitBreaker, inner: MemorySource) -> None:
    inner.trouble = UncheckedError("not by md5", reason="not-askable")
    for _ in range(9):
        with pytest.raises(UncheckedError):
            breaker.look_up(CONTENT)
    assert breaker.rest() == 0


def test_a_trial_that_could_not_be_asked_leaves_room_for_the_next(
    breaker: CircuitBreaker, inner: MemorySource, now: Now
) -> None:
    inner.trouble = DOWN
    for _ in range(3):
        ask(breaker)
    now.time += 1
    inner.trouble = UncheckedError("not by md5", reason="not-askable")
    with pytest.raises(UncheckedError):
        breaker.look_up(CONTENT)
    inner.trouble = None
    assert ask(breaker) == "answered"


def test_a_probe_is_never_held_back(breaker: CircuitBreaker, inner: MemorySource) -> None:
    inner.trouble = REFUSED
    ask(breaker)
    inner.trouble = None
    breaker.probe()
    assert ask(breaker) == "paused"


class Slow:
    """Answers when it is told to."""

    name = "slow"
    local = False

    def __init__(self) -> None:
        self.arrived = Barrier(2)
        self.go = Event()
        self.trouble: Exception | None = DOWN

    def look_up(self, _: Question) -> tuple[Match, ...]:
        trouble = self.trouble
        self.arrived.wait(60)
        self.go.wait(60)
        if trouble:
            raise trouble
        return ()

    def probe(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_only_one_question_passes_as_a_trial(now: Now, threads: ThreadPoolExecutor) -> None:
    slow = Slow()
    breaker = CircuitBreaker(slow, Pauses(failures=1), monotonic=now, chance=lambda: 0.0)
    slow.go.set()
    first = threads.submit(ask, breaker)
    slow.arrived.wait(60)
    assert first.result() == "timeout"
    slow.go.clear()
    now.time += 1
    trial = threads.submit(ask, breaker)
    slow.arrived.wait(60)
    assert ask(breaker) == "paused"
    slow.go.set()
    assert trial.result() == "timeout"
    assert breaker.rest() == 2.0


def test_a_late_failure_from_before_the_pause_does_not_count_again(now: Now, threads: ThreadPoolExecutor) -> None:
    slow = Slow()
    breaker = CircuitBreaker(slow, Pauses(failures=1), monotonic=now, chance=lambda: 0.0)
    both = [threads.submit(ask, breaker)]
    slow.arrived.wait(60)
    both.append(threads.submit(ask, breaker))
    slow.arrived.wait(60)
    slow.go.set()
    assert [each.result() for each in both] == ["timeout"] * 2
    assert breaker.rest() == 1.0
