"""What a web server would show for a request, as its own configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ServedFrom:
    """Where a server would look for a path."""

    directory: bytes
    """Absolute; the web server's own word."""
    path: bytes
    """Below it, without leading slash; empty for the directory itself."""


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """A request as an ordinary browser makes it: GET, without Referer and cookies."""

    scheme: str
    host: str
    port: int
    path: bytes
    """Decoded; begins with `/`."""
    query: str = ""
    raw: str = ""
    """The path as it was sent, still encoded."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the site's name pattern makes of the host."""


class ShownKind(StrEnum):
    """What becomes of a request."""

    FILE = "file"
    PROGRAM = "program"
    """Handed to a program or another server, whatever files there are."""
    FALLBACK = "fallback"
    """Handed to a program because no file is there."""
    REDIRECT = "redirect"
    NOTHING = "nothing"
    """Refused, or no such file."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that a request may lead to."""

    kind: ShownKind
    at: ServedFrom | None = None
    """The file; where no file is there, where it would be."""
    url: str = ""
    """Where a redirect leads, absolute."""


class FilesOnDisk(Protocol):
    """The disk, as far as a configuration asks for it; follows links, as web servers do.

    Each raises UnclearRouteError where it cannot be looked at: what may be there is not missing.
    """

    def is_file(self, path: bytes) -> bool:
        """Is there a regular file?"""

    def is_directory(self, path: bytes) -> bool:
        """Is there a directory?"""

    def names_in(self, directory: bytes) -> Sequence[bytes]:
        """What lies in it; UnclearRouteError also where that is too much to look through."""

    def text_of(self, path: bytes) -> str | None:
        """The text of a small configuration file; None if there is none.

        UnclearRouteError also where it is no text.
        """


class SiteRules(Protocol):
    """One site's configuration, followed as its own web server does."""

    def shown(self, asked: SiteRequest, disk: FilesOnDisk) -> Sequence[Shown]:
        """The files shown, likeliest first; several if it depends on the formats a browser accepts.

        Raises UnclearRouteError.
        """
