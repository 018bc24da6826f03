"""Visible text of HTML, with the target of each link at its text.

Not Python's own parser, which takes quadratic time for tags that never end. Nothing is rendered or fetched.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin

from goodhoster.errors import GoodhosterError
from goodhoster.locating.urls import read_url
from goodhoster.notices.reading.rewritten_links import original_of

_TOKEN = re.compile(
    r"<!--.*?(?:-->|$)|<(?P<close>/?)(?P<name>[a-z][a-z0-9:-]{0,30})"
    r"(?P<attributes>(?:\s|/)(?:\"[^\"<>]{0,9000}\"|'[^'<>]{0,9000}'|[^<>\"'])*+)?>"
    r"|<![^<>]{0,1000}>|<\?[^<>]{0,1000}>",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([a-z-]{1,30})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_BASE = re.compile(
    r"<base\b[^<>]{0,1000}?\bhref\s{0,9}=\s{0,9}(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s\"'<>]+))", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"\b(href|src|data|poster|action|data-src|background)\s{0,9}=\s{0,9}(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s\"'<>]+))",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]{1,20}:|//|#", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "template"})
_LINES = frozenset(
    "address article aside blockquote br caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 "  # noqa: SIM905 - words are read more easily
    "header hr li main nav ol option p pre section table tbody thead tr ul".split()
)
_CELLS = frozenset({"td", "th"})
_URL_LIKE = re.compile(r"\s*(?:[a-z*0-9]{3,5}\s?:\s?//|www\.)|\s*[\w-]+(?:\.[\w-]+)+/", re.IGNORECASE)
_LINKS = ("http:", "https:", "//", "hxxp")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """One HTML part as text."""

    text: str
    """A line for each block, a tab between cells; a link's target stands in `<>` behind its words, or in place of words
    that are that target.
    """
    misleading: tuple[str, ...]
    """Targets of links whose words are another address."""


@dataclass(slots=True)
class _Writer:
    pieces: list[str] = field(default_factory=list)
    misleading: list[str] = field(default_factory=list)
    unseen: str = ""
    target: str = ""
    begins: int = 0
    """Where in `pieces` the words of the open link begin."""

    def say(self, text: str) -> None:
        if not self.unseen and text:
            self.pieces.append(text)

    def open(self, name: str, attributes: str) -> None:
        if name in _UNSEEN:
            self.unseen = self.unseen or name
        elif name == "a":
            self.end_link()
            self.target, self.begins = _target(attributes), len(self.pieces)
        self._space(name)

    def close(self, name: str) -> None:
        if name == self.unseen:
            self.unseen = ""
        elif name == "a":
            self.end_link()
        self._space(name)

    def _space(self, name: str) -> None:
        self.say("\n" if name in _LINES else "\t" if name in _CELLS else "")

    def end_link(self) -> None:
        if not self.target:
            return
        words = "".join(self.pieces[self.begins :]).strip()
        if not _URL_LIKE.match(words):
            self.pieces.append(f" <{self.target}> ")
        elif _same_address(words, self.target):
            self.pieces[self.begins :] = [f" <{self.target}> "]
        else:
            self.misleading.append(self.target)
        self.target = ""


def text_of_html(markup: str) -> HtmlText:
    """Visible text, line by line. Never raises; takes time in proportion to its length."""
    writer, end = _Writer(), 0
    for token in _TOKEN.finditer(markup):
        writer.say(_written(markup[end : token.start()]))
        end = token.end()
        if name := (token["name"] or "").lower():
            (writer.close if token["close"] else lambda n: writer.open(n, token["attributes"] or ""))(name)  # noqa: B023
    writer.say(_written(markup[end:]))
    writer.end_link()
    return HtmlText("".join(writer.pieces), tuple(writer.misleading))


def links_below_base(markup: str) -> Iterator[str]:
    """Relative links of HTML as addresses, where `<base href>` says what they are relative to."""
    found = _BASE.search(markup)
    if not found:
        return
    base = html.unescape(next(filter(None, found.groups()), ""))
    for written in dict.fromkeys(next(filter(None, values), "") for _, *values in _REFERENCE.findall(markup)):
        link = html.unescape(written).strip()
        if link and not _ABSOLUTE.match(link):
            with suppress(ValueError):
                yield urljoin(base, link)


def _written(text: str) -> str:
    """Decode text of the source, with its line ends as blanks.

    In `pre` they are not blanks, which only makes one line of two.
    """
    return html.unescape(text.replace("\n", " ").replace("\xad", "").replace("&shy;", ""))


def _target(attributes: str) -> str:
    """The `href`, where it is a web link."""
    for name, *values in _ATTRIBUTE.findall(attributes):
        if name.lower() == "href":
            target = html.unescape(next(filter(None, values), "")).strip()
            target = f"http:{target}" if target.startswith("//") else target
            ours = target.lower().startswith(_LINKS)
            return re.sub(r"[\r\n\t]", "", target).replace("<", "%3C").replace(">", "%3E") if ours else ""
    return ""


def _same_address(words: str, target: str) -> bool:
    """Whether a link leads where its words say, also through a mail gateway."""
    if _plain(words) == _plain(target):
        return True
    try:
        said, leads = read_url(html.unescape(words)), read_url(original_of(target))
    except GoodhosterError:
        return False
    return said[0].href.partition("//")[2] == leads[0].href.partition("//")[2]


def _plain(url: str) -> str:
    """URL without scheme, blanks and the last slash, to compare a link's text with its target."""
    return (
        re.sub(r"\s+|^[a-z*0-9]{3,5}\s?:\s?//", "", html.unescape(url.strip()), flags=re.IGNORECASE).rstrip("/").lower()
    )
