"""The process of the doors at which applications ask: `goodhoster doors serve`.

All doors listen in one event loop, apart from the daemon that checks files: whoever floods a door keeps no upload
waiting. The work of an answer is done by threads.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

_log = logging.getLogger(__name__)


class Door(Protocol):
    """One kind of door. It is used in the event loop only."""

    async def listen(self) -> Sequence[str]:
        """Listen, and return the addresses for people. Nothing is accepted before `open`.

        ConfigurationError when an address cannot be used. No thread may be started here: the process still has its
        privileges.
        """

    def open(self) -> None:
        """Accept and answer from now on."""

    async def close(self) -> None:
        """Accept nothing more, and end after what is in hand.

        May be called whether it listens or not.
        """


def serve(doors: Sequence[Door], on_ready: Callable[[Sequence[str]], None]) -> None:
    """Serve all doors until SIGTERM or SIGINT.

    `on_ready` is called with the addresses before anything is answered and while there is no other thread than this
    one. To be called in the main thread. ConfigurationError when an address cannot be used.
    """
    signal.signal(signal.SIGHUP, _log_restart_needed)
    until_signalled(lambda stop: serve_until(stop, doors, on_ready))


def tcp_listener(address: tuple[str, int], backlog: int) -> socket.socket:
    """Listen on the first address of a host name, without blocking.

    OSError where that cannot be done.
    """
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, resolved = found[0]
    listener = socket.create_server(resolved[:2], family=family, backlog=backlog)
    listener.setblocking(False)  # noqa: FBT003 - it takes no name
    return listener


def allow_more_descriptors(count: int) -> None:
    """Let this process have so many descriptors more than before, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + count
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _log_restart_needed(_number: int, _frame: object) -> None:
    """SIGHUP ends no door: a new configuration may need what the process gave up at its start."""
    _log.warning("the doors read their configuration at the start only: systemctl restart goodhoster-doors")


def until_signalled(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run a server until SIGTERM or SIGINT.

    The server ends when the event is set. To be called in the main thread.
    """

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(stop)

    asyncio.run(run())


async def serve_until(stop: asyncio.Event, doors: Sequence[Door], on_ready: Callable[[Sequence[str]], None]) -> None:
    """Serve as `serve` does, within a running event loop and until the event is set."""
    async with AsyncExitStack() as closing:
        addresses: list[str] = []
        for door in doors:
            closing.push_async_callback(door.close)
            addresses += await door.listen()
        on_ready(addresses)
        for door in doors:
            door.open()
        await stop.wait()
