"""Whose request it is, behind a TLS proxy: for limits per address, and for the record."""

from __future__ import annotations

import ipaddress
import logging

from aiohttp import web

_log = logging.getLogger(__name__)


class ClientAddresses:
    """Tells the address of a request's client.

    A header counts only where `[notices] client_address_header` names it: a proxy that does not set it itself passes on
    whatever the client wrote there, and each request would be another client's.
    """

    def __init__(self, header: str | None) -> None:
        self._header = header
        self._warned = False

    def of(self, request: web.Request) -> str:
        """The peer's address; behind a local proxy the last one in the header."""
        peer = request.remote or ""
        if not _is_local(peer):
            return peer
        if not self._header:
            self._warn(request)
            return peer
        named = ",".join(request.headers.getall(self._header, [])).rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(named))
        except ValueError:
            return peer

    def _warn(self, request: web.Request) -> None:
        if not self._warned and "X-Forwarded-For" in request.headers:
            self._warned = True
            _log.warning("all clients of a proxy share one limit: see client_address_header in [notices]")


def _is_local(peer: str) -> bool:
    try:
        return not peer or ipaddress.ip_address(peer).is_loopback
    except ValueError:  # a Unix socket
        return True
