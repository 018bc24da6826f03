"""An object of an object store: what a listing and a look at it tell."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from goodhoster.model.uploads import FileState, Place

_SCHEME = b"s3://"
_MD5 = re.compile(r"[0-9a-f]{32}")
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in one state, as a listing shows it."""

    key: str
    etag: str
    """Without its quotes."""
    size: int
    modified: int
    """Seconds since the epoch: a look at one object tells no fraction."""

    @property
    def md5(self) -> bytes | None:
        """The MD5 of its bytes, if it was stored in one part and without a key of its own.

        No listing tells whether it was. So it may find an object, and decides nothing.
        """
        return bytes.fromhex(self.etag) if _MD5.fullmatch(self.etag) else None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object in a bucket that keeps versions."""

    id: str
    etag: str
    """Empty for a delete marker."""
    size: int
    is_marker: bool


def tree_of(bucket: str) -> bytes:
    """What stands for a bucket where files have their tree."""
    return _SCHEME + bucket.encode()


def is_bucket(tree: bytes) -> bool:
    """Whether it stands for a bucket."""
    return tree.startswith(_SCHEME)


def place_of(bucket: str, key: str) -> Place:
    """The place of an object, in no directory: keys may begin with a slash or hold `..`."""
    return Place(tree_of(bucket), key.encode())


def key_of(place: Place) -> str:
    """The key of the object at a place."""
    return place.path.decode()


def state_of(bucket: str, found: StoredObject) -> FileState:
    """The state of an object in the form of a file's.

    Its inode stands for the ETag, its device for the bucket: one that does not answer keeps no disk waiting.
    """
    moment = found.modified * _SECOND
    return FileState(_number(bucket), _number(found.etag), found.size, moment, moment)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
