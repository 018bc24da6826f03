"""The proxy that this host's environment names for an address.

Read once, when a source is made: reading the environment (and `.netrc`, which aiohttp's `trust_env` adds) for each
question costs more than the question.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from goodhoster.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy to connect to, and the headers for it."""

    url: str | None = None
    """None to connect directly."""
    tunnel_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For the CONNECT that a request by TLS begins with."""
    request_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For a request without TLS, which the proxy reads itself."""


def proxy_for(url: str) -> Proxy:
    """The proxy for this URL by `https_proxy`, `http_proxy` and `no_proxy`; none for loopback.

    ConfigurationError when the proxy is not an HTTP one.
    """
    target = urlsplit(url)
    host = target.hostname or ""
    address = getproxies().get(target.scheme)
    if not address or _is_loopback(host) or proxy_bypass(host):
        return Proxy()
    address = address if "://" in address else f"http://{address}"
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"the proxy {parts.scheme}://{parts.hostname} of this environment is not an HTTP proxy",
            hint="Set https_proxy to an http:// or https:// address, or no_proxy to the service's host name.",
        )
    _, _, place = parts.netloc.rpartition("@")
    bare = urlunsplit((parts.scheme, place, "", "", ""))
    headers = _authorization(parts)
    return Proxy(bare, headers, {}) if target.scheme == "https" else Proxy(bare, {}, headers)


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    return {"Proxy-Authorization": basic_auth(unquote(proxy.username), unquote(proxy.password or ""))}


def basic_auth(username: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617, in UTF-8)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
