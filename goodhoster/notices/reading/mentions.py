"""Host names and addresses in a notice, also when made unclickable, split or encoded.

They may stand anywhere in it. Which of them are ours is decided elsewhere, where the sites are known. Here nothing is
judged: what only looks like a host name counts as one, and does no harm.
"""

from __future__ import annotations

import base64
import binascii
import html
import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from goodhoster.locating.urls import host_name

MOST_NAMES = 20_000
_LONGEST_NAME = 253
LONGEST_TEXT = 4 << 20  # characters of one text that are looked through
_LONGEST_SPLIT = 1 << 20  # of which so many for names that are split
_WINDOW = 4  # words between which a name may be split
_MOST_ENCODED = 500
_DOT = re.compile(
    r"\s{1,3}\.\s{0,3}|\s{0,2}[\[({<]\s?(?:\.|dot|punkt|punt|point)\s?[\])}>]\s{0,2}|\s?_\._\s?|\[\.|\.\]|\s(?:dot|punkt|punt)\s"
    r"|(?:\\u00|\\x|=|%)2e|[\u3002\uff0e\uff61]",
    re.IGNORECASE,
)
_DROPPED = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]|=\r?\n")
_NAME = re.compile(r"(?<![\w.-])(?P<name>[\w-]{1,63}+(?:\.[\w-]{1,63}+)+)(?![\w-])")
_RUN = re.compile(r"(?<![\w.-])[\w.-]{1,253}+(?:\s{1,4}[\w.-]{1,253}+)+")
"""Words with nothing but blanks between them."""
_NO_TOP_LEVEL = frozenset(
    {
        "jpg",
        "jpeg",
        "png",
        "gif",
        "webp",
        "html",
        "htm",
        "php",
        "pdf",
        "txt",
        "csv",
        "xml",
        "json",
        "eml",
        "doc",
        "docx",
        "xlsx",
    }
)
"""Names of files, of which a notice is full."""
_ASCII_NAME = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_SPELLED = re.compile(r"(?<!\w)(?:[\w-](?:\.[\w-])?\s){4,200}[\w-](?:\.[\w-])?(?!\w)")
_V6 = re.compile(r"(?<![\w:.])(?=[0-9a-f]*:)[0-9a-f:]{3,39}(?:\.\d{1,3}){0,3}(?![\w:])", re.IGNORECASE)
_ENCODED = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,8192}={0,2}(?![\w+/=-])")
_PRINTABLE = re.compile(r"[\t\r\n -~]{8,}")


def names_in(texts: Iterable[str], own_domains: frozenset[str] = frozenset(), *, split: bool = True) -> Iterator[str]:
    """Names in the text, each once and in order, as site lists have them.

    At most `MOST_NAMES`, and one more where there are more. `own_domains` are left out exactly as given: the
    hoster's own, where its mailbox is. `split`: also names that a blank or the end of a line divides.
    """
    own = own_domains | {f"www.{domain}" for domain in own_domains}
    found = (name for text in texts for name in _names(text[:LONGEST_TEXT].lower(), split=split))
    once = dict.fromkeys(itertools.islice((name for name in found if name not in own), 10 * MOST_NAMES))
    yield from itertools.islice(once, MOST_NAMES + 1)


def _names(text: str, *, split: bool) -> Iterator[str]:
    text = _clickable(text)
    for match in _NAME.finditer(text):
        yield from _as_name(match["name"])
    for match in _V6.finditer(text):
        yield from _as_address(match[0])
    if split:
        yield from _split_names(text[:_LONGEST_SPLIT])


def texts_within(text: str) -> Iterator[str]:
    """The text, and texts encoded in it in base64."""
    yield text
    for match in itertools.islice(_ENCODED.finditer(text[:LONGEST_TEXT]), _MOST_ENCODED):
        try:
            content = base64.urlsafe_b64decode(match[0].rstrip("=").replace("+", "-").replace("/", "_") + "==")
        except (binascii.Error, ValueError):
            continue
        inner = content.decode("latin-1")
        if _PRINTABLE.fullmatch(inner):
            yield inner


def _clickable(text: str) -> str:
    """Text with its hidden dots restored, and without what only hides."""
    for _ in range(2):
        if "%" in text:
            text = unquote(text, errors="replace")
        if "&" in text:
            text = html.unescape(text)
    return _DOT.sub(".", _DROPPED.sub("", text))


def _split_names(text: str) -> Iterator[str]:
    """Names that are split by blanks."""
    for match in _SPELLED.finditer(text):
        yield from _as_name("".join(match[0].split()))
    for match in _RUN.finditer(text):
        words = match[0].split()
        for place in (number for number, word in enumerate(words) if "." in word):
            for first in range(max(0, place - _WINDOW + 1), place + 1):
                for last in range(max(place, first + 1), min(len(words), first + _WINDOW)):
                    yield from _as_name("".join(words[first : last + 1]))


def _as_name(text: str) -> Iterator[str]:
    name = text.strip(".-_")
    if ".." in name or "." not in name or len(name) > _LONGEST_NAME:
        return
    last = name.rpartition(".")[2]
    if last.isdigit():
        yield from _as_address(name)
    elif len(last) > 1 and last not in _NO_TOP_LEVEL and (last.isalpha() or last.startswith("xn--")):
        if name.isascii():
            yield name
            return
        yield host_name(name)
        yield from (match[0] for match in _ASCII_NAME.finditer(name))  # no blank stands before it in Chinese


def _as_address(text: str) -> Iterator[str]:
    try:
        yield str(ipaddress.ip_address(text))
    except ValueError:
        return
