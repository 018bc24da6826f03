"""Take an object offline by a move into a closed bucket, and put it back.

Copy what was read and compared → read the copy again → see that nobody can read it without our key → delete the
object. Where its bucket keeps versions, a delete marker alone only hides: every version with these bytes stays readable
by its id. So each of them is deleted, behind a delete marker that keeps an older version from coming back in its place.
`put_back` stores bytes, metadata, tags and access list anew and removes that marker; the object has another version id
and time of its last change then, which no store lets anybody set.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from tempfile import TemporaryFile
from typing import BinaryIO
from urllib.parse import urlencode

from goodhoster.errors import GoodhosterError, QuarantineError, RefusedError
from goodhoster.model.objects import ObjectVersion, StoredObject, is_bucket, key_of, state_of, tree_of
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Place, Upload
from goodhoster.ports import Quarantine
from goodhoster.ports.objects import ObjectStore

_KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_OWN_METADATA = "x-amz-meta-"
_CONTENT, _LABEL = "content", "label.json"
_LONGEST_LABEL = 1 << 20
_READ_BYTES = 1 << 20
OTHER_VERSION = "a restore gives it another version id"


@dataclass(frozen=True, slots=True)
class ObjectLabel:
    """What an object was like before it was taken, and what was made in its place."""

    bucket: str
    key: str
    size: int
    sha256: str
    headers: dict[str, str]
    tags: dict[str, str]
    acl: str
    """As the store told it; empty where it has none."""
    marker: str = ""
    """The delete marker that hides older versions; empty where the bucket keeps none."""


@dataclass(frozen=True, slots=True)
class WatchedBucket:
    """A bucket whose objects are checked, and where they go."""

    name: str
    store: ObjectStore
    closed: ObjectStore


@dataclass(frozen=True, slots=True)
class BucketQuarantine:
    """See `ports.Quarantine`, for objects."""

    buckets: tuple[WatchedBucket, ...]
    spool: Callable[[], BinaryIO] = TemporaryFile
    """Makes a file without a name for the bytes of one object."""

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        bucket, key = self._bucket(upload.place), key_of(upload.place)
        if self.recover(case_id, upload) is Whereabouts.QUARANTINE:
            return "found done after a crash"
        found = bucket.store.look(key)
        if found is None or state_of(bucket.name, found[0]) != upload.state:
            raise RefusedError(f"{upload.place} is not there any more as it was checked")
        seen, headers = found
        with self._copied(bucket.store, seen) as content:
            if _digest(content) != sha256:
                raise RefusedError(f"{upload.place} holds other bytes than those that were checked")
            label = ObjectLabel(
                bucket=bucket.store.bucket,
                key=key,
                size=seen.size,
                sha256=sha256.hex(),
                headers=_kept(headers),
                tags=dict(bucket.store.tags(key)),
                acl=bucket.store.acl(key).decode("utf-8", "replace"),
            )
            self._write_label(bucket.closed, case_id, label)
            bucket.closed.write(_name(case_id, _CONTENT), content, {})
        self._expect_closed(bucket.closed, case_id, sha256)
        removed = self._remove(bucket, case_id, label, seen)
        if bucket.store.look(key) is not None:
            raise QuarantineError(f"{upload.place} can still be read", hint="is it stored again and again?")
        return f"{removed} versions were removed; {OTHER_VERSION}" if removed else ""

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """See `ports.Quarantine`; one after the other.

        A store has no sync that they could wait for together.
        """
        return list(map(self._result, requests))

    def _result(self, request: QuarantineRequest) -> str | GoodhosterError:
        try:
            return self.take_offline(request.case_id, request.upload, request.sha256)
        except GoodhosterError as error:
            return error

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`. `moved` says nothing here: an object has no directory."""
        del moved
        bucket, key = self._bucket(upload.place), key_of(upload.place)
        label = self._label(bucket.closed, case_id)
        held = bucket.closed.look(_name(case_id, _CONTENT))
        if label is None or held is None:
            raise QuarantineError(f"{upload.place} is not in the closed bucket", hint=f"look for {case_id} there")
        if bucket.store.look(key) is not None:
            raise RefusedError(f"there is an object {upload.place} again", hint="have it removed or renamed first")
        with self._copied(bucket.closed, held[0]) as content:
            if _digest(content).hex() != label.sha256:
                raise QuarantineError(f"the copy of {upload.place} in the closed bucket holds other bytes")
            bucket.store.write(key, content, _given_back(label), only_new=True)
        self._expect_given_back(bucket.store, upload, label)
        if label.marker:
            bucket.store.delete_version(key, label.marker)
        self._forget(bucket.closed, case_id)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        bucket = self._bucket(upload.place)
        found = bucket.store.look(key_of(upload.place))
        if found is None:
            raise RefusedError(f"{upload.place} is not there")
        if self._digest_at(bucket.store, found[0]) != sha256:
            raise RefusedError(f"{upload.place} holds other bytes than those that were checked")

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`: never; the store's own lifecycle rules can."""
        if self.recover(case_id, upload) is Whereabouts.QUARANTINE:
            message = f"{upload.place} lies in a closed bucket, in which goodhoster destroys nothing"
            raise RefusedError(message, hint="set a lifecycle rule of that bucket")

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`. There is no room to be kept; the closed bucket must answer."""
        self._bucket(Place(tree, b"")).closed.look(_LABEL)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`.

        While the object is there with its bytes, nothing was taken, or it was given back: our copy goes.
        """
        bucket, key = self._bucket(upload.place), key_of(upload.place)
        label = self._label(bucket.closed, case_id)
        if label is None:
            return Whereabouts.ELSEWHERE
        there = bucket.store.look(key)
        if there is not None and self._is_it(bucket.store, there[0], label):
            self._give_access_list(bucket.store, label)
            if label.marker:
                bucket.store.delete_version(key, label.marker)
            self._forget(bucket.closed, case_id)
            return Whereabouts.ELSEWHERE
        if (held := bucket.closed.look(_name(case_id, _CONTENT))) is None or held[0].size != label.size:
            self._forget(bucket.closed, case_id)
            return Whereabouts.ELSEWHERE
        self._remember_marker(bucket, case_id, label)
        self._remove_versions(bucket, label)
        return Whereabouts.QUARANTINE

    def open(self, place: Place, name: str) -> int | None:
        """A descriptor of the bytes in the closed bucket; None where they are not there."""
        bucket = self._bucket(place)
        if self._label(bucket.closed, name) is None or (held := bucket.closed.look(_name(name, _CONTENT))) is None:
            return None
        with self._copied(bucket.closed, held[0]) as content:
            return os.dup(content.fileno())

    # Steps

    def _bucket(self, place: Place) -> WatchedBucket:
        for bucket in self.buckets:
            if tree_of(bucket.name) == place.tree:
                return bucket
        raise RefusedError(f"{place} is in no watched bucket", hint="is its [[bucket]] still configured?")

    def _remove(self, bucket: WatchedBucket, case_id: str, label: ObjectLabel, seen: StoredObject) -> int:
        """Delete the object; returns how many versions were removed, 0 without versions."""
        if marker := bucket.store.delete(seen):
            label = replace(label, marker=marker)
            self._write_label(bucket.closed, case_id, label)
        return self._remove_versions(bucket, label)

    def _remember_marker(self, bucket: WatchedBucket, case_id: str, label: ObjectLabel) -> None:
        """Note the delete marker that a crash kept from being noted."""
        newest = next(iter(bucket.store.versions(label.key)), None)
        if not label.marker and newest is not None and newest.is_marker:
            self._write_label(bucket.closed, case_id, replace(label, marker=newest.id))

    def _remove_versions(self, bucket: WatchedBucket, label: ObjectLabel) -> int:
        """Delete every version that holds these bytes."""
        alike = [one for one in bucket.store.versions(label.key) if not one.is_marker and one.size == label.size]
        same = [one for one in alike if self._version_is_it(bucket.store, one, label)]
        for version in same:
            bucket.store.delete_version(label.key, version.id)
        return len(same)

    def _version_is_it(self, store: ObjectStore, version: ObjectVersion, label: ObjectLabel) -> bool:
        found = store.look(label.key, version.id)
        return found is not None and self._digest_at(store, found[0], version.id).hex() == label.sha256

    def _is_it(self, store: ObjectStore, found: StoredObject, label: ObjectLabel) -> bool:
        with suppress(RefusedError):
            return found.size == label.size and self._digest_at(store, found).hex() == label.sha256
        return False

    def _digest_at(self, store: ObjectStore, found: StoredObject, version: str = "") -> bytes:
        with self._copied(store, found, version) as content:
            return _digest(content)

    @contextmanager
    def _copied(self, store: ObjectStore, found: StoredObject, version: str = "") -> Iterator[BinaryIO]:
        with self.spool() as content:
            store.read(found, content, version)
            content.flush()
            yield content

    def _expect_closed(self, closed: ObjectStore, case_id: str, sha256: bytes) -> None:
        """Read our copy again, and try to read it as anybody would."""
        name = _name(case_id, _CONTENT)
        held = closed.look(name)
        if held is None or self._digest_at(closed, held[0]) != sha256:
            raise QuarantineError(f"the copy in bucket {closed.bucket} does not hold the bytes of {case_id}")
        if closed.is_open_to_anybody(name):
            self._forget(closed, case_id)
            message = f"anybody can read what is in bucket {closed.bucket}: nothing is taken offline there"
            raise QuarantineError(
                message, hint="make the closed bucket private: no public policy, no public access list"
            )

    def _expect_given_back(self, store: ObjectStore, upload: Upload, label: ObjectLabel) -> None:
        """Compare the object with what it was, and give it its access list."""
        found = store.look(label.key)
        if found is None or not self._is_it(store, found[0], label):
            raise QuarantineError(f"{upload.place} was not stored as it was: it stays in the closed bucket")
        self._give_access_list(store, label)
        lost = [name for name, value in label.headers.items() if found[1].get(name) != value]
        if lost or dict(store.tags(label.key)) != label.tags:
            raise QuarantineError(f"{upload.place} is back without its {', '.join(lost) or 'tags'}")

    @staticmethod
    def _give_access_list(store: ObjectStore, label: ObjectLabel) -> None:
        if label.acl and store.acl(label.key).decode("utf-8", "replace") != label.acl:
            store.set_acl(label.key, label.acl.encode())

    def _label(self, closed: ObjectStore, case_id: str) -> ObjectLabel | None:
        found = closed.look(_name(case_id, _LABEL))
        if found is None:
            return None
        if found[0].size > _LONGEST_LABEL:
            raise QuarantineError(f"the label of {case_id} in bucket {closed.bucket} is not ours")
        read = io.BytesIO()
        closed.read(found[0], read)
        try:
            return ObjectLabel(**json.loads(read.getvalue()))
        except (ValueError, TypeError) as error:
            raise QuarantineError(f"the label of {case_id} in bucket {closed.bucket} cannot be read") from error

    @staticmethod
    def _write_label(closed: ObjectStore, case_id: str, label: ObjectLabel) -> None:
        text = io.BytesIO(json.dumps(asdict(label)).encode())
        closed.write(_name(case_id, _LABEL), text, {"content-type": "application/json"})

    @staticmethod
    def _forget(closed: ObjectStore, case_id: str) -> None:
        """Delete our copy for good, and its label last."""
        for part in (_CONTENT, _LABEL):
            name = _name(case_id, part)
            versions = closed.versions(name)
            for version in reversed(versions):  # while any is left there is a label that tells of the rest
                closed.delete_version(name, version.id)
            if not versions and (found := closed.look(name)):
                closed.delete(found[0])


@dataclass(frozen=True, slots=True)
class FilesAndBuckets:
    """See `ports.Quarantine`: that of files, and that of objects."""

    files: Quarantine
    objects: Callable[[], Quarantine]
    """Made when the first object is moved: until then nobody needs the stores' keys."""

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        return self._of(upload.place).take_offline(case_id, upload, sha256)

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """See `ports.Quarantine`."""
        files = [request for request in requests if not is_bucket(request.upload.place.tree)]
        objects = [request for request in requests if is_bucket(request.upload.place.tree)]
        of_files = iter(self.files.take_all_offline(files) if files else ())
        of_objects = iter(self.objects().take_all_offline(objects) if objects else ())
        return [next(of_objects if is_bucket(each.upload.place.tree) else of_files) for each in requests]

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        self._of(upload.place).put_back(case_id, upload, moved=moved)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        self._of(upload.place).verify_in_place(upload, sha256)

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`."""
        self._of(upload.place).destroy(case_id, upload)

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        self._of(Place(tree, b"")).prepare(tree)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        return self._of(upload.place).recover(case_id, upload)

    def _of(self, place: Place) -> Quarantine:
        return self.objects() if is_bucket(place.tree) else self.files


def _name(case_id: str, part: str) -> str:
    return f"goodhoster/{case_id}/{part}"


def _digest(content: BinaryIO) -> bytes:
    content.seek(0)
    digest = hashlib.sha256()
    while piece := content.read(_READ_BYTES):
        digest.update(piece)
    return digest.digest()


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in headers.items() if n in _KEPT_HEADERS or n.startswith(_OWN_METADATA)}


def _given_back(label: ObjectLabel) -> dict[str, str]:
    return label.headers | ({"x-amz-tagging": urlencode(label.tags)} if label.tags else {})
