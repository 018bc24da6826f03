"""From one file to every copy of it: other sizes beside it, the same bytes anywhere, other names of the same inode.

The index only says where to look: each copy is looked at before it is named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goodhoster.locating.tree_resolver import NoPlaceError, TreeResolver
from goodhoster.model.image_sizes import stem_of, variants
from goodhoster.model.notices import FoundBy, LocatedFile
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.ports import ContentIndex


@dataclass(frozen=True, slots=True)
class Copies:
    """Finds copies in the watched trees."""

    resolver: TreeResolver
    index: ContentIndex

    def of(self, upload: Upload) -> tuple[LocatedFile, ...]:
        """The file itself, then every copy, each place once. NoPlaceError: `unreadable`: one cannot be looked at."""
        return self._with_copies([LocatedFile(upload, FoundBy.URL), *self._sizes(upload.place)])

    def beside(self, place: Place) -> tuple[LocatedFile, ...]:
        """The same of a place where no file is (any more)."""
        try:
            return self._with_copies(self._sizes(place))
        except NoPlaceError as error:
            _unless_unreadable(error)
            return ()

    def _with_copies(self, originals: Iterable[LocatedFile]) -> tuple[LocatedFile, ...]:
        found = {original.upload.place: original for original in originals}
        for original in list(found.values()):
            for copy in (*self._same_file(original.upload), *self._same_content(original.upload)):
                found.setdefault(copy.upload.place, copy)
        return tuple(found.values())

    def _sizes(self, place: Place) -> Iterator[LocatedFile]:
        folder, name = os.path.split(place.path)
        stem = stem_of(name)
        if stem is None:
            return
        begins = os.fsdecode(stem)
        with (
            self.resolver.opened(Place(place.tree, folder), os.O_RDONLY | os.O_DIRECTORY) as fd,
            os.scandir(fd) as all_,
        ):
            names = sorted(os.fsencode(entry.name) for entry in all_ if entry.name.startswith(begins))
        there = self._there(Place(place.tree, os.path.join(folder, other)) for other in variants(name, names))
        yield from (LocatedFile(size, FoundBy.VARIANT) for size in there)

    def _same_file(self, upload: Upload) -> Iterator[LocatedFile]:
        state = upload.state
        for other in self._there(self.index.same_file(state.ino)):
            if (other.state.dev, other.state.ino) == (state.dev, state.ino):
                yield LocatedFile(other, FoundBy.SAME_FILE)

    def _same_content(self, upload: Upload) -> Iterator[LocatedFile]:
        digest = self._sha256(upload) if upload.state.size else None
        for other in self._there(self.index.same_content(digest)) if digest else ():
            if self._sha256(other) == digest:
                yield LocatedFile(other, FoundBy.SAME_CONTENT)

    def _sha256(self, upload: Upload) -> bytes | None:
        """From the index where it knows this very state; else read. None for a file that is not in it any more."""
        known = self.index.sha256_of(upload.place, upload.state)
        if known:
            return known
        try:
            with (
                self.resolver.opened(upload.place, os.O_RDONLY | os.O_NONBLOCK) as fd,
                os.fdopen(os.dup(fd), "rb", buffering=0) as file,
            ):
                digest = hashlib.file_digest(file, "sha256").digest()
                return digest if FileState.of(os.fstat(fd)) == upload.state else None
        except NoPlaceError as error:
            _unless_unreadable(error)
            return None

    def _there(self, places: Iterable[Place]) -> Iterator[Upload]:
        """Those of the places where there still is a regular file of a watched tree."""
        for place in places:
            try:
                yield self.resolver.upload_at(place)
            except NoPlaceError as error:
                _unless_unreadable(error)


def _unless_unreadable(error: NoPlaceError) -> None:
    """The index may be behind: what is gone is no copy. What cannot be looked at may be one, and is told."""
    if error.reason == "unreadable":
        raise error
