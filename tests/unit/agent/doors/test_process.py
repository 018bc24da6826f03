"""The process of the doors: all of them listen before anything is answered, and all are closed."""

import asyncio
from collections.abc import Sequence

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster_agent.doors.process import serve_until


class Hinge:
    """A door that notes what happens to it."""

    def __init__(self, name: str, said: list[str], *, broken: bool = False) -> None:
        self._name, self._said, self._broken = name, said, broken

    async def listen(self) -> Sequence[str]:
        if self._broken:
            raise ConfigurationError("cannot listen")
        self._said.append(f"{self._name} listens")
        return [self._name]

    def open(self) -> None:
        self._said.append(f"{self._name} opens")

    async def close(self) -> None:
        self._said.append(f"{self._name} closes")


def test_all_listen_before_anything_is_answered_and_all_are_closed() -> None:
    said: list[str] = []

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await serve_until(
            stop, [Hinge("a", said), Hinge("b", said)], lambda addresses: said.append(f"ready {addresses}")
        )

    asyncio.run(run())
    assert said == ["a listens", "b listens", "ready ['a', 'b']", "a opens", "b opens", "b closes", "a closes"]


def test_a_door_that_cannot_listen_ends_all() -> None:
    said: list[str] = []
    with pytest.raises(ConfigurationError):
        asyncio.run(serve_until(asyncio.Event(), [Hinge("a", said), Hinge("b", said, broken=True)], said.extend))
    assert said == ["a listens", "b closes", "a closes"]
