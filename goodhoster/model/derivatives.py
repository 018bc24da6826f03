"""Pictures that a content management system derives from others by a rule for their path.

Drupal (image styles), MediaWiki (thumbnails), Magento 2 (catalogue cache), WordPress with Converter for Media: nothing
but that program writes there, so the path says which picture it was made from. The names of WordPress itself
(`-300x200`, `-scaled`) prove nothing: a customer may upload such a name, and its metadata is in the database (`sizes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Names = tuple[bytes, ...]
Wanted = tuple[bytes | None, ...]
"""A path in pieces; None stands for one name of any kind."""
_ANY = re.compile(rb".+", re.DOTALL)
_SECOND_FORMAT = re.compile(rb"(.+\.(?:jpe?g|png|gif))\.(?:webp|avif)", re.IGNORECASE | re.DOTALL)
_FORMATS = (b".webp", b".avif")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Below a folder `base`, what is kept at `kept`/rest is made into `made`/rest/`within`."""

    base: Names
    made: Wanted
    kept: Names = ()
    within: Wanted = ()
    rest: re.Pattern[bytes] = _ANY
    """Of the rest, its pieces joined by slashes."""

    def originals(self, path: Names) -> Iterator[Names]:
        """What is made into that path."""
        end = len(path) - len(self.within)
        for head, tail in _split(path[:end], self.base, self.made):
            if self._has(tail):
                yield (*head, *self.kept, *tail)

    def derived(self, path: Names) -> Iterator[Wanted]:
        """What is made of that path."""
        for head, tail in _split(path, self.base, self.kept):
            if self._has(tail):
                yield (*head, *self.made, *tail, *self.within)

    def _has(self, rest: Names) -> bool:
        return self.rest.fullmatch(b"/".join(rest)) is not None


_RULES = (
    _Rule((b"files",), (b"styles", None, b"public")),
    _Rule((b"images",), (b"thumb",), within=(None,), rest=re.compile(rb"[0-9a-f]/[0-9a-f]{2}/[^/]+")),
    _Rule((b"catalog", b"product"), (b"cache", None)),
    _Rule((b"wp-content",), (b"uploads-webpc", b"uploads"), kept=(b"uploads",)),
)


def originals_of(path: bytes) -> list[bytes]:
    """The paths of which that one may have been made; empty where no program says so."""
    names = tuple(path.split(b"/"))
    found = [b"/".join(original) for rule in _RULES for original in rule.originals(names)]
    formats = [match[1] for match in map(_SECOND_FORMAT.fullmatch, found) if match]
    return [*found, *formats]


def derived_from(path: bytes) -> list[Wanted]:
    """The paths of what programs make of the picture at that one."""
    names = tuple(path.split(b"/"))
    if originals_of(path):
        return []
    found = [derived for rule in _RULES for derived in rule.derived(names)]
    return [*found, *((*wanted[:-1], wanted[-1] + more) for wanted in found if wanted[-1] for more in _FORMATS)]


def _split(path: Names, base: Names, below: Wanted) -> Iterator[tuple[Names, Names]]:
    """The path split after each `base` that `below` follows: the part before, and the rest."""
    for at in range(len(path) - len(base) - len(below)):
        head, rest = at + len(base), at + len(base) + len(below)
        if path[at:head] == base and all(
            want in {None, name} for want, name in zip(below, path[head:rest], strict=True)
        ):
            yield path[:head], path[rest:]
