"""Pictures that a page shows.

For the hotline, a notice of a page means the page and the pictures on it (sector code, addendum of December 2018).
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from goodhoster.model.content_kinds import WEB_SUFFIXES

LARGEST_PAGE = 1 << 20  # bytes that are looked through
MOSTWEB_SUFFIXES = 200
_SOURCES = {
    "img": ("src", "srcset", "data-src"),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "a": ("href",),
    "input": ("src",),
    "object": ("data",),
    "embed": ("src",),
}
_IN_STYLE = re.compile(r"""url\(\s{0,9}["']?([^"')\s]{1,2000})""", re.IGNORECASE)


def pictures_on(page: bytes, url: str) -> tuple[str, ...]:
    """Absolute URLs of pictures and films that the page shows or links to.

    In the page's order, each once.
    """
    parser = _Sources()
    parser.feed(page[:LARGEST_PAGE].decode("utf-8", "replace"))
    found = (joined for source in parser.found if (joined := _joined(url, source)))
    return tuple(dict.fromkeys(found))[:MOSTWEB_SUFFIXES]


class _Sources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "style":
                self.found += _IN_STYLE.findall(value)
            elif value and name in ("background", *_SOURCES.get(tag, ())):
                self.found += _addresses(name, value)


def address_of(page: bytes, url: str) -> str:
    """Base URL for addresses on a page, for the file `page` that was found at a URL.

    A request for a directory is redirected to its name with a slash.
    """
    parts, name = urlsplit(url), page.rpartition(b"/")[2]
    if not name.lower().startswith(b"index.") or parts.path.endswith(("/", "/" + name.decode("utf-8", "replace"))):
        return url
    return parts._replace(path=parts.path + "/").geturl()


def _addresses(name: str, value: str) -> list[str]:
    """Addresses in a srcset, each of which has its width behind it."""
    if name != "srcset":
        return [value.strip()]
    return [words[0] for part in value.split(",") if (words := part.split())]


def _joined(base: str, source: str) -> str:
    """Absolute URL; empty when it is no picture by its name, or no URL."""
    try:
        whole = urljoin(base, source)
    except ValueError:
        return ""
    name = whole.partition("?")[0].partition("#")[0].lower()
    return whole if name.endswith(WEB_SUFFIXES) and whole.startswith(("http://", "https://")) else ""
