"""Search for every copy of a file: other sizes, the same bytes anywhere, other hard links.

The index and the names only say where to look: each copy is looked at before it is reported, and which of them goes
with the file is decided elsewhere (`policy.notices`).
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from goodhoster.errors import NoPlaceError
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.model.derivatives import Names, Wanted, derived_from, originals_of
from goodhoster.model.image_sizes import stem_of, variants
from goodhoster.model.notices import FoundBy, LocatedFile
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.ports import ContentIndex

_MOST_DERIVED = 500  # files made of one picture: a site has some ten image styles


@dataclass(frozen=True, slots=True)
class Copies:
    """Search for copies in the watched trees."""

    resolver: TreeResolver
    index: ContentIndex

    def of(self, *shown: Upload) -> tuple[LocatedFile, ...]:
        """The files that a URL shows, then every copy, each place once. NoPlaceError `unreadable`."""
        copies = (copy for one in shown for copy in (*self._derived(one.place), *self._sizes(one.place)))
        return self._with_copies([*(LocatedFile(one, FoundBy.URL) for one in shown), *copies])

    def beside(self, place: Place) -> tuple[LocatedFile, ...]:
        """Every copy for a place where no file is (any more); see `of`."""
        try:
            return self._with_copies([*self._derived(place), *self._sizes(place)])
        except NoPlaceError as error:
            _unless_unreadable(error)
            return ()

    def with_content(self, sha256: bytes, known: Container[Place] = ()) -> list[Upload]:
        """Files whose content the index knows to be this, but for those at `known` places.

        The index may be behind: look at each before anything is done about it. Those that cannot be looked at just
        now are left out.
        """
        found = []
        for place in _but(known, self.index.same_content(sha256)):
            with suppress(NoPlaceError):
                found.append(self.resolver.upload_at(place))
        return found

    def _with_copies(self, originals: Iterable[LocatedFile]) -> tuple[LocatedFile, ...]:
        found: dict[Place, LocatedFile] = {}
        for original in originals:
            found.setdefault(original.upload.place, original)
        for original in list(found.values()):
            for search in (self._same_file, self._same_content):
                found |= {copy.upload.place: copy for copy in search(original.upload, found)}
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
        yield from (LocatedFile(size, FoundBy.VARIANT, place) for size in there)

    def _derived(self, place: Place) -> Iterator[LocatedFile]:
        """Other sizes that a CMS made of that picture.

        Or the original that it was made from, with all its other sizes.
        """
        originals = [original for original in originals_of(place.path) if self._is_there(Place(place.tree, original))]
        for original in originals or [place.path]:
            made = (path for wanted in derived_from(original) for path in self._matching(place.tree, (), wanted))
            paths = [path for path in (original, *itertools.islice(made, _MOST_DERIVED)) if path != place.path]
            for upload in self._there(Place(place.tree, path) for path in paths):
                yield LocatedFile(upload, FoundBy.DERIVED, place)

    def _matching(self, tree: bytes, before: Names, wanted: Wanted) -> Iterator[bytes]:
        """Paths that match. Only folders for which any name will do are read."""
        if None not in wanted:
            yield b"/".join((*before, *(name for name in wanted if name is not None)))
            return
        cut = wanted.index(None)
        folder = (*before, *(name for name in wanted[:cut] if name is not None))
        for name in self._names_in(Place(tree, b"/".join(folder))):
            yield from self._matching(tree, (*folder, name), wanted[cut + 1 :])

    def _names_in(self, folder: Place) -> list[bytes]:
        try:
            with self.resolver.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd, os.scandir(fd) as all_:
                return sorted(os.fsencode(entry.name) for entry in itertools.islice(all_, _MOST_DERIVED))
        except NoPlaceError as error:
            _unless_unreadable(error)
            return []

    def _is_there(self, place: Place) -> bool:
        return any(True for _ in self._there([place]))

    def _same_file(self, upload: Upload, known: Container[Place]) -> Iterator[LocatedFile]:
        state = upload.state
        for other in self._there(_but(known, self.index.same_file(state.ino))):
            if (other.state.dev, other.state.ino) == (state.dev, state.ino):
                yield LocatedFile(other, FoundBy.SAME_FILE, upload.place)

    def _same_content(self, upload: Upload, known: Container[Place]) -> Iterator[LocatedFile]:
        digest = self._sha256(upload) if upload.state.size else None
        for other in self._there(_but(known, self.index.same_content(digest))) if digest else ():
            if self._sha256(other) == digest:
                yield LocatedFile(other, FoundBy.SAME_CONTENT, upload.place)

    def _sha256(self, upload: Upload) -> bytes | None:
        """SHA-256 from the index where it knows this very state, else by reading the file.

        None for a file that is not in this state any more.
        """
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
        """Those places at which a regular file of a watched tree still is."""
        for place in places:
            try:
                yield self.resolver.upload_at(place)
            except NoPlaceError as error:
                _unless_unreadable(error)


def _but(known: Container[Place], places: Iterable[Place]) -> Iterator[Place]:
    """Those of the places that need not be looked at again."""
    return (place for place in places if place not in known)


def _unless_unreadable(error: NoPlaceError) -> None:
    """Ignore a copy that is gone; report one that cannot be looked at.

    The index may be behind: what is gone is no copy. What cannot be looked at may be one.
    """
    if error.reason == "unreadable":
        raise error
