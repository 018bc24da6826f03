from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.errors import (
    GoodhosterError,
    NotAskedError,
    NothingToCompareError,
    SourceRefusedError,
    SourceUnavailableError,
    UncheckedError,
)
from goodhoster.model.digests import Algorithm
from goodhoster.model.sources import SourceHealth
from goodhoster.model.verdicts import Category
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")
UNKNOWN = made_up("unknown")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = SourceUnavailableError("down", reason="timeout")
REFUSED = SourceRefusedError("who are you", reason="refused")


@pytest.fixture
def inner() -> MemorySource:
    return MemorySource(
        {KNOWN.digests.of(Algorithm.MD5): Category.ILLEGAL, KNOWN.digests.of(Algorithm.SHA1): Category.BASELINE}
    )


@pytest.fixture
def counted(inner: MemorySource) -> CountedSource:
    return CountedSource(inner, lambda: NOW)


def fail(counted: CountedSource, inner: MemorySource, error: GoodhosterError) -> None:
    inner.trouble = error
    with pytest.raises(type(error)):
        counted.look_up(KNOWN)
    inner.trouble = None


def test_before_the_first_question(counted: CountedSource) -> None:
    assert counted.health() == SourceHealth("memory")


def test_answers_and_matches(counted: CountedSource) -> None:
    counted.look_up(KNOWN)
    counted.look_up(UNKNOWN)
    assert counted.health() == SourceHealth("memory", checks=2, matches=2, last_contact=NOW)


def test_failures_by_reason_and_never_as_checks(counted: CountedSource, inner: MemorySource) -> None:
    for error in (DOWN, DOWN, UncheckedError("not by md5", reason="not-askable")):
        fail(counted, inner, error)
    health = counted.health()
    assert (health.checks, health.matches, health.last_contact) == (0, 0, None)
    assert health.unchecked == {"timeout": 2, "not-askable": 1}
    assert health.last_error == "not by md5"
    assert not health.alarm


def test_a_refusal_raises_the_alarm_until_an_answer(counted: CountedSource, inner: MemorySource) -> None:
    fail(counted, inner, REFUSED)
    fail(counted, inner, DOWN)
    assert counted.health().alarm
    counted.look_up(UNKNOWN)
    assert not counted.health().alarm
    assert counted.health().last_error == ""
    assert counted.health().unchecked == {"refused": 1, "timeout": 1}


def test_a_pause_does_not_hide_what_it_is_for(counted: CountedSource, inner: MemorySource) -> None:
    fail(counted, inner, REFUSED)
    fail(counted, inner, SourceUnavailableError("not asked for 60 s", reason="paused"))
    assert counted.health().last_error == "who are you"


def test_a_pause_is_shown(inner: MemorySource) -> None:
    counted = CountedSource(inner, lambda: NOW, rest=lambda: 60.0)
    assert counted.health().paused_until == NOW + timedelta(minutes=1)


def test_a_probe_is_not_counted(counted: CountedSource) -> None:
    counted.probe()
    assert counted.health().checks == 0


@pytest.mark.parametrize("error", [NotAskedError, NothingToCompareError])
def test_a_source_without_a_say_about_a_content_has_not_failed(
    counted: CountedSource, inner: MemorySource, error: type[UncheckedError]
) -> None:
    inner.trouble = error("too flat", reason="too-flat")
    with pytest.raises(error):
        counted.look_up(KNOWN)
    health = counted.health()
    assert (health.unchecked, health.last_error, health.checks) == ({"too-flat": 1}, "", 0)
