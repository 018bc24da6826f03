"""Conversion of aiohttp's errors to ours; none of aiohttp's errors gets past it."""

from __future__ import annotations

import os
import ssl

import aiohttp

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import SourceUnavailableError

FOREIGN = (aiohttp.ClientError, OSError)
"""Everything a request can raise; TimeoutError is an OSError."""

_REASONS: tuple[tuple[tuple[type[BaseException], ...], Reason], ...] = (
    ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), Reason.PROXY),
    ((aiohttp.ClientSSLError, ssl.SSLError), Reason.TLS),
    ((aiohttp.ClientConnectorError,), Reason.UNREACHABLE),
    ((TimeoutError,), Reason.TIMEOUT),
    ((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionError), Reason.CONNECTION_LOST),
    ((aiohttp.ClientResponseError,), Reason.ODD_ANSWER),
    ((aiohttp.ClientOSError,), Reason.CONNECTION_LOST),
)
"""The first that fits is the reason: aiohttp's errors inherit from one another."""

_HINTS = {
    Reason.PROXY: "Check https_proxy and no_proxy in the service's environment.",
    Reason.TLS: "Check the URL's host name, this host's clock and CA certificates; verification stays on.",
    Reason.UNREACHABLE: "Check DNS, routing and the firewall of this host; then whether the service is up.",
}


def unavailable(source: str, error: BaseException) -> SourceUnavailableError:
    """The error of ours for what a request raised."""
    reason = next((reason for kinds, reason in _REASONS if isinstance(error, kinds)), Reason.UNREACHABLE)
    words = (_unreachable(error) if reason is Reason.UNREACHABLE else "") or str(error) or type(error).__name__
    return SourceUnavailableError(f"{source}: {words}", reason=reason, hint=_HINTS.get(reason, ""))


def _unreachable(error: BaseException) -> str:
    """In plain words why there is no connection; empty where the error must speak for itself."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        why = os.strerror(error.os_error.errno).lower()
        return f"no connection to {error.host}, port {error.port}: {why}"
    return ""
