"""Host names and addresses in a notice, also when made unclickable, split or encoded.

They may stand anywhere in it. Which of them are ours is decided elsewhere, where the sites are known. Here nothing is
judged: what only looks like a host name counts as one, and does no harm.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import DOT_WORDS, host_name, read_url
from goodhoster.notices.reading.encoded_texts import LONGEST_TEXT, unescaped
from goodhoster.notices.reading.lookalikes import folded

MOST_NAMES = 20_000
_LONGEST_NAME = 253
_LONGEST_SPLIT = 1 << 20  # of which so many for names that are split
_WINDOW = 4  # words between which a name may be split
_DOT = re.compile(
    rf"\s{{1,3}}\.\s{{0,3}}|\s{{0,2}}[\[({{<]\s?(?:\.|{DOT_WORDS})\s?[\])}}>]\s{{0,2}}|\s?_\._\s?|\[\.|\.\]"
    r"|\s(?:dot|punkt|punt)\s"
    r"|(?:\\u00|\\x|=|%)2e|[\u3002\uff0e\uff61]",
    re.IGNORECASE,
)
_DISGUISED_DOT = re.compile(
    rf"\s{{0,2}}[\[({{]\s?(?:\.|{DOT_WORDS})\s?[\])}}]\s{{0,2}}|\s?_\._\s?|\[\.|\.\]|\s(?:dot|punkt|punt)\s|[\u3002\uff0e\uff61]",
    re.IGNORECASE,
)
"""A dot that is not to be clicked; the others above may as well end a sentence."""
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
_DISGUISED = re.compile(r"(?<![\w.-])[\w.-]++(?:[*'\"`\[\](){}~|^\\\\!+]{1,4}[\w.-]++)++")
"""Words with signs in them that belong to no name."""
_DISGUISE = re.compile(r"[^\w.-]+")
_JOINED = re.compile(r"(?<![\w.-])[\w-]++(?:[.,;\u00b7\u2022\u2219][\w-]++)*+")
_JOINT = re.compile(rf"[-_](?:{DOT_WORDS})[-_]|[.,;_\u00b7\u2022\u2219]")
_ODD_JOINT = re.compile(rf"[-_](?:{DOT_WORDS})[-_]|[,;_\u00b7\u2022\u2219]")
"""What may stand in a name in place of a dot."""
_DASHED = re.compile(r"(?<!\d)\d{1,3}(?:[-_,]\d{1,3}){3}(?!\d)")
_NUMBER = re.compile(r"(?<=//)\d[0-9a-fx.]{0,40}+(?![\w.-])")
"""A host that browsers take for an address: 2130726145, 0x7f.1."""
_LINE_WITH_URL = re.compile(r"^.*://.*$", re.MULTILINE)


def names_in(texts: Iterable[str], own_domains: frozenset[str] = frozenset(), *, split: bool = True) -> Iterator[str]:
    """Names in the text, each once and in order, as site lists have them.

    At most `MOST_NAMES`, and one more where there are more. `own_domains` are left out exactly as given: the
    hoster's own, where its mailbox is. Not `split`: names that are split or disguised are sought only in lines
    without a URL, for a long list is full of what could be one.
    """
    own = own_domains | {f"www.{domain}" for domain in own_domains}
    seen: set[str] = set()
    for text in texts:
        for name in _names(text[:LONGEST_TEXT].lower(), split=split):
            if name not in seen and name not in own:
                seen.add(name)
                yield name
                if len(seen) > MOST_NAMES:
                    return


def _names(text: str, *, split: bool) -> Iterator[str]:
    text = clickable(text)
    yield from _plain_names(text)
    if (alike := folded(text)) != text:
        yield from _plain_names(alike)
    for match in _V6.finditer(text):
        yield from _as_address(match[0])
    for match in _NUMBER.finditer(text):
        yield from _as_browsers_do(match[0])
    text = (text if split else _LINE_WITH_URL.sub("", text))[:_LONGEST_SPLIT]
    yield from _split_names(text)
    yield from _disguised_names(text)


def _plain_names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        yield from _as_name(match["name"])


def _disguised_names(text: str) -> Iterator[str]:
    """Names with signs between their letters, or with something else in place of their dots."""
    for match in _DISGUISED.finditer(text):
        yield from _plain_names(_DISGUISE.sub("", match[0]))
    for match in _DASHED.finditer(text):
        yield from _as_address(re.sub(r"\D", ".", match[0]))
    for match in _JOINED.finditer(text):
        if _ODD_JOINT.search(match[0]):
            yield from _windows(_JOINT.split(match[0]))


def _windows(labels: list[str]) -> Iterator[str]:
    for first in range(len(labels) - 1):
        for last in range(first + 2, min(len(labels), first + _WINDOW) + 1):
            yield from _as_name(".".join(labels[first:last]))


def clickable(text: str) -> str:
    """Text with its hidden dots restored, and without what only hides."""
    return _DOT.sub(".", _DROPPED.sub("", unescaped(text)))


def with_plain_dots(text: str) -> str:
    """Text with its disguised dots restored; what only hides is left out, and blanks stay."""
    return _DISGUISED_DOT.sub(".", _DROPPED.sub("", unescaped(text)))


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
    elif last == "arpa":
        yield from _as_reverse(name)
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


def _as_reverse(name: str) -> Iterator[str]:
    """Address of a reverse name (RFC 1035 3.5, RFC 3596 2.5), or the first of its network."""
    labels, _, family = name.removesuffix(".arpa").rpartition(".")
    numbers = labels.split(".")[::-1]
    if family == "in-addr":
        yield from _as_address(".".join((*numbers, "0", "0", "0")[:4]))
    elif family == "ip6" and all(len(number) == 1 for number in numbers):
        digits = "".join(numbers)[:32].ljust(32, "0")
        yield from _as_address(":".join(digits[place : place + 4] for place in range(0, 32, 4)))


def _as_browsers_do(host: str) -> Iterator[str]:
    try:
        yield from (address.host for address in read_url(f"http://{host}/"))
    except UnclearUrlError:
        return
