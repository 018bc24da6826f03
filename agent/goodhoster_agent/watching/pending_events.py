"""Events waiting to be reported, taken in turn by directory.

Whoever changes one directory faster than its events can be told holds up no other directory. Events of the same name
are one.
"""

from __future__ import annotations

from collections.abc import Iterable

from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.fanotify_kernel import Event

_MOST_EVENTS_OF_ONE = 20_000
"""Events of one directory that may wait; it is compared then."""
_MOST_EVENTS = 200_000

_Directory = tuple[bytes, bytes]
"""Identity of the file system, and handle."""
_Name = tuple[bytes, int]


class PendingEvents:
    """Events in the order of their directories' turns; for one thread at a time."""

    def __init__(self) -> None:
        self._waiting: dict[_Directory, dict[_Name, int]] = {}
        """Masks by name, and by whether it is a directory."""
        self._apart: list[Event] = []
        """What says nothing of a directory."""
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._apart or self._waiting)

    def add(self, events: Iterable[Event]) -> None:
        """Add events that the kernel reported.

        What finds no room makes its directory one that is to be compared.
        """
        for event in events:
            if not event.handle or event.mask & kernel.Q_OVERFLOW:
                self._apart.append(event)
                continue
            names = self._waiting.setdefault((event.fsid, event.handle), {})
            name = (event.name, event.mask & kernel.ONDIR)
            if name in names:
                names[name] |= event.mask
            elif _WHOLE in names:
                continue
            elif len(names) >= _MOST_EVENTS_OF_ONE or self._count >= _MOST_EVENTS:
                self._count -= len(names) - 1
                names.clear()
                names[_WHOLE] = kernel.Q_OVERFLOW
            else:
                names[name] = event.mask
                self._count += 1

    def next(self) -> Event:
        """The next event. One with Q_OVERFLOW and a handle: events of that directory were dropped."""
        if self._apart:
            return self._apart.pop()
        directory = next(iter(self._waiting))
        names = self._waiting.pop(directory)
        name = next(iter(names))
        mask = names.pop(name)
        self._count -= 1
        if names:
            self._waiting[directory] = names  # behind the other directories
        return Event(mask, *directory, name[0])


_WHOLE: _Name = (b"", 0)
