"""inotify through watchdog (7.1 or later), for a daemon that may not mark file systems.

watchdog notices every loss and reports none. An inotify descriptor of our own, given to its observer, reports them: a
directory that cannot be watched (the kernel's limit of watches) and a queue that overflowed are Gaps.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Sequence

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchCallback, WatchDescriptor

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.mount_table import Mount
from goodhoster.model.uploads import display
from goodhoster_agent.watching.events import Gap, Hint, Listener

_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
_TIMEOUT_SECONDS = 10.0
"""Seconds to wait for what may never end."""


class WatchdogSource:
    """Event source using watchdog; see `EventSource`.

    OSError when there can be no inotify descriptor.
    """

    name = "watchdog"

    def __init__(self, reason: str, calls: FileSystemCalls | None = None) -> None:
        self.reason = reason
        self.calls = calls or FileSystemCalls()
        # It warns whenever a directory is watched twice, which any customer can bring about.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        self._inotify = _Inotify()
        self._observer = BaseObserver(InotifyFullEmitter, inotify_fd=self._inotify)
        self._uncovered: dict[bytes, str] = {}
        self._listener: Listener = lambda _: None

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """See `EventSource`."""
        self._listener = self._inotify.listener = listener
        self._inotify.start()
        self._observer.start()
        for tree in trees:
            self.cover(tree)

    def cover(self, directory: bytes) -> None:
        """See `EventSource`."""
        self._uncovered[directory] = f"{display(directory)} is not watched yet: its directories are gone through"
        walk = threading.Thread(target=self._schedule, args=(directory,), name="watchdog-cover", daemon=True)
        walk.start()
        walk.join(_TIMEOUT_SECONDS)  # a file system below it may never answer

    def _schedule(self, directory: bytes) -> None:
        handler = _Handler(self._listener)
        try:
            self._observer.schedule(handler, os.fsdecode(directory), recursive=True, event_filter=_EVENTS)
        except FileNotFoundError:
            self._uncovered.pop(directory, None)  # gone again
        except OSError as error:
            self._uncovered[directory] = f"{display(directory)} is not watched: {error.strerror}"
        else:
            self._uncovered.pop(directory, None)

    def uncover(self, directory: bytes) -> None:
        """See `EventSource`."""
        self._uncovered.pop(directory, None)

    def lost(self, mounts: Iterable[Mount]) -> list[Mount]:  # noqa: ARG002 - see `EventSource`
        """Return none: it watches directories one by one, and is not told of their end."""
        return []

    def problems(self) -> list[str]:
        """See `EventSource`."""
        dead = [emitter for emitter in self._observer.emitters if not emitter.is_alive()]
        died = ["the watcher of a tree has died: no events from it"] if dead or not self._inotify.is_alive() else []
        return [*self._uncovered.values(), *died, *self._inotify.problems()]

    def stop(self) -> None:
        """See `EventSource`."""
        for thread in (self._observer, self._inotify):
            if thread.is_alive():
                ending = threading.Thread(target=thread.stop, daemon=True)  # may wait for a tree
                ending.start()
                ending.join(_TIMEOUT_SECONDS)
                thread.join(_TIMEOUT_SECONDS)


class _Inotify(InotifyFD):
    """watchdog's inotify descriptor, extended to report what it could not do."""

    def __init__(self) -> None:
        super().__init__()
        self.listener: Listener = lambda _: None
        self._refused: set[bytes] = set()

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        """Add a watch and report every failure.

        watchdog's own method swallows the error for every directory but the first.
        """
        try:
            watch = super().add_callback(path, mask, callback, id_)
        except FileNotFoundError:
            raise  # deleted meanwhile: nothing is missed
        except OSError as error:
            self._refuse(path, error.strerror or str(error))
            raise
        if watch < 0:  # what watchdog makes of EACCES
            self._refuse(path, "permission denied")
        return watch

    def handle_event(self, event: InotifyEvent) -> None:
        """Handle an event and report an overflow.

        watchdog's own method rebuilds its watches after an overflow but does not report it.
        """
        super().handle_event(event)
        if event.is_queue_overflow:
            self.listener(Gap("the kernel's event queue overflowed"))

    def problems(self) -> list[str]:
        """How many directories are not watched, of how many.

        Those that are gone by now do not count.
        """
        self._refused = {path for path in self._refused if os.path.isdir(path)}
        watched = len(self._watch_for_wd)
        if not self._refused:
            return []
        there = watched + len(self._refused)
        return [f"degraded: {watched} of {there} directories watched: raise fs.inotify.max_user_watches and restart"]

    def _refuse(self, path: bytes, why: str) -> None:
        first = not self._refused
        self._refused.add(path)
        if first:  # one Gap says it; what follows is told by `problems`
            self.listener(Gap(f"{display(path)} is not watched: {why}"))


class _Handler(FileSystemEventHandler):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def on_closed(self, event: FileSystemEvent) -> None:
        self._tell(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        if event.dest_path:
            self._tell(event.dest_path, is_directory=event.is_directory)

    def on_created(self, event: FileSystemEvent) -> None:
        self._tell(event.src_path, is_directory=event.is_directory, settled=False)

    def _tell(self, path: bytes | str, *, is_directory: bool = False, settled: bool = True) -> None:
        directory, name = os.path.split(os.fsencode(path))
        self._listener(Hint(directory, name, is_directory, settled))
