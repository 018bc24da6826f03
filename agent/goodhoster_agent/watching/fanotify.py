"""fanotify with a mark on each file system.

Nothing is walked at the start, and no directory is missed.

One thread only empties the kernel's queue, which has no limit, into a backlog, which has; another turns events into
hints. Everything that happens on the file system is reported, so what lies outside the watched trees must be dropped
cheaply: a directory's handle is looked up once and cached, until a directory is moved.

That a file was written to and stays open is no event of these. A second group has the writes, and is emptied once a
second.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
from collections.abc import Iterable, Sequence

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.kernel import mount_id
from goodhoster.linux.mount_table import Mount, mount_table
from goodhoster.linux.thread_crew import CrewSize, ThreadCrew
from goodhoster.model.uploads import display
from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.directory_handles import Directories
from goodhoster_agent.watching.event_buffer import EventBuffer
from goodhoster_agent.watching.events import Gap, Hint, Listener, Written
from goodhoster_agent.watching.fanotify_marks import Marks
from goodhoster_agent.watching.pending_events import PendingEvents
from goodhoster_agent.watching.unfinished_writes import DueFile, UnfinishedWrites

_READ = 1 << 18
_TIMEOUT_SECONDS = 2.0
"""Seconds that a file system may take to answer before others go on without it."""
_MOST_REPORTERS = 16
_READ_WRITES_EVERY = 1.0


class FanotifySource:
    """Event source using fanotify; see `EventSource`.

    Made by `choose_source`; OSError when this process may not use fanotify.
    """

    name = "fanotify"

    def __init__(
        self, reason: str, marks: Marks = kernel, calls: FileSystemCalls | None = None, *, unlimited: bool = True
    ) -> None:
        self.reason = reason
        self._marks = marks
        self.calls = calls or FileSystemCalls()
        self._group = marks.new_group(unlimited=unlimited)
        self._writes = marks.new_group(unlimited=False)
        self._unfinished = UnfinishedWrites()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._stopped = False
        self._backlog = EventBuffer()
        self._directories = Directories(self.calls)
        self._events = PendingEvents()
        self._next = threading.Lock()
        self._marked: set[bytes] = set()
        self._seen: frozenset[bytes] = frozenset()
        """Devices whose mark the kernel showed."""
        self._uncovered: dict[bytes, str] = {}
        self._listener: Listener = lambda _: None
        self._drainer = threading.Thread(target=self._drain, name="fanotify-drain", daemon=True)
        self._writes_reader = threading.Thread(target=self._read_writes, name="fanotify-writes", daemon=True)
        self._reporters = ThreadCrew("fanotify", CrewSize(1, _MOST_REPORTERS, _TIMEOUT_SECONDS), self._report_next)

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """See `EventSource`."""
        self._listener = listener
        self._directories.trees = tuple(trees)
        for tree in trees:
            self.cover(tree)
        self._drainer.start()
        self._writes_reader.start()
        self._reporters.start()

    def cover(self, directory: bytes) -> None:
        """See `EventSource`."""
        try:
            self.calls.ask(directory, lambda: self._watch_tree(directory), _TIMEOUT_SECONDS)
        except FileNotFoundError:
            self._uncovered.pop(directory, None)  # gone again
        except OSError as error:
            self._uncovered[directory] = f"{display(directory)} is not watched: {error.strerror or error}"
        else:
            self._uncovered.pop(directory, None)

    def uncover(self, directory: bytes) -> None:
        """See `EventSource`."""
        self._uncovered.pop(directory, None)

    def lost(self, mounts: Iterable[Mount]) -> list[Mount]:
        """See `EventSource`.

        A mark ends with its file system. Only one that was seen before is missed: not every kernel shows them.
        """
        present = kernel.marked_devices(self._group)
        gone, self._seen = self._seen - present, present
        return [mount for mount in mounts if mount.device in gone] if gone else []

    def _watch_tree(self, directory: bytes) -> None:
        device = _device_of(directory)
        try:
            self._marks.mark_file_system(self._group, directory)
        except OSError as error:
            if error.errno != errno.EXDEV or device not in self._marked:
                raise  # a btrfs subvolume cannot be marked by itself, but is with the top of its file system
        with contextlib.suppress(OSError):  # of a btrfs subvolume, as above
            self._marks.mark_file_system(self._writes, directory, writes=True)
        kernel.probe_handles(directory)
        self._marked.add(device)
        self._directories.add(kernel.fsid_of(directory), device)

    def problems(self) -> list[str]:
        """See `EventSource`."""
        alike = [
            f"{' and '.join(display(mount.point) for mount in copies)} have the same identity (a snapshot, or images "
            "made from one): events do not tell them apart, so they are scanned too"
            for copies in self._directories.copies()
        ]
        return [*self._uncovered.values(), *alike, *self._dead()]

    def _dead(self) -> list[str]:
        died = [] if _is_running(self._drainer) and not self._reporters.died else ["no events"]
        died += [] if _is_running(self._writes_reader) else ["files that are not closed are found late"]
        return [f"a thread that reads events has died: {what}" for what in died]

    def stop(self) -> None:
        """See `EventSource`."""
        if self._stopped:
            return
        self._stopped = True
        os.eventfd_write(self._stop, 1)
        self._backlog.end()
        if self._drainer.ident is not None:
            self._drainer.join()
        self._reporters.finish(_TIMEOUT_SECONDS)
        if self._writes_reader.ident is not None:
            self._writes_reader.join(_TIMEOUT_SECONDS)
        os.close(self._group)
        os.close(self._writes)
        os.close(self._stop)

    def _drain(self) -> None:
        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        while self._stop not in (ready := {fd for fd, _ in poll.poll()}):
            with contextlib.suppress(BlockingIOError):
                if self._group in ready:
                    self._backlog.put(os.read(self._group, _READ))

    def _read_writes(self) -> None:
        """Tell of files that were written to and stay open.

        What the kernel has no room for is found when everything is compared: no gap, or whoever writes much could have
        all compared again and again.
        """
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        while not poll.poll(_READ_WRITES_EVERY * 1000):
            with contextlib.suppress(BlockingIOError):
                while content := os.read(self._writes, _READ):
                    self._unfinished.written(kernel.parse(content))
            if written := [each for due in self._unfinished.due() for each in self._written(due)]:
                self._listener(written)

    def _written(self, due: DueFile) -> list[Written]:
        try:
            found = self._directories.find(due.event.fsid, due.event.handle)
        except OSError:
            return []
        return [Written(each.path, due.event.name, due.closed_at) for each in found if each.whole]

    def _report_next(self) -> bool:
        """Process one event; False at the end.

        While a disk blocks the thread of one event, another goes on with the next.
        """
        event = self._next_event()
        if event is not None:
            with self._reporters.at_work():
                self._tell(event)
        return event is not None

    def _next_event(self) -> kernel.Event | None:
        with self._next:
            while not self._events or self._backlog.waits:
                if (taken := self._backlog.take()) is None:
                    return None
                if taken.lost:
                    self._listener(Gap("events came faster than they could be read"))
                self._events.add(kernel.parse(taken.content))
            return self._events.next()

    def _tell(self, event: kernel.Event) -> None:
        if event.mask & kernel.Q_OVERFLOW and event.handle:
            for hint in self._hints(event):
                self._listener(Gap("events of a directory came faster than they could be handed on", hint.directory))
        elif event.mask & kernel.Q_OVERFLOW:
            self._listener(Gap("the kernel's event queue overflowed"))
        elif not event.handle:
            self._listener(Gap("an event did not say where"))
        elif event.mask & kernel.ONDIR:
            self._report_directory(event)
        else:
            settled = bool(event.mask & (kernel.CLOSE_WRITE | kernel.MOVED_TO))
            if settled:
                self._unfinished.closed(event)
            for hint in self._hints(event):
                self._listener(Hint(hint.directory, hint.name, hint.is_directory, settled))

    def _report_directory(self, event: kernel.Event) -> None:
        """Process an event of a directory.

        A new directory needs nothing: what comes into it is reported. One that was moved brings what is in it.
        """
        if not event.mask & kernel.MOVED_TO:
            return
        self._directories.forget()
        for hint in self._hints(event):
            self._listener(Hint(hint.directory, hint.name, is_directory=True))

    def _hints(self, event: kernel.Event) -> list[Hint]:
        try:
            found = self._directories.find(event.fsid, event.handle)
        except OSError as error:
            self._listener(Gap(f"a directory of an event cannot be found: {error.strerror}"))
            return []
        return [
            Hint(directory.path, event.name)
            if directory.whole
            else Hint(*os.path.split(directory.path), is_directory=True)
            for directory in found
        ]


def _is_running(thread: threading.Thread) -> bool:
    """Whether a thread has not begun yet or goes on."""
    return thread.ident is None or thread.is_alive()


def _device_of(directory: bytes) -> bytes:
    """Device of the file system mounted there, as the mount table names it.

    OSError when it is gone again.
    """
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mount = mount_table().by_number.get(mount_id(top))
    finally:
        os.close(top)
    if mount is None:
        raise OSError(errno.ENOENT, "it is mounted no longer")
    return mount.device
