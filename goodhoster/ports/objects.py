"""Ports of object stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

from goodhoster.model.objects import ObjectVersion, StoredObject


class ObjectStore(Protocol):
    """One bucket of an object store. Threads may share it.

    Each call raises PassingError when the store does not answer, says to come back, or fails by its own fault, and
    RefusedError when it refuses. An odd answer is a failure.
    """

    @property
    def bucket(self) -> str:
        """The bucket's name at the store."""

    def list(self) -> Iterator[Sequence[StoredObject]]:
        """Every object, in pieces. It ends only where the store says that this is all."""

    def look(self, key: str, version: str = "") -> tuple[StoredObject, Mapping[str, str]] | None:
        """An object (or a version of it) and the headers it is served with, names in lower case.

        None where there is none.
        """

    def read(self, found: StoredObject, into: BinaryIO, version: str = "") -> None:
        """Write the bytes of exactly that object, of that ETag and size, to a file.

        RefusedError where it is not there so any more.
        """

    def write(self, key: str, content: BinaryIO, headers: Mapping[str, str], *, only_new: bool = False) -> None:
        """Store a file from its beginning, with these headers.

        `only_new`: RefusedError where there is an object of that key. Not every store heeds that.
        """

    def delete(self, found: StoredObject, version: str = "") -> str:
        """Delete an object, or one version of it.

        Returns the version of the delete marker that hides it, "" where there is none.
        """

    def versions(self, key: str) -> Sequence[ObjectVersion]:
        """Every version and delete marker of an object, newest first; none without versions."""

    def delete_version(self, key: str, version: str) -> None:
        """Delete a version or a delete marker for good. Fine where there is none."""

    def acl(self, key: str) -> bytes:
        """The access list as the store tells it; empty where it has none."""

    def set_acl(self, key: str, acl: bytes) -> None:
        """Set an access list that `acl` told."""

    def tags(self, key: str) -> Mapping[str, str]:
        """Its tags; none where the store has none."""

    def is_open_to_anybody(self, key: str) -> bool:
        """Whether an object can be read without any credentials."""

    def close(self) -> None:
        """End its connections."""
