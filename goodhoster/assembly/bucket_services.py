"""The part that checks object stores; made where a [[bucket]] is configured."""

from __future__ import annotations

import time
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.errors import ConfigurationError
from goodhoster.settings.secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from goodhoster.assembly.services import Services
    from goodhoster.evidence.bucket_quarantine import BucketQuarantine, WatchedBucket
    from goodhoster.object_handling import ObjectHandling
    from goodhoster.ports import Quarantine
    from goodhoster.ports.objects import ObjectStore
    from goodhoster.settings.buckets import BucketSettings
    from goodhoster.upload_handling import UploadHandling
    from goodhoster.uploads.object_opening import ObjectOpener
    from goodhoster.uploads.object_queue import ObjectQueue

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BucketServices(LazyParts):
    """See `Services.buckets`."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    def make_all(self) -> None:
        """Make every part where there is a bucket."""
        if self._services.settings.buckets:
            super().make_all()

    @lazy
    def watched(self) -> tuple[WatchedBucket, ...]:
        """Every bucket with the closed one beside it."""
        from goodhoster.evidence.bucket_quarantine import WatchedBucket

        check_buckets(self._services.settings.buckets)
        return tuple(
            WatchedBucket(each.name, self._store(each, each.bucket), self._store(each, each.closed_bucket))
            for each in self._services.settings.buckets
        )

    @lazy
    def quarantine(self) -> BucketQuarantine:
        """The quarantine of objects."""
        from goodhoster.evidence.bucket_quarantine import BucketQuarantine

        return BucketQuarantine(self.watched, self._spool)

    def beside(self, files: Quarantine) -> Quarantine:
        """The quarantine of files and of objects."""
        from goodhoster.evidence.bucket_quarantine import FilesAndBuckets

        return FilesAndBuckets(files, lambda: self.quarantine)

    @lazy
    def opener(self) -> ObjectOpener:
        """What opens objects, and files."""
        from goodhoster.model.objects import tree_of
        from goodhoster.uploads.object_opening import ObjectOpener

        stores = {tree_of(bucket.name): (bucket.name, bucket.store) for bucket in self.watched}
        return ObjectOpener(stores, self._spool, self._services.settings.agent.largest_file)

    @lazy
    def queue(self) -> ObjectQueue:
        """The objects that wait for a check."""
        from goodhoster.uploads.object_queue import FILE, ObjectQueue

        return self.closed_at_end(ObjectQueue(self._services.state_dir / FILE))

    @lazy
    def handling(self) -> Mapping[str, ObjectHandling]:
        """What handles the objects of each bucket, by its name."""
        stores = {bucket.name: bucket.store for bucket in self.watched}
        return {each.name: self._handling(each, stores[each.name]) for each in self._services.settings.buckets}

    def _handling(self, settings: BucketSettings, store: ObjectStore) -> ObjectHandling:
        from goodhoster.object_handling import ObjectHandling

        return ObjectHandling(
            bucket=settings.name,
            store=store,
            queue=self.queue,
            uploads=self._uploads,
            customer_of=partial(_customer_of, settings.customer),
            fetch_all=settings.fetch == "all",
            clock=time.time,
        )

    @lazy
    def _uploads(self) -> UploadHandling:
        from goodhoster.upload_handling import UploadHandling

        return UploadHandling(self._services.examiner, self._services.desk)

    def _store(self, settings: BucketSettings, bucket: str) -> ObjectStore:
        try:
            from goodhoster.adapters.object_stores.s3 import Bucket, S3Bucket
        except ImportError as error:
            hint = "install goodhoster with the extra s3"
            raise ConfigurationError("[[bucket]] needs the package httpx", hint=hint) from error
        from goodhoster.adapters.object_stores.signing import Credentials

        secret = read_secret(settings.secret_key_file, f"secret key of bucket {settings.name}")
        credentials = Credentials(settings.access_key, secret, settings.region)
        return self.closed_at_end(S3Bucket(Bucket(settings.endpoint, bucket, credentials)))

    def _spool(self) -> BinaryIO:
        """A file without a name beside our state: what is fetched is gone with its descriptor."""
        return TemporaryFile(dir=self._services.state_dir)


def check_buckets(buckets: tuple[BucketSettings, ...]) -> None:
    """ConfigurationError where a bucket cannot be used as it is configured."""
    names = [each.name for each in buckets]
    watched = {(each.endpoint, each.bucket) for each in buckets}
    for each in buckets:
        if names.count(each.name) > 1:
            raise ConfigurationError(f"[[bucket]] name {each.name} is there twice", hint="give each a name of its own")
        if (each.endpoint, each.closed_bucket) in watched:
            hint = "make another one that nobody else may read"
            raise ConfigurationError(f"[[bucket]] {each.name}: the closed bucket is a watched one", hint=hint)
        address = urlsplit(each.endpoint)
        if address.scheme == "http" and address.hostname not in _LOOPBACK:
            message = f"[[bucket]] {each.name}: endpoint is http beyond this machine"
            raise ConfigurationError(message, hint="use https: customers' files would cross the network readable")
        read_secret(each.secret_key_file, f"secret key of bucket {each.name}")


def _customer_of(customer: str, key: str) -> str:
    from goodhoster.model.uploads import visible
    from goodhoster.settings.buckets import FIRST_PREFIX
    from goodhoster.uploads.trees import UNASSIGNED

    if customer != FIRST_PREFIX:
        return customer
    first, slash, _ = key.partition("/")
    return visible(first) if slash and first else UNASSIGNED
