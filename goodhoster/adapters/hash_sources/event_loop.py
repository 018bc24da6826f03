"""An event loop in a thread of its own, for synchronous callers in many threads.

It does what `asyncio.run_coroutine_threadsafe` does, for thousands of calls a second: callers that come together wake
the loop once instead of once each, and an answer wakes its caller without a future in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = Callable[[], Coroutine[Any, Any, Result]]
Inbox = SimpleQueue[tuple[Any, BaseException | None]]


class LoopThread:
    """Runs coroutines for callers without an event loop.

    Its thread starts with the first of them: until then a process may fork, or give up privileges, which every
    thread has for itself.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = Lock()
        self._closed = False
        self._waiting: list[tuple[Work[Any], Inbox]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)

    def run(self, work: Work[Result]) -> Result:
        """Wait for what `work` returns or raises. CancelledError when closed meanwhile or before."""
        inbox = Inbox()
        with self._lock:
            if self._closed:
                raise CancelledError
            self._begin_thread()
            self._waiting.append((work, inbox))
            if len(self._waiting) == 1:
                self._loop.call_soon_threadsafe(self._begin)
        result, error = inbox.get()
        if error:
            raise error
        return result  # type: ignore[no-any-return]

    def _begin_thread(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def _begin(self) -> None:
        with self._lock:
            begun, self._waiting = self._waiting, []
        for work, inbox in begun:
            task = self._loop.create_task(work())
            self._tasks.add(task)
            task.add_done_callback(partial(self._deliver, inbox))

    def _deliver(self, inbox: Inbox, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            inbox.put((None, CancelledError()))
        elif error := task.exception():
            inbox.put((None, error))
        else:
            inbox.put((task.result(), None))

    def close(self, last: Work[None]) -> None:
        """Cancel what is running, then run `last`, and end the thread. May be called twice."""
        with self._lock:
            already, self._closed = self._closed, True
            self._begin_thread()
        if already:
            return
        asyncio.run_coroutine_threadsafe(self._cancel_and_finish(last), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_and_finish(self, last: Work[None]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await last()
