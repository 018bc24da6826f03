"""Gathers the pictures and videos of what an administrator calls harmless: a release archive, an installed tree,
published checksums, or one picture. All of it or nothing: half a release would be a guess.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from goodhoster.assembly.services import reading_limits
from goodhoster.assembly.state import trees_of
from goodhoster.checking.digests import read_content
from goodhoster.errors import ConfigurationError, NotAnUploadError, RefusedError, UncheckedError
from goodhoster.exemptions.wordpress_checksums import read_checksums
from goodhoster.model.content_kinds import HEAD, kind_of
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Place, display
from goodhoster.model.verdicts import Kind
from goodhoster.settings import Settings
from goodhoster.uploads.opening import OpenedUpload, open_upload
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.watching.tree_walk import Unreadable, walk

_MEMBERS = 5000
"""Pictures and videos of one archive; the sandbox tells of no more."""
_UNPACKED = 4 << 30  # bytes
_SECONDS = 300.0
_IN_A_TREE = 50_000
_BLANKS = 1 << 20
"""Bytes before the first thing in a JSON document, at most."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found, and in what."""

    origin: str
    version: str
    """Of the release, where what it was read from tells."""
    contents: tuple[Digests, ...]


def gather(path: Path, settings: Settings) -> Gathered:
    """Read a release. ConfigurationError when it cannot be read whole or holds no picture; RefusedError for a place
    where customers write: they would exempt what they like.
    """
    real = os.path.realpath(os.fsencode(path))
    hint = "take the release from its maker, and unpack it elsewhere"
    for tree in trees_of(settings):
        if os.path.commonpath((tree.root, real)) == tree.root:
            raise RefusedError(f"{path} is in the watched tree {display(tree.root)}", hint=hint)
        if os.path.commonpath((tree.root, real)) == real:
            raise RefusedError(f"{path} holds the watched tree {display(tree.root)}", hint=hint)
    found = _tree(real, settings) if os.path.isdir(real) else _file(real, settings)
    if not found.contents:
        hint = "it must be a directory, a ZIP or TAR file, WordPress's published checksums, or a picture"
        raise ConfigurationError(f"there is no picture or video in {path}", hint=hint)
    return replace(found, contents=tuple(sorted(set(found.contents), key=_order)))


def _order(content: Digests) -> tuple[bytes, bytes]:
    return content.sha256, content.md5


def _tree(root: bytes, settings: Settings) -> Gathered:
    contents: list[Digests] = []
    for found in walk(root):
        if isinstance(found, Unreadable):
            raise _not_whole(os.path.join(root, found.directory), found.reason)
        for name in found.files:
            contents += _picture(Place(root, os.path.join(found.directory, name)), settings)
            if len(contents) > _IN_A_TREE:
                raise _not_whole(root, f"it has more than {_IN_A_TREE} pictures and videos")
    return Gathered(f"installed tree {display(root)}", "", tuple(contents))


def _picture(place: Place, settings: Settings) -> Iterator[Digests]:
    """The digests of a picture or video; nothing of any other file."""
    with _opened(place) as opened:
        if kind_of(os.pread(opened.fd, HEAD, 0)) is not Kind.OTHER:
            yield read_content(opened.fd, settings.agent.largest_file).digests


def _file(real: bytes, settings: Settings) -> Gathered:
    place = Place(os.path.dirname(real), os.path.basename(real))
    with _opened(place) as opened:
        with open(opened.fd, "rb", closefd=False) as file:
            published = _begins_as_json(file.read(_BLANKS))
        return _checksums(opened, settings) if published else _opened_up(opened, settings)


def _begins_as_json(start: bytes) -> bool:
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}


def _checksums(opened: OpenedUpload, settings: Settings) -> Gathered:
    found = read_checksums(Path(os.fsdecode(opened.place.absolute)))
    whole = read_content(opened.fd, settings.agent.largest_file)
    return Gathered(_origin("published checksums", opened, whole.digests), ", ".join(found.versions), found.contents)


def _opened_up(opened: OpenedUpload, settings: Settings) -> Gathered:
    """An archive, in a sandboxed process: somebody else packed it, and nothing of it is written anywhere, not even a
    name. Or one picture.
    """
    limits = replace(
        reading_limits(settings), members=_MEMBERS, member_bytes=_UNPACKED, seconds=_SECONDS, pixels=1, frames=1
    )
    with closing(HashingPool(limits, 1)) as pool:
        content = pool.read(opened.fd)
    if content.kind is not Kind.OTHER:
        return Gathered(_origin("picture", opened, content.digests), "", (content.digests,))
    if content.fault:
        raise _not_whole(opened.place.absolute, f"{content.fault.detail} ({content.fault.reason})")
    return Gathered(_origin("archive", opened, content.digests), "", content.members)


def _origin(what: str, opened: OpenedUpload, whole: Digests) -> str:
    return f"{what} {display(os.path.basename(opened.place.path))}, SHA-256 {whole.sha256.hex()}"


@contextmanager
def _opened(place: Place) -> Iterator[OpenedUpload]:
    """What cannot be read makes the release one that was not read whole."""
    try:
        with open_upload(place) as opened:
            yield opened
    except (NotAnUploadError, UncheckedError, OSError) as error:
        raise _not_whole(place.absolute, str(error)) from error


def _not_whole(path: bytes, why: str) -> ConfigurationError:
    return ConfigurationError(f"{display(path)} cannot be read whole: {why}", hint="nothing was built")
