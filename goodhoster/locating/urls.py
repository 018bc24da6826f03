r"""A URL as people and hotlines write it, read as a browser would read it.

Undone: `hxxp`, `[.]`, `(dot)`, zero-width characters, a trailing dot, IDN, numeric IPv4, credentials, dot segments.
The reading is the WHATWG URL standard's. Where a second, older reading (RFC 3986) finds another host, nobody guesses:
`http://a\@b/` is `a` for a browser and `b` for half of the tools that check URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from ada_url import URL

from goodhoster.errors import UnclearUrlError

LONGEST_URL = 8192  # characters; more than any server here takes
_PORTS = {"http:": 80, "https:": 443}
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SCHEME = re.compile(r"h[tx*]{2}p(s?)\s?(?::|\[:\]|\(:\))\s?//|h[tx*]{2}p(s?)\[://\]", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)
_PATH = re.compile(r"[/?#]")
_DOT = re.compile(r"\s?(?:[\[({]\s?(?:\.|dot)\s?[\])}])\s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WebAddress:
    """One reading of a URL."""

    href: str
    """Canonical, without credentials and fragment."""
    host: str
    """Lower case, punycode, without brackets and trailing dot."""
    port: int
    path: str
    """Begins with `/`; percent-encoded as in `href`, dot segments resolved."""
    query: str

    @property
    def paths(self) -> tuple[bytes, ...]:
        """What a server may look for: percent-encoding undone once, and once more where that makes a difference."""
        once = unquote_to_bytes(self.path)
        twice = unquote_to_bytes(once)
        return (once,) if once == twice else (once, twice)


def read_url(written: str) -> tuple[WebAddress, ...]:
    """Every reading of a URL, likeliest first: what was made unclickable is undone everywhere, then in the host only.

    Raises UnclearUrlError: `too-long`, `not-a-url`, `other-scheme`, `hosts-disagree`, `nul`, `dot-dot`.
    """
    if len(written) > LONGEST_URL:
        raise UnclearUrlError(f"a URL of {len(written)} characters", reason="too-long")
    text = _with_scheme(_INVISIBLE.sub("", written).strip())
    path = _PATH.search(text, text.find("//") + 2)
    cut = path.start() if path else len(text)
    texts = (_DOT.sub(".", text), _DOT.sub(".", text[:cut]) + text[cut:])
    return tuple(_address(reading) for reading in dict.fromkeys(texts))


def _with_scheme(text: str) -> str:
    if found := _SCHEME.match(text):
        secure = found[1] or found[2] or ""
        return f"http{secure.lower()}://" + text[found.end() :]
    if text.lower().startswith(("http:", "https:")):
        return text
    if _OTHER_SCHEME.match(text):
        raise UnclearUrlError(f"{text[:80]!r} is no web address", reason="other-scheme")
    return f"http://{text}"


def _address(text: str) -> WebAddress:
    try:
        url = URL(text)
    except ValueError as error:
        raise UnclearUrlError(f"{text[:80]!r} is not a URL", reason="not-a-url") from error
    host = _bare(url.hostname)
    if not host or url.protocol not in _PORTS:
        raise UnclearUrlError(f"{text[:80]!r} is no web address", reason="not-a-url")
    if host != _other_reading(text):
        raise UnclearUrlError(f"browsers and other programs read {text[:80]!r} differently", reason="hosts-disagree")
    url.username = url.password = url.hash = ""
    if url.hostname.endswith("."):
        url.hostname = host
    address = WebAddress(url.href, host, int(url.port or _PORTS[url.protocol]), url.pathname, url.search[1:])
    _harmless(address)
    return address


def _bare(hostname: str) -> str:
    return hostname.strip("[]").rstrip(".").lower()


def _other_reading(text: str) -> str:
    """The host that RFC 3986 finds, in the same spelling; empty when it finds none."""
    try:
        host = urlsplit(text).hostname or ""
        return _bare(URL(f"http://[{host}]/" if ":" in host else f"http://{host}/").hostname)
    except ValueError:
        return ""


def _harmless(address: WebAddress) -> None:
    for path in address.paths:
        if b"\0" in path:
            raise UnclearUrlError(f"{address.href} holds a NUL", reason="nul")
        if {b"..", b"."} & set(path.replace(b"\\", b"/").split(b"/")):
            raise UnclearUrlError(f"{address.href} climbs out of its path", reason="dot-dot")
