"""A bucket in memory, for tests: see `ports.ObjectStore`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qsl

from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.objects import ObjectVersion, StoredObject

_PAGE = 1000


@dataclass(slots=True)
class _Version:
    """One version of an object, or a delete marker."""

    id: str
    content: bytes
    headers: dict[str, str]
    modified: int
    is_marker: bool = False
    acl: bytes = b"<private/>"


@dataclass(slots=True)
class MemoryBucket:
    """See `ports.ObjectStore`."""

    bucket: str = "memory"
    versioned: bool = False
    open_to_anybody: bool = False
    calls_left: int | None = None
    """So many calls are answered; then the store is away. None: it stays."""
    encrypts: bool = False
    """Whether ETags are no MD5, as with keys of one's own."""
    now: int = 1_700_000_000
    objects: dict[str, list[_Version]] = field(default_factory=dict)
    """The newest version first."""
    fetched: list[str] = field(default_factory=list)
    """The keys whose bytes were read."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """See `ports.ObjectStore`."""

    def list(self) -> Iterator[Sequence[StoredObject]]:
        """See `ports.ObjectStore`."""
        self._call()
        found = [self._as_object(key, self.objects[key][0]) for key in sorted(self.objects) if self._there(key)]
        for begin in range(0, max(1, len(found)), _PAGE):
            yield found[begin : begin + _PAGE]

    def look(self, key: str, version: str = "") -> tuple[StoredObject, Mapping[str, str]] | None:
        """See `ports.ObjectStore`."""
        self._call()
        found = self._version(key, version)
        return None if found is None else (self._as_object(key, found), dict(found.headers))

    def read(self, found: StoredObject, into: BinaryIO, version: str = "") -> None:
        """See `ports.ObjectStore`."""
        self._call()
        there = self._version(found.key, version)
        if there is None or self._as_object(found.key, there).etag != found.etag:
            raise RefusedError(f"{found.key} is not there any more as it was seen")
        self.fetched.append(found.key)
        into.write(there.content)

    def write(self, key: str, content: BinaryIO, headers: Mapping[str, str], *, only_new: bool = False) -> None:
        """See `ports.ObjectStore`."""
        self._call()
        with self._lock:
            if only_new and self._there(key):
                raise RefusedError(f"there is an object {key}")
            content.seek(0)
            self._add(key, _Version(self._next(), content.read(), dict(headers), self.now))

    def delete(self, found: StoredObject, version: str = "") -> str:
        """See `ports.ObjectStore`."""
        self._call()
        there = self._version(found.key, version)
        if there is not None and self._as_object(found.key, there).etag != found.etag:
            raise RefusedError(f"{found.key} was replaced meanwhile")
        if version or not self.versioned:
            self._remove(found.key, there.id if there else "")
            return ""
        marker = _Version(self._next(), b"", {}, self.now, is_marker=True)
        self._add(found.key, marker)
        return marker.id

    def versions(self, key: str) -> Sequence[ObjectVersion]:
        """See `ports.ObjectStore`."""
        self._call()
        found = self.objects.get(key, []) if self.versioned else []
        return [ObjectVersion(one.id, self._etag(one), len(one.content), one.is_marker) for one in found]

    def delete_version(self, key: str, version: str) -> None:
        """See `ports.ObjectStore`."""
        self._call()
        self._remove(key, version)

    def acl(self, key: str) -> bytes:
        """See `ports.ObjectStore`."""
        self._call()
        return self.objects[key][0].acl

    def set_acl(self, key: str, acl: bytes) -> None:
        """See `ports.ObjectStore`."""
        self._call()
        self.objects[key][0].acl = acl

    def tags(self, key: str) -> Mapping[str, str]:
        """See `ports.ObjectStore`."""
        self._call()
        return dict(parse_qsl(self.objects[key][0].headers.get("x-amz-tagging", "")))

    def is_open_to_anybody(self, key: str) -> bool:
        """See `ports.ObjectStore`."""
        self._call()
        return self.open_to_anybody and self._there(key)

    def _call(self) -> None:
        if self.calls_left is not None:
            if self.calls_left <= 0:
                raise PassingError("the store is away")
            self.calls_left -= 1

    def _there(self, key: str) -> bool:
        return key in self.objects and not self.objects[key][0].is_marker

    def _version(self, key: str, version: str) -> _Version | None:
        if not version:
            return self.objects[key][0] if self._there(key) else None
        return next((one for one in self.objects.get(key, []) if one.id == version and not one.is_marker), None)

    def _add(self, key: str, version: _Version) -> None:
        before = self.objects.get(key, []) if self.versioned else []
        self.objects[key] = [version, *before]

    def _remove(self, key: str, version: str) -> None:
        if left := [one for one in self.objects.get(key, []) if one.id != version]:
            self.objects[key] = left
        else:
            self.objects.pop(key, None)

    def _next(self) -> str:
        self.now += 1
        return f"v{self.now}"

    def _etag(self, version: _Version) -> str:
        if version.is_marker:
            return ""
        return hashlib.md5(version.content + bytes(self.encrypts), usedforsecurity=False).hexdigest()

    def _as_object(self, key: str, version: _Version) -> StoredObject:
        return StoredObject(key, self._etag(version), len(version.content), version.modified)
