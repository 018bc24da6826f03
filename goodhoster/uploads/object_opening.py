"""Opening of an object for a check: its bytes in a file without a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from goodhoster.errors import NotAnUploadError, PassingError, RefusedError, UncheckedError
from goodhoster.model.objects import is_bucket, key_of, state_of
from goodhoster.model.uploads import Place
from goodhoster.ports.objects import ObjectStore
from goodhoster.uploads.opening import OpenedUpload, open_upload


class FetchedObject(OpenedUpload):
    """An object's bytes. Nobody else has the file."""

    def unchanged(self) -> bool:
        """See `OpenedUpload`: that the object is still the same is for the quarantine to see."""
        return True


@dataclass(frozen=True, slots=True)
class ObjectOpener:
    """Opens objects, and files where a place is none of a bucket."""

    stores: Mapping[bytes, tuple[str, ObjectStore]]
    """The name and the store of each bucket, by what stands for it in places."""
    spool: Callable[[], BinaryIO]
    most: int
    """A larger object is unchecked (too-big)."""

    @contextmanager
    def open(self, place: Place) -> Iterator[OpenedUpload]:
        """Open as `open_upload` does."""
        if not is_bucket(place.tree):
            with open_upload(place) as opened:
                yield opened
            return
        with self._spooled() as content:
            yield self._fetched(place, content)

    @contextmanager
    def _spooled(self) -> Iterator[BinaryIO]:
        try:
            content = self.spool()
        except OSError as error:
            raise UncheckedError(f"there is no room for an object: {error.strerror}", reason="no-room") from error
        with content:
            yield content

    def _fetched(self, place: Place, content: BinaryIO) -> FetchedObject:
        if place.tree not in self.stores:
            raise UncheckedError(f"{place} is in no configured bucket", reason="unreadable")
        bucket, store = self.stores[place.tree]
        try:
            if (looked := store.look(key_of(place))) is None:
                raise NotAnUploadError(f"{place} is not there")
            found, _ = looked
            if found.size > self.most:
                raise UncheckedError(f"{place} has {found.size:,} bytes", reason="too-big")
            store.read(found, content)
            content.flush()
        except PassingError as error:
            raise UncheckedError(f"{place}: {error}", reason="store-away") from error
        except RefusedError as error:
            raise UncheckedError(f"{place}: {error}", reason="store-refuses") from error
        except OSError as error:
            raise UncheckedError(f"{place} has no room here: {error.strerror}", reason="no-room") from error
        content.seek(0)
        return FetchedObject(content.fileno(), place, state_of(bucket, found))
