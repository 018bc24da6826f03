"""Links of a page, for the crawler of our own sites.

No parser of HTML: what a customer's page says is hostile, and an attribute in a comment or script more does no harm.
The work is bounded by the size of the page.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

LARGEST_PAGE = 1 << 20  # bytes that are looked through
MOST_LINKS = 500
_LONGEST_LINK = 2000  # characters of one link
_ATTRIBUTE = re.compile(
    rb"""(?i)(?<![a-z0-9_-])(href|src|srcset|data-src|poster|data|background)[ \t\r\n]{0,8}=[ \t\r\n]{0,8}"""
    rb"""("[^"<>]{1,2000}"|'[^'<>]{1,2000}'|[^\s"'<>`]{1,2000})"""
)
_BASE = re.compile(rb"""(?i)<base\b[^<>]{0,200}?href[ \t\r\n]{0,8}=[ \t\r\n]{0,8}["']?([^"'<>\s]{1,2000})""")
_IN_STYLE = re.compile(rb"""(?i)url\(\s{0,8}["']?([^"')\s<>]{1,2000})""")


def links_on(page: bytes, url: str) -> tuple[list[str], list[str]]:
    """Absolute URLs of what a page shows, and those that it leads to, each once."""
    page = page[:LARGEST_PAGE]
    if base := _BASE.search(page):
        url = _joined(url, _text(base[1])) or url
    shown: dict[str, None] = {}
    leads_to: dict[str, None] = {}
    for found in _ATTRIBUTE.finditer(page):
        name, value = found[1].lower(), _text(found[2])
        kind = leads_to if name == b"href" else shown
        kind.update(dict.fromkeys(_joined(url, each) for each in (_in_srcset(value) if name == b"srcset" else [value])))
        if len(shown) + len(leads_to) > MOST_LINKS:
            break
    shown.update(dict.fromkeys(_joined(url, _text(found[1])) for found in _IN_STYLE.finditer(page)))
    for links in (shown, leads_to):
        links.pop("", None)
    return list(shown)[:MOST_LINKS], [each for each in leads_to if each not in shown][:MOST_LINKS]


def _text(value: bytes) -> str:
    return html.unescape(value.strip(b"\"' \t\r\n").decode("utf-8", "replace"))


def _in_srcset(value: str) -> list[str]:
    """Addresses in a srcset, each of which has its width behind it."""
    return [words[0] for part in value.split(",") if (words := part.split())]


def _joined(base: str, link: str) -> str:
    """Absolute URL of the web without its fragment; empty for anything else."""
    try:
        whole = urljoin(base, link).partition("#")[0]
    except ValueError:
        return ""
    return whole if whole.startswith(("http://", "https://")) and len(whole) <= _LONGEST_LINK else ""
