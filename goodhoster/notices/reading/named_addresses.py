"""Addresses that stand anywhere in a notice, however written, and files' names alone.

The readers of formats take what is meant as an address. This finds what they did not read as one: in links and pictures
of HTML, with another scheme or none, escaped, split or spelled with look-alikes, and names of files beside an address.
Which hosts are ours is decided elsewhere.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import DOT_WORDS, host_name, read_url
from goodhoster.model.notices import ReadItem
from goodhoster.notices.reading.lookalikes import SLASH_WORDS, folded
from goodhoster.notices.reading.mentions import with_plain_dots
from goodhoster.notices.reading.url_finder import FILE_KINDS, trimmed

MOST_ADDRESSES = 1_000
_LONGEST_ADDRESS = 500  # characters of an address that is shown to a person
_ANY_SLASH = re.compile(r"[\w\])}\"'*>][ \t]{0,3}[/\\]|[\s(,;]/\w|%(?:25)*2f|&#|=2f", re.IGNORECASE)
_WORD_SLASH = re.compile(
    rf"[ \t]{{1,3}}(?:{SLASH_WORDS})[ \t]{{1,3}}|[ \t]{{0,2}}[\[({{<]\s?(?:/|{SLASH_WORDS})\s?[\])}}>][ \t]{{0,2}}"
    rf"|[-_](?:{SLASH_WORDS})[-_]",
    re.IGNORECASE,
)
_WORD_DOT = re.compile(
    rf"<\s?(?:\.|{DOT_WORDS})\s?>|[-_](?:{DOT_WORDS})[-_]|[ \t](?:{DOT_WORDS})[ \t]|[\[({{]\s?[,d]\s?[\])}}]"
    r"|(?<=\w)[ \t]{1,2}\.[ \t]{0,2}(?=\w)",
    re.IGNORECASE,
)
"""A dot that is written as a word or apart; those in brackets are undone before."""
_PRINTED = re.compile(r"(?<![^\s=:,])[^\s/=]{0,253}+(?:=(?:2[ef]|3a)[^\s/=]{0,253}+)+", re.IGNORECASE)
"""Quoted-printable without any slash of its own: an address that is encoded whole."""
_PRINTED_SIGN = re.compile(r"=([2-7][0-9a-f])", re.IGNORECASE)
_RUN = re.compile(r"([\s,;|.*=_-])\1{8,}+")
_FILE_NAME = re.compile(r"\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?P<parameter>[=&?][a-z*]{2,6}://)?(?<![\w.-])(?P<host>[\w-]{1,63}+(?:\.[\w-]{1,63}+)+)(?::\d{1,5})?"
    r"[\[({\"'*\u2026]{0,3}(?P<blank>[ \t]{0,2})(?:\\{0,3}/|\\)+(?P<behind>[ \t]{0,2})(?P<path>[^\s<>\"'|`]{1,2000}+)",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"(?<![\w./\\-])(?P<host>[\w-]{1,63}(?:[,;_][\w-]{1,63}){1,3})[ \t]?/(?P<path>[^\s<>\"'|`]{1,2000}+)"
)
"""A host with something else in place of its dots."""
_OTHER_JOINT = re.compile("[,;_]")
_KIND = re.compile(rf"\.{FILE_KINDS}(?!\.?[\w/\\])", re.IGNORECASE)
_NUMBER_BEHIND = re.compile(r"[ ]?[(\[]\d{1,4}[)\]]\Z")
_LOOSE_PATH = re.compile(
    r"(?:^|(?<=[\s\"'(>:=,]))/(?:[\w%~.-]{1,200}/){0,20}(?:[\w%~.-]{0,200}\?[\w%~.-]{1,100}=[^\s\"'<>]{1,300}"
    r"|(?<=\w/)\d{2,20}(?![\w/.])|(?<=\w/)(?=[\s\"')<]|\Z))",
    re.MULTILINE,
)
"""A path without a host before it: with a query, of numbers, or of a directory."""
_OF_NAME = frozenset("/\\%~._-")
_LONGEST_NAME, _MOST_DIRECTORIES = 500, 50
_INLINE_PICTURE = re.compile(
    r"[<\[]image\d{3}\.(?:png|jpe?g|gif)[>\]]|\[image:[^\[\]]{1,200}\]|cid:[^\s\"'>\]]{1,200}", re.IGNORECASE
)
"""What mail programs write where a picture of the mail itself is shown."""
_CUT_BY_LINE = re.compile(r"(?<![^\s<>])([^\s<>]{1,1000}+)[ \t]*\r?\n[ \t>]{0,20}([^\s<>]{1,500}+)(?=[\s>])")
_NO_PART_OF_URL = re.compile(r"[^\w/.?=&%~+-]")
_ANOTHER = re.compile(r"h[tx*0]{2}ps?:/", re.IGNORECASE)
_GATEWAY = re.compile(r"__;.*$")
"""What urldefense.com puts behind a link."""
_MIRROR = re.compile(r"(?P<name>[\w-]{1,63})\.(?:translate\.goog|cdn\.ampproject\.org)")
"""Hosts of programs that show other sites, with the site's dots as dashes."""
_PIECE = re.compile(r"[/\\?=&,; ()\[\]\"']")


class ItemAddresses:
    """The addresses that the items of a notice have.

    *No addresses*: names of files that stand for nothing else, such as those of the mail's own parts.
    """

    def __init__(self, items: Iterable[ReadItem], no_addresses: Iterable[str] = ()) -> None:
        self.hosts: set[str] = set()
        """The host of every reading of an item."""
        self._paths: dict[str, set[str]] = {}
        self._names = {name.lower() for name in no_addresses}
        self._places: set[str] = set()
        for item in items:
            for url in item.urls:
                self._add(url)

    def _add(self, url: str) -> None:
        with suppress(UnclearUrlError):
            for address in read_url(url):
                self.hosts.add(address.host)
                path = _shown(address.href.partition("//")[2].partition("/")[2])
                self._paths.setdefault(_plain(address.host), set()).update({path, folded(path)})
                self._names.update(_names_within(path))
                self._places.update(_places_within(path))

    def without_item(self, text: str, *, decoded: bool = False) -> Iterator[str]:
        """Addresses in the text that no item has, as host and path.

        A path or a file's name alone begins with a slash: it is one at the items' hosts. Such are not sought in what
        was only *decoded* from a text.
        """
        shown = _shown(text)
        for reading in dict.fromkeys((shown, folded(shown))):
            yield from self._addresses(reading)
            if not decoded and self._paths:
                yield from (f"/{path}"[:_LONGEST_ADDRESS] for path in self._loose(reading))

    def _addresses(self, text: str) -> Iterator[str]:
        if not _ANY_SLASH.search(text):
            return
        seen: set[tuple[str, str]] = set()
        for match in _each_address(text):
            if (match["host"], match["path"]) in seen:
                continue
            seen.add((match["host"], match["path"]))
            path = trimmed(_ANOTHER.split(match["path"], maxsplit=1)[0].partition("#")[0])
            spaced = match["blank"] or match["behind"]
            if not path.strip("/\\") or (spaced and not _FILE_NAME.search(path)):
                continue
            shown = path.partition("&")[0] if match["parameter"] else path
            for host in _hosts(match["host"].lower()):
                known = self._paths.get(_plain(host), set())
                if not any(_is_known(reading, known) for reading in {path, _GATEWAY.sub("", path), shown}):
                    yield f"{host}/{shown}"[:_LONGEST_ADDRESS]
        for match in _JOINED.finditer(text):
            labels, path = _OTHER_JOINT.split(match["host"].lower()), trimmed(match["path"])
            for first in range(len(labels) - 1):
                host = ".".join(labels[first:])
                if not _is_known(path, self._paths.get(_plain(host), set())):
                    yield f"{host}/{path}"[:_LONGEST_ADDRESS]

    def _loose(self, text: str) -> Iterator[str]:
        """Paths and names of files that stand alone and that no item has."""
        rests = set(self._rests(text))
        text = _without_addresses(text)
        for match in _LOOSE_PATH.finditer(text):
            path = trimmed(match[0]).lstrip("/")
            if path and path.lower() not in self._places:
                yield path
        for name in _file_names(text):
            if name.lower() not in self._names and name not in rests:
                yield name

    def _rests(self, text: str) -> Iterator[str]:
        """What stands in the next line of an item's address that a line end cuts."""
        for cut in _CUT_BY_LINE.finditer(text):
            whole = _ADDRESS.search(cut[1] + cut[2])
            if whole and trimmed(whole["path"]) in self._paths.get(_plain(whole["host"].lower()), set()):
                yield trimmed(cut[2])


def _shown(text: str) -> str:
    """Text with its dots and slashes as they are meant, and long runs of one sign shortened."""
    text = _RUN.sub(r"\1\1\1\1", text)
    printed = _PRINTED.sub(lambda run: _PRINTED_SIGN.sub(_character, run[0]), text) if "=" in text else text
    return _WORD_SLASH.sub("/", _WORD_DOT.sub(".", with_plain_dots(printed)))


def _character(code: re.Match[str]) -> str:
    return chr(int(code[1], 16))


def _hosts(host: str) -> Iterator[str]:
    """The host as site lists have it, and the host that it shows another way."""
    yield host if host.isascii() else host_name(host)
    if mirror := _MIRROR.fullmatch(host):
        yield mirror["name"].replace("--", "\0").replace("-", ".").replace("\0", "-")


def _each_address(text: str) -> Iterator[re.Match[str]]:
    """Every host with a path behind it, those inside the path of another too."""
    place = 0
    while match := _ADDRESS.search(text, place):
        yield match
        place = match.start("path")


def _without_addresses(text: str) -> str:
    """Text in which whole addresses and the mail's own pictures are blanked out."""
    return _INLINE_PICTURE.sub("\n", _ADDRESS.sub(_blank, text))


def _blank(address: re.Match[str]) -> str:
    return address[0] if _KIND.search(address["host"]) else "\n"  # a list of files with slashes between them


def _file_names(text: str) -> Iterator[str]:
    """Names of pictures, films and archives in a text, with the directories before them."""
    for kind in _KIND.finditer(text):
        begin = end = kind.start()
        if number := _NUMBER_BEHIND.search(text, max(0, end - 8), end):
            begin = number.start()
        least = max(0, begin - _LONGEST_NAME)
        while begin > least and (text[begin - 1].isalnum() or text[begin - 1] in _OF_NAME):
            begin -= 1
        name = text[begin : kind.end()].replace("\\", "/").lstrip("./~")
        yield name if "." in name else text[least : kind.end()].rsplit(maxsplit=1)[-1]


def _names_within(path: str) -> Iterator[str]:
    """Every file's name in an address, with and without the directories before it."""
    for kind in _KIND.finditer(path):
        whole = path[max(0, kind.end() - _LONGEST_NAME) : kind.end()].lower()
        yield whole
        yield from (whole[sign.end() :] for sign in _PIECE.finditer(whole))


def _places_within(path: str) -> Iterator[str]:
    """The path, each end of it behind a slash, and the directories above it."""
    whole = path[:_LONGEST_NAME].lower()
    yield whole
    for sign in itertools.islice(re.finditer("/", whole), _MOST_DIRECTORIES):
        yield whole[sign.end() :]
        yield whole[: sign.end()]


def _is_known(path: str, known: set[str]) -> bool:
    """Whether an item has this path, or one like it.

    One that it is the beginning of, or that ends in it before another sign.
    """
    if path in known or _canonical(path) in known:
        return True
    for item in known:
        if item and path.startswith(item) and _NO_PART_OF_URL.match(path, len(item)):
            return True
        if item.startswith(path) and not path.endswith("/"):  # a line break cut it
            return True
    return False


def _canonical(path: str) -> str:
    try:
        return _shown(read_url(f"http://x.example/{path}")[0].href.partition("//")[2].partition("/")[2])
    except UnclearUrlError:
        return path


def _plain(host: str) -> str:
    return host.removeprefix("www.")
