"""inotify through watchdog (7.1 or later): for a daemon without the privilege to mark file systems.

watchdog rebuilds its watches after a queue overflow but tells nobody; a callback beside its own turns the overflow into
a Gap. A directory that cannot be watched (the kernel's limit of watches) is skipped in silence; the number of watches
is compared with the number of directories.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver
from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from goodhoster.errors import ConfigurationError
from goodhoster_agent.watching.events import Gap, Hint, Listener

_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]


class WatchdogSource:
    """See `EventSource`."""

    name = "watchdog"

    def __init__(self) -> None:
        self._observer = InotifyObserver()
        self._overflow = _Overflow()
        self._trees: tuple[bytes, ...] = ()

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """See `EventSource`."""
        self._trees = tuple(trees)
        self._overflow.listener = listener
        for tree in trees:
            self._schedule(tree, listener)
        self._observer.start()
        self._observe_overflow()

    def problems(self) -> list[str]:
        """See `EventSource`."""
        if all(emitter.is_alive() for emitter in self._observer.emitters):
            return []
        return ["the watcher of a tree has died: files are found by scanning only"]

    def stop(self) -> None:
        """See `EventSource`."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _schedule(self, tree: bytes, listener: Listener) -> None:
        try:
            self._observer.schedule(_Handler(listener), os.fsdecode(tree), recursive=True, event_filter=_EVENTS)
        except OSError as error:
            hint = "raise fs.inotify.max_user_watches, or set agent.events to scan"
            raise ConfigurationError(f"cannot watch {os.fsdecode(tree)}: {error.strerror}", hint=hint) from error

    def _observe_overflow(self) -> None:
        shared = InotifyFD.get_instance()
        for tree in self._trees:
            mask = Mask(InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MASK_ADD)
            shared.add_callback(tree, mask, self._overflow, CallbackId(id(self._overflow)))


class _Handler(FileSystemEventHandler):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def on_closed(self, event: FileSystemEvent) -> None:
        self._tell(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        if event.dest_path:
            self._tell(event.dest_path, is_directory=event.is_directory)

    def on_created(self, event: FileSystemEvent) -> None:
        if event.is_directory:
            self._tell(event.src_path, is_directory=True)
        elif _linked(event.src_path):
            self._tell(event.src_path, settled=False)

    def _tell(self, path: bytes | str, *, is_directory: bool = False, settled: bool = True) -> None:
        directory, name = os.path.split(os.fsencode(path))
        self._listener(Hint(directory, name, is_directory, settled))


def _linked(path: bytes | str) -> bool:
    """A hard link is never closed by who made it; every other new file is, and is told of then."""
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False  # gone again


class _Overflow:
    """Beside watchdog's own callbacks on the shared inotify descriptor."""

    def __init__(self) -> None:
        self.listener: Listener | None = None

    def on_event(self, event: InotifyEvent) -> None:
        """Events are told by the handlers."""

    def on_watch_deleted(self, _wd: WatchDescriptor) -> None:
        """The tree itself is gone."""
        self._tell("a watched tree was deleted")

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._tell("the kernel's event queue overflowed")

    def _tell(self, reason: str) -> None:
        if self.listener is not None:
            self.listener(Gap(reason))
