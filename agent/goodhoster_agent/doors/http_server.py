"""An aiohttp application in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from aiohttp import web
from aiohttp.http import HttpProcessingError

from goodhoster.errors import ConfigurationError

_AT_ONCE = 256
"""Connections; whoever comes on top waits in the kernel."""
_THEIRS = (HttpProcessingError, web.RequestPayloadError, ConnectionResetError)


def be_quiet_about_peers() -> None:
    """Who sends what is no HTTP, or hangs up in the middle, does not fill the journal with traces."""
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _THEIRS))


class HttpThread:
    """Serves until it is stopped."""

    def __init__(self, make_app: Callable[[], web.Application], address: tuple[str, int]) -> None:
        self._make_app = make_app
        self._address = address
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._runner is not None  # noqa: S101 - asked for after `start`
        return int(self._runner.addresses[0][1])

    def start(self) -> None:
        """Listen. ConfigurationError when the address cannot be used."""
        be_quiet_about_peers()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except OSError as error:
            self.stop()
            host, port = self._address
            raise ConfigurationError(f"cannot listen on {host}:{port}: {error}", hint="see [notices] listen") from error

    def stop(self) -> None:
        """End after the requests in hand."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._runner = web.AppRunner(self._make_app(), access_log=None, keepalive_timeout=30.0, shutdown_timeout=5.0)
        await self._runner.setup()
        host, port = self._address
        await web.TCPSite(self._runner, host, port, backlog=_AT_ONCE).start()
