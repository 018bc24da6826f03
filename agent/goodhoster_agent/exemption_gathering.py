"""Collection of the files that an administrator declares harmless.

They are a release archive, an installed tree, published checksums, a database of known files, or one picture. All of it
or nothing: half a release would be a guess.

Every file counts, for own lists compare every file: where a list has the digest of a release's style sheet, that goes
offline for everyone who installed it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from goodhoster.assembly.services import reading_limits
from goodhoster.assembly.state import trees_of
from goodhoster.checking.digests import read_content
from goodhoster.errors import ConfigurationError, NotAnUploadError, RefusedError, UncheckedError
from goodhoster.exemptions.wordpress_checksums import read_checksums
from goodhoster.hashlists.entries import Reading
from goodhoster.hashlists.formats.sqlite_tables import MAGIC, read_contents
from goodhoster.model.content_kinds import HEAD, is_archive
from goodhoster.model.digests import Algorithm, Digest, Digests
from goodhoster.model.uploads import Place, display
from goodhoster.model.verdicts import Category, ContentKind
from goodhoster.settings import Settings
from goodhoster.uploads.opening import OpenedUpload, open_upload
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.watching.tree_walk import Unreadable, walk

_MEMBERS = 50_000
"""Files of one archive; the sandbox tells of no more."""
_UNPACKED = 4 << 30  # bytes
_TIMEOUT_SECONDS = 300.0
_IN_A_TREE = 200_000
_IN_A_DATABASE = 500_000
"""A set is kept in memory. NSRL as a whole has hundreds of millions."""
_BLANKS = 1 << 20
"""Bytes before the first thing in a JSON document, at most."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Contents found, and the release that they belong to."""

    origin: str
    version: str
    """Of the release, where what it was read from tells."""
    contents: tuple[Digests, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What of it is not exempt: how many of what, in words."""


def gather(path: Path, settings: Settings) -> Gathered:
    """Read a release.

    ConfigurationError when it cannot be read whole or holds nothing; RefusedError for a place where customers
    write: they would exempt what they like.
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
        hint = "it must be a directory, a ZIP or TAR file, WordPress's published checksums, a database or a picture"
        raise ConfigurationError(f"there is nothing to exempt in {path}", hint=hint)
    left_out = {what: count for what, count in found.left_out.items() if count}
    return replace(found, contents=tuple(sorted(set(found.contents), key=_order)), left_out=left_out)


def _order(content: Digests) -> tuple[bytes, bytes]:
    return content.sha256, content.md5


def _tree(root: bytes, settings: Settings) -> Gathered:
    contents: list[Digests] = []
    left_out = Counter[str]()
    for found in walk(root):
        if isinstance(found, Unreadable):
            raise _not_whole(os.path.join(root, found.directory), found.reason)
        if found.first:
            left_out[_NO_FILES] += _other_things(os.path.join(root, found.directory))
        for name, state in found.files.items():
            if state.size == 0:
                left_out[_EMPTY] += 1
                continue
            with _opened(Place(root, os.path.join(found.directory, name))) as opened:
                left_out[_ARCHIVES] += is_archive(os.pread(opened.fd, HEAD, 0))
                contents.append(read_content(opened.fd, settings.agent.largest_file).digests)
            if len(contents) > _IN_A_TREE:
                raise _not_whole(root, f"it has more than {_IN_A_TREE:,} files")
    return Gathered(f"installed tree {display(root)}", "", tuple(contents), left_out)


_EMPTY = "empty files (never matched)"
_NO_FILES = "links and other things that are not files"
_ARCHIVES = "archives of whose own digest alone is taken, not what is inside"
_IN_ARCHIVE = "empty files, links and other things that are not files"


def _other_things(directory: bytes) -> int:
    with os.scandir(directory) as entries:
        return sum(
            not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)) for entry in entries
        )


def _file(real: bytes, settings: Settings) -> Gathered:
    place = Place(os.path.dirname(real), os.path.basename(real))
    with _opened(place) as opened:
        start = os.pread(opened.fd, _BLANKS, 0)
        if start.startswith(MAGIC):
            return _database(opened, settings)
        return _checksums(opened, settings) if _begins_as_json(start) else _opened_up(opened, settings)


def _begins_as_json(start: bytes) -> bool:
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}


def _database(opened: OpenedUpload, settings: Settings) -> Gathered:
    """Known files as NSRL publishes them.

    The strongest digest of each counts, so the others are not kept.
    """
    contents: set[Digests] = set()
    for row in read_contents(Reading(Path(os.fsdecode(opened.place.absolute)), Category.UNSPECIFIED)):
        strongest = max(
            (kind for kind in row if isinstance(kind, Algorithm)), key=lambda kind: kind.width, default=None
        )
        if strongest:
            contents.add(Digests.only(Digest(strongest, row[strongest])))
        if len(contents) > _IN_A_DATABASE:
            why = f"it has more than {_IN_A_DATABASE:,} contents: make one of the packages that your customers use"
            raise _not_whole(opened.place.absolute, why)
    whole = read_content(opened.fd, settings.agent.largest_file)
    return Gathered(_origin("database", opened, whole.digests), "", tuple(contents))


def _checksums(opened: OpenedUpload, settings: Settings) -> Gathered:
    found = read_checksums(Path(os.fsdecode(opened.place.absolute)))
    whole = read_content(opened.fd, settings.agent.largest_file)
    return Gathered(_origin("published checksums", opened, whole.digests), ", ".join(found.versions), found.contents)


def _opened_up(opened: OpenedUpload, settings: Settings) -> Gathered:
    """Read an archive or one picture in a sandboxed process.

    Somebody else packed the archive, and nothing of it is written anywhere, not even a name.
    """
    limits = replace(
        reading_limits(settings),
        members=_MEMBERS,
        member_bytes=_UNPACKED,
        seconds=_TIMEOUT_SECONDS,
        pixels=1,
        frames=1,
        every_member=True,
    )
    with closing(HashingPool(limits, 1)) as pool:
        content = pool.read(opened.fd)
    if content.kind is not ContentKind.OTHER:
        return Gathered(_origin("picture", opened, content.digests), "", (content.digests,))
    if content.fault:
        raise _not_whole(opened.place.absolute, f"{content.fault.detail} ({content.fault.reason})")
    return Gathered(_origin("archive", opened, content.digests), "", content.members, {_IN_ARCHIVE: content.left_out})


def _origin(what: str, opened: OpenedUpload, whole: Digests) -> str:
    return f"{what} {display(os.path.basename(opened.place.path))}, SHA-256 {whole.sha256.hex()}"


@contextmanager
def _opened(place: Place) -> Iterator[OpenedUpload]:
    """Open a file; one that cannot be read makes the release incomplete."""
    try:
        with open_upload(place) as opened:
            yield opened
    except (NotAnUploadError, UncheckedError, OSError) as error:
        raise _not_whole(place.absolute, str(error)) from error


def _not_whole(path: bytes, why: str) -> ConfigurationError:
    return ConfigurationError(f"{display(path)} cannot be read whole: {why}", hint="nothing was built")
