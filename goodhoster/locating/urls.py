r"""A URL as people and hotlines write it, read as a browser would read it.

Undone: `hxxp`, `[.]`, `(dot)`, a trailing dot, IDN, numeric IPv4, credentials, dot segments; tabs and line ends, as a
browser does; invisible characters in the host only, because in a path they make another file's name.
The reading is the WHATWG URL standard's. Where a second, older reading (RFC 3986) finds another host, nobody guesses:
`http://a\@b/` is `a` for a browser and `b` for half of the tools that check URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

from ada_url import URL

from goodhoster.errors import UnclearUrlError

_CONTROLS = "".join(map(chr, range(0x21)))
LONGEST_URL = 8192  # characters; more than any server here takes
_PORTS = {"http:": 80, "https:": 443}
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_HEAD = re.compile(rf"[^/?#]*(?:/{_INVISIBLE.pattern}*/)?[^/?#]*")
_SCHEME = re.compile(
    r"h[tx*0_+-]{2}p(s?)(?:\s?(?:\[:\]|\(:\)|\{:\}|\[:|:\]?)\s?//\]?|\s?[\[(]://[\])])[ \t]?", re.IGNORECASE
)
_DROPPED = str.maketrans("", "", "\t\r\n")  # WHATWG: wherever they stand
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)
_PATH = re.compile(r"[/?#]")
DOT_WORDS = "dot|punkt|punt|point|punto|ponto|punct|kropka|te[cč]ka|nokta|piste|pont|to[cč]ka|tochka|точка|点|點"
"""What people write for a dot that is not to be clicked, as part of a regular expression."""
_DOT = re.compile(rf"[ ]{{0,2}}[\[({{]\s?(?:\.|{DOT_WORDS})\s?[\])}}][ ]{{0,2}}", re.IGNORECASE)
_DOT_IN_HOST = re.compile(r"\s?(?:_\._|\[\.(?!\])|(?<!\[)\.\])\s?| +dot +| +\. *|\. +", re.IGNORECASE)
"""Only between labels: in a path these may be part of a name."""


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
        """Paths that a server may look for.

        Percent-encoding is undone once, and once more where that makes a difference.
        """
        once = unquote_to_bytes(self.path)
        twice = unquote_to_bytes(once)
        return (once,) if once == twice else (once, twice)


def read_url(written: str) -> tuple[WebAddress, ...]:
    """Every reading of a URL, likeliest first.

    What was made unclickable is undone everywhere, then in the host only.

    Raises UnclearUrlError: `too-long`, `not-a-url`, `other-scheme`, `hosts-disagree`, `nul`, `dot-dot`.
    """
    if len(written) > LONGEST_URL:
        raise UnclearUrlError(f"a URL of {len(written)} characters", reason="too-long")
    written = written.replace("[/]", "/")
    text = _with_scheme(_without_invisible_head(written.strip().strip(_CONTROLS).translate(_DROPPED)))
    path = _PATH.search(text, text.find("//") + 2)
    cut = path.start() if path else len(text)
    host, rest = _DOT_IN_HOST.sub(".", _DOT.sub(".", _INVISIBLE.sub("", text[:cut]))), text[cut:]
    return tuple(_address(reading) for reading in dict.fromkeys((host + _DOT.sub(".", rest), host + rest)))


def host_name(name: str) -> str:
    """Normalise a host name as every URL and every site list has it here.

    The form is that of a browser's address bar (UTS 46, not transitional), lower case, punycode, without trailing
    dot. `*.` and `.` in front and `.*` behind stay; so does what no browser takes.
    """
    plain = name.lower().rstrip(".")
    before = "*." if plain.startswith("*.") else "." if plain.startswith(".") else ""
    behind = ".*" if plain.endswith(".*") else ""
    middle = plain[len(before) : len(plain) - len(behind)]
    if middle.isascii():
        return plain
    try:
        return before + _bare(URL(f"http://{middle}/").hostname) + behind
    except ValueError:
        return plain


def _without_invisible_head(text: str) -> str:
    """Text without invisible characters before the path: they hide the scheme, too."""
    head = _HEAD.match(text)
    end = head.end() if head else 0
    return _INVISIBLE.sub("", text[:end]) + text[end:]


def _with_scheme(text: str) -> str:
    if found := _SCHEME.match(text):
        secure = found[1]
        return f"http{secure.lower()}://" + text[found.end() :]
    if text.lower().startswith(("http:", "https:")):
        return text
    if _OTHER_SCHEME.match(text):
        raise UnclearUrlError(f"{text[:80]!r} is not a web address", reason="other-scheme")
    return f"http://{text}"


def _address(text: str) -> WebAddress:
    try:
        url = URL(text)
    except ValueError as error:
        raise UnclearUrlError(f"{text[:80]!r} is not a URL", reason="not-a-url") from error
    host = _bare(url.hostname)
    if not host or url.protocol not in _PORTS:
        raise UnclearUrlError(f"{text[:80]!r} is not a web address", reason="not-a-url")
    if host != _other_reading(text):
        raise UnclearUrlError(f"browsers and other programs read {text[:80]!r} differently", reason="hosts-disagree")
    url.username = url.password = url.hash = ""
    if url.hostname.endswith("."):
        _give_host(url, host)
    address = WebAddress(url.href, host, int(url.port or _PORTS[url.protocol]), url.pathname, url.search[1:])
    _harmless(address)
    return address


def _give_host(url: URL, host: str) -> None:
    """Set the host without its trailing dot; some are valid only with it (`foo.09..`)."""
    try:
        url.hostname = host
        kept = _bare(url.hostname) == host and not url.hostname.endswith(".")
    except ValueError:
        kept = False
    if not kept:
        raise UnclearUrlError(f"{host[:80]!r} is not a host that could be", reason="not-a-url")


def _bare(hostname: str) -> str:
    return hostname.strip("[]").rstrip(".").lower()


def _other_reading(text: str) -> str:
    """The host that RFC 3986 finds, in the same spelling; empty when it finds none."""
    try:
        return _as_browsers_spell(urlsplit(text).hostname or "")
    except ValueError:
        return ""


@lru_cache(maxsize=1024)  # the addresses of a notice have few hosts
def _as_browsers_spell(host: str) -> str:
    return _bare(URL(f"http://[{host}]/" if ":" in host else f"http://{host}/").hostname)


def _harmless(address: WebAddress) -> None:
    for path in address.paths:
        if b"\0" in path:
            raise UnclearUrlError(f"{address.href} holds a NUL", reason="nul")
        if {b"..", b"."} & set(path.replace(b"\\", b"/").split(b"/")):
            raise UnclearUrlError(f"{address.href} leaves its root by ..", reason="dot-dot")
