"""fanotify with a mark on each file system: nothing is walked at the start, and no directory is missed.

One thread only empties the kernel's queue, which has no limit, into a backlog, which has; another turns events into
hints. Everything that happens on the file system is told, so what lies outside the watched trees must be dropped
cheaply: a directory's handle is looked up once and remembered, until a directory is moved.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
from collections.abc import Sequence

from goodhoster.model.uploads import display
from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.directories import Directories
from goodhoster_agent.watching.event_buffer import EventBuffer
from goodhoster_agent.watching.events import Gap, Hint, Listener
from goodhoster_agent.watching.fanotify_marks import Marks

_READ = 1 << 18


class FanotifySource:
    """See `EventSource`. Made by `choose_source`; OSError when this process may not use fanotify."""

    name = "fanotify"

    def __init__(self, reason: str, marks: Marks = kernel, *, unlimited: bool = True) -> None:
        self.reason = reason
        self._marks = marks
        self._group = marks.new_group(unlimited=unlimited)
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._stopped = False
        self._backlog = EventBuffer()
        self._directories = Directories()
        self._uncovered: dict[bytes, str] = {}
        self._listener: Listener = lambda _: None
        self._threads = [
            threading.Thread(target=self._drain, name="fanotify-drain", daemon=True),
            threading.Thread(target=self._tell_all, name="fanotify", daemon=True),
        ]

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """See `EventSource`."""
        self._listener = listener
        self._directories.trees = tuple(trees)
        for tree in trees:
            self.cover(tree)
        for thread in self._threads:
            thread.start()

    def cover(self, directory: bytes) -> None:
        """See `EventSource`."""
        self._uncovered.pop(directory, None)
        try:
            self._marks.mark_file_system(self._group, directory)
            self._directories.add_mount(directory)
        except OSError as error:
            self._uncovered[directory] = f"{display(directory)} is not watched: {error.strerror}"

    def problems(self) -> list[str]:
        """See `EventSource`."""
        dead = [thread.name for thread in self._threads if thread.ident is not None and not thread.is_alive()]
        return [*self._uncovered.values(), *(f"the thread {name} has died: no events" for name in dead)]

    def stop(self) -> None:
        """See `EventSource`."""
        if self._stopped:
            return
        self._stopped = True
        os.eventfd_write(self._stop, 1)
        self._backlog.end()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        os.close(self._group)
        os.close(self._stop)

    def _drain(self) -> None:
        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        while self._stop not in (ready := {fd for fd, _ in poll.poll()}):
            with contextlib.suppress(BlockingIOError):
                if self._group in ready:
                    self._backlog.put(os.read(self._group, _READ))

    def _tell_all(self) -> None:
        while (taken := self._backlog.take()) is not None:
            if taken.lost:
                self._listener(Gap("events came faster than they could be read"))
            for event in kernel.parse(taken.content):
                self._tell(event)

    def _tell(self, event: kernel.Event) -> None:
        if event.mask & kernel.Q_OVERFLOW:
            self._listener(Gap("the kernel's event queue overflowed"))
        elif not event.handle:
            self._listener(Gap("an event did not say where"))
        elif event.mask & kernel.ONDIR:
            self._tell_directory(event)
        else:
            settled = bool(event.mask & (kernel.CLOSE_WRITE | kernel.MOVED_TO))
            for hint in self._hints(event):
                self._listener(Hint(hint.directory, hint.name, hint.is_directory, settled))

    def _tell_directory(self, event: kernel.Event) -> None:
        """A new directory needs nothing: what comes into it is told. One that was moved brings what is in it."""
        if not event.mask & kernel.MOVED_TO:
            return
        self._directories.forget()
        for hint in self._hints(event):
            self._listener(Hint(hint.directory, hint.name, is_directory=True))

    def _hints(self, event: kernel.Event) -> list[Hint]:
        try:
            found = self._directories.find(event.fsid, event.handle)
        except OSError as error:
            if error.errno != errno.ESTALE:
                self._listener(Gap(f"a directory of an event cannot be found: {error.strerror}"))
            return []
        return [
            Hint(directory.path, event.name)
            if directory.whole
            else Hint(*os.path.split(directory.path), is_directory=True)
            for directory in found
        ]
