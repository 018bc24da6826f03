"""Addresses that stand anywhere in a notice: a host and a path, however it is written.

The readers of formats take what is meant as an address. This finds what they did not read as one: in links and pictures
of HTML, with another scheme or none, escaped or split. Which hosts are ours is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import read_url
from goodhoster.model.notices import ReadItem
from goodhoster.notices.reading.mentions import with_plain_dots
from goodhoster.notices.reading.url_finder import trimmed

MOST_ADDRESSES = 1_000
_LONGEST = 500  # characters of an address that is shown to a person
_ANY_SLASH = re.compile(r"[\w\])}\"'*][ \t]{0,3}(?:[/\\]|slash\b)|[\s(,;]/\w|%(?:25)*2f|&#", re.IGNORECASE)
_SLASH_WORD = re.compile(r"[ \t]{1,3}slash[ \t]{1,3}", re.IGNORECASE)
_FILE_NAME = re.compile(r"\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?P<parameter>[=&?][a-z*]{2,6}://)?(?<![\w.-])(?P<host>[\w-]{1,63}+(?:\.[\w-]{1,63}+)+)(?::\d{1,5})?"
    r"[\[({\"'*\u2026]{0,3}(?P<blank>[ \t]{0,2})(?:\\{0,3}/|\\)+(?P<behind>[ \t]{0,2})(?P<path>[^\s<>\"'|`]{1,2000}+)",
    re.IGNORECASE,
)
_LOOSE_PATH = re.compile(
    r"(?:^|(?<=[^\w/]))[/\\]((?:[\w%~.-]{1,200}/){0,20}[\w%~.-]{1,200}\.(?:jpe?g|png|gif|webp|bmp|tiff?|hei[cf]|avif|mp4|m4v|mov"
    r"|avi|mkv|webm|mpe?g|wmv|flv|3gp|zip|rar|7z))(?![\w/])",
    re.IGNORECASE | re.MULTILINE,
)
"""A path of a picture, a film or an archive, without a host before it."""
_MOST_HOSTS = 5
_NO_PART_OF_URL = re.compile(r"[^\w/.?=&%~+-]")
_ANOTHER = re.compile(r"h[tx*0]{2}ps?:/", re.IGNORECASE)
_GATEWAY = re.compile(r"__;.*$")
"""What urldefense.com puts behind a link."""


class ItemAddresses:
    """The addresses that the items of a notice have."""

    def __init__(self, items: Iterable[ReadItem]) -> None:
        self.hosts: set[str] = set()
        """The host of every reading of an item."""
        self._paths: dict[str, set[str]] = {}
        for item in items:
            for url in item.urls:
                with suppress(UnclearUrlError):
                    for address in read_url(url):
                        self.hosts.add(address.host)
                        path = address.href.partition("//")[2].partition("/")[2]
                        self._paths.setdefault(_plain(address.host), set()).add(with_plain_dots(path))

    def without_item(self, text: str) -> Iterator[str]:
        """Addresses in the text that no item has, as host and path.

        A path alone is taken at the items' hosts.
        """
        if not _ANY_SLASH.search(text):
            return
        shown = _SLASH_WORD.sub("/", with_plain_dots(text))
        for path in _LOOSE_PATH.findall(shown):
            if not any(item == path or item.endswith(f"/{path}") for known in self._paths.values() for item in known):
                yield from (f"{host}/{path}"[:_LONGEST] for host in [*self._paths][:_MOST_HOSTS])
        for match in _each_address(shown):
            path = trimmed(_ANOTHER.split(match["path"], maxsplit=1)[0].partition("#")[0])
            spaced = match["blank"] or match["behind"]
            if not path.strip("/\\") or (spaced and not _FILE_NAME.search(path)):
                continue
            host = match["host"].lower()
            known = self._paths.get(_plain(host), set())
            readings = {path, _GATEWAY.sub("", path), *([path.partition("&")[0]] if match["parameter"] else [])}
            if not any(_is_known(reading, known) for reading in readings):
                yield f"{host}/{path.partition('&')[0] if match['parameter'] else path}"[:_LONGEST]


def _each_address(text: str) -> Iterator[re.Match[str]]:
    """Every host with a path behind it, those inside the path of another too."""
    place = 0
    while match := _ADDRESS.search(text, place):
        yield match
        place = match.start("path")


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
        return with_plain_dots(read_url(f"http://x.example/{path}")[0].href.partition("//")[2].partition("/")[2])
    except UnclearUrlError:
        return path


def _plain(host: str) -> str:
    return host.removeprefix("www.")
