import asyncio
from collections.abc import Sequence

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.errors import GoodhosterError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category
from goodhoster.testing.suites.hash_source import made_up
from goodhoster_agent.doors.relay import Relay

KNOWN = made_up("known").digests.of(Algorithm.SHA1)
UNKNOWN = made_up("unknown").digests.of(Algorithm.SHA1)
DOWN = SourceUnavailableError("down", reason="timeout")
NOT_ASKABLE = UncheckedError("not by sha1", reason="not-askable")


def source(*, local: bool, trouble: GoodhosterError | None = None) -> MemorySource:
    made = MemorySource({KNOWN: Category.ILLEGAL}, local=local)
    made.trouble = trouble
    return made


def knows(sources: Sequence[MemorySource], known: bool = True) -> bool:  # noqa: FBT001, FBT002
    relay = Relay(sources)
    try:
        return asyncio.run(relay.knows(KNOWN if known else UNKNOWN))
    finally:
        relay.close()


@pytest.mark.parametrize("local", [True, False])
def test_a_source_is_asked(*, local: bool) -> None:
    assert knows([source(local=local)])
    assert not knows([source(local=local)], known=False)


def test_upstream_is_not_bothered_with_what_a_list_knows() -> None:
    upstream = source(local=False)
    assert knows([upstream, source(local=True)])
    assert upstream.asked == []


@pytest.mark.parametrize("trouble", [DOWN, NOT_ASKABLE, SourceRefusedError("who", reason="refused")])
def test_a_service_that_was_not_asked_is_never_false(trouble: GoodhosterError) -> None:
    with pytest.raises(type(trouble)):
        knows([source(local=True), source(local=False, trouble=trouble)], known=False)


def test_a_yes_counts_while_another_source_fails() -> None:
    assert knows([source(local=True, trouble=DOWN), source(local=False, trouble=DOWN), source(local=False)])


def test_a_damaged_list_is_never_false() -> None:
    with pytest.raises(SourceUnavailableError):
        knows([source(local=True, trouble=DOWN), source(local=False)], known=False)


def test_lists_of_other_digests_stand_aside() -> None:
    assert not knows([source(local=True, trouble=NOT_ASKABLE), source(local=False)], known=False)


@pytest.mark.parametrize("sources", [[], [source(local=True, trouble=NOT_ASKABLE)]])
def test_nothing_to_ask_is_never_false(sources: list[MemorySource]) -> None:
    with pytest.raises(UncheckedError):
        knows(sources, known=False)
