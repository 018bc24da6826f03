"""What a source answered is remembered for a while, and asked by one at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event, Semaphore

import pytest

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache
from goodhoster.adapters.hash_sources.caching import CacheLifetimes, CachingSource
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.errors import GoodhosterError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")
UNKNOWN = made_up("unknown")
SHA1 = KNOWN.digests.of(Algorithm.SHA1)
YES = (Match("upstream", "sha1", Category.ILLEGAL),)
DOWN = SourceUnavailableError("down", reason="timeout")
COPIES = 40


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


class Slow(MemorySource):
    """Answers, or fails, when it is told to."""

    def __init__(self) -> None:
        super().__init__({SHA1: Category.ILLEGAL}, name="upstream", local=False)
        self.begun, self.go_on = Event(), Event()

    def look_up(self, question: Question) -> tuple[Match, ...]:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().look_up(question)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AnswerCache]:
    book = AnswerCache(tmp_path / "answers")
    yield book
    book.close()


@pytest.fixture
def inner() -> MemorySource:
    return MemorySource({SHA1: Category.ILLEGAL}, name="upstream", local=False)


def remembering(inner: MemorySource, book: AnswerCache, now: Now, *, identity: bytes = b"") -> CachingSource:
    counted = CountedSource(inner, lambda: datetime.now(UTC))
    return CachingSource(counted, book, CacheLifetimes(yes=60, no=600, clock=now), identity)


@pytest.fixture
def source(inner: MemorySource, book: AnswerCache, now: Now) -> CachingSource:
    return remembering(inner, book, now)


def test_the_same_question_is_asked_once_and_what_was_not_asked_is_counted(
    source: CachingSource, inner: MemorySource
) -> None:
    answers = [source.look_up(content) for content in (KNOWN, UNKNOWN, KNOWN, UNKNOWN, UNKNOWN)]
    assert answers == [YES, (), YES, (), ()]
    assert len(inner.asked) == 2
    health = source.health()
    assert (health.checks, health.matches, health.remembered) == (2, 1, 3)


def test_a_yes_out_of_memory_is_marked(source: CachingSource) -> None:
    assert [source.look_up(KNOWN)[0].remembered for _ in range(3)] == [False, True, True]


def test_to_a_live_question_the_source_itself_answers_and_that_is_remembered(
    source: CachingSource, inner: MemorySource
) -> None:
    source.look_up(KNOWN)
    source.look_up(UNKNOWN)
    inner.known = {UNKNOWN.digests.of(Algorithm.SHA1): Category.ILLEGAL}
    assert source.look_up(replace(KNOWN, live=True)) == ()
    assert source.look_up(replace(UNKNOWN, live=True)) == YES
    assert len(inner.asked) == 4
    assert (source.look_up(KNOWN), source.look_up(UNKNOWN)) == ((), YES)
    assert len(inner.asked) == 4


@pytest.mark.parametrize(("content", "expiry"), [(KNOWN, 60), (UNKNOWN, 600)])
def test_answers_expire(source: CachingSource, inner: MemorySource, now: Now, content: Question, expiry: float) -> None:
    source.look_up(content)
    now.time += expiry - 1
    source.look_up(content)
    assert len(inner.asked) == 1
    now.time += 1
    source.look_up(content)
    assert len(inner.asked) == 2


def test_a_yes_that_does_not_count_takes_the_place_of_a_no_that_would(book: AnswerCache, now: Now) -> None:
    inner = MemorySource({}, name="upstream", local=False)
    source = CachingSource(
        CountedSource(inner, lambda: datetime.now(UTC)), book, CacheLifetimes(yes=0, no=600, clock=now)
    )
    assert source.look_up(KNOWN) == ()
    inner.known[SHA1] = Category.ILLEGAL
    assert source.look_up(replace(KNOWN, live=True)) == YES
    assert [source.look_up(KNOWN) for _ in range(2)] == [YES, YES]
    assert len(inner.asked) == 4


def test_a_clock_that_was_put_back_does_not_keep_answers_alive(
    source: CachingSource, inner: MemorySource, now: Now
) -> None:
    source.look_up(UNKNOWN)
    now.time -= 86400
    source.look_up(UNKNOWN)
    assert len(inner.asked) == 2


@pytest.mark.parametrize("trouble", [DOWN, UncheckedError("no", reason="not-askable")])
def test_failures_are_not_remembered(source: CachingSource, inner: MemorySource, trouble: GoodhosterError) -> None:
    inner.trouble = trouble
    for _ in range(2):
        with pytest.raises(type(trouble)):
            source.look_up(UNKNOWN)
    inner.trouble = None
    assert (source.look_up(KNOWN), source.look_up(UNKNOWN)) == (YES, ())


def test_while_a_source_refuses_us_nothing_it_said_before_counts(source: CachingSource, inner: MemorySource) -> None:
    assert source.look_up(UNKNOWN) == ()
    inner.trouble = SourceRefusedError("the account has expired", reason="refused")
    assert source.look_up(UNKNOWN) == (), "nobody knows of it yet"
    for question in (KNOWN, UNKNOWN, UNKNOWN):
        with pytest.raises(SourceRefusedError):
            source.look_up(question)
    inner.trouble = None
    assert [source.look_up(UNKNOWN) for _ in range(2)] == [(), ()]
    assert len(inner.asked) == 5


def test_sources_settings_and_sets_of_digests_are_kept_apart(
    source: CachingSource, book: AnswerCache, now: Now
) -> None:
    other = remembering(MemorySource({}, name="other", local=False), book, now)
    elsewhere = remembering(MemorySource({}, name="upstream", local=False), book, now, identity=b"elsewhere")
    assert [each.look_up(KNOWN) for each in (source, other, elsewhere)] == [YES, (), ()]
    assert source.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.MD5)))) == ()
    assert source.look_up(Question(Digests.only(SHA1)))


def ask_at_once(source: CachingSource, inner: Slow, trouble: GoodhosterError | None = None) -> list[object]:
    """The answers to the same question, asked by many threads while the first is under way."""
    barrier, asking = Barrier(COPIES), Semaphore(0)

    def ask(_: int) -> object:
        barrier.wait()
        asking.release()
        try:
            return source.look_up(KNOWN)
        except SourceUnavailableError:
            return "failed"

    with ThreadPoolExecutor(COPIES) as threads:
        answers = [threads.submit(ask, number) for number in range(COPIES)]
        assert inner.begun.wait(60)
        for _ in range(COPIES):
            assert asking.acquire(timeout=60)
        time.sleep(0.1)  # from there each has a few steps to the question
        inner.trouble = trouble
        inner.go_on.set()
        return [answer.result() for answer in answers]


def test_forty_threads_with_one_content_ask_once(book: AnswerCache, now: Now) -> None:
    inner = Slow()
    source = remembering(inner, book, now)
    assert ask_at_once(source, inner) == [YES] * COPIES
    assert len(inner.asked) == 1
    assert source.health().remembered == COPIES - 1


def test_a_failure_is_shared_by_nobody(book: AnswerCache, now: Now) -> None:
    inner = Slow()
    source = remembering(inner, book, now)
    assert ask_at_once(source, inner, DOWN) == ["failed"] * COPIES
    assert len(inner.asked) == COPIES
    inner.trouble = None
    assert source.look_up(KNOWN) == YES


def test_a_book_that_cannot_be_used_stops_no_check_and_shares_answers_all_the_same(book: AnswerCache, now: Now) -> None:
    book.close()
    inner = Slow()
    assert ask_at_once(remembering(inner, book, now), inner) == [YES] * COPIES
    assert len(inner.asked) < COPIES
