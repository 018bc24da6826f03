"""Parts that are made when they are first asked for, and closed together."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, overload

Owner = TypeVar("Owner", bound="LazyParts")
Part = TypeVar("Part")


class Closable(Protocol):
    """A part that must be closed."""

    def close(self) -> None:
        """Close it."""


Closing = TypeVar("Closing", bound=Closable)


class LazyParts:
    """Base of a composition. Threads may ask for parts at once; each part is made once."""

    def __init__(self) -> None:
        self.making = threading.RLock()
        self._resources = ExitStack()

    def closed_at_end(self, part: Closing) -> Closing:
        """Have a part closed at the end, those that were made last first."""
        return self._resources.enter_context(closing(part))

    @property
    def unused(self) -> frozenset[str]:
        """Names of the parts that the configuration has no use for: `make_all` leaves them out."""
        return frozenset()

    def make_all(self) -> None:
        """Make every part now, so that a wrong setting is reported before anything is started."""
        for name, part in inspect.getmembers_static(type(self)):
            if (
                isinstance(part, lazy)
                and name not in self.unused
                and isinstance(made := getattr(self, name), LazyParts)
            ):
                made.make_all()

    def close(self) -> None:
        """Close everything that was made. May be called twice."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class lazy(Generic[Owner, Part]):  # noqa: N801 - used as `property` is
    """A part of `LazyParts`: made by the decorated method when it is first asked for.

    functools.cached_property would make it twice where two threads ask at once.
    """

    def __init__(self, make: Callable[[Owner], Part]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: Owner, owner: type[Any]) -> Part: ...
    def __get__(self, instance: Owner | None, owner: type[Any]) -> Part | Self:
        if instance is None:
            return self
        with instance.making:
            made: dict[str, Part] = vars(instance)
            if self._name not in made:
                made[self._name] = self._make(instance)
            return made[self._name]
