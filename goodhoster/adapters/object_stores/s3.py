"""A bucket of an S3-compatible object store: see `ports.ObjectStore`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import httpx

from goodhoster.adapters.object_stores import replies
from goodhoster.adapters.object_stores.signing import (
    NOTHING,
    Credentials,
    RequestToSign,
    canonical_path,
    canonical_query,
    signed,
)
from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.objects import ObjectVersion, StoredObject

_LONGEST_ANSWER = 16 << 20
_READ_BYTES = 1 << 20
_WITHIN = 30.0
"""Seconds for an answer to begin, and for the next piece of it."""
_WHOLE_WITHIN = 3600.0
"""Seconds for one object: a store that drips holds nothing up for ever."""
_OK, _NO_CONTENT, _NOT_FOUND, _PRECONDITION = 200, 204, 404, 412
_NOT_SUPPORTED = frozenset({400, 404, 405, 501})
"""What stores answer that have no access lists, tags or versions."""
_PASSING = frozenset({408, 425, 429})
_SERVER_FAULT = 500
_NULL = "null"
"""The version of what was stored before a bucket kept versions."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Which bucket, and where."""

    endpoint: str
    """Scheme, host and port."""
    name: str
    credentials: Credentials


class S3Bucket:
    """See `ports.ObjectStore`. Buckets are addressed by path, which every store knows."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=8)
        self._client = httpx.Client(
            timeout=httpx.Timeout(_WITHIN), limits=limits, follow_redirects=False, trust_env=False
        )

    @property
    def bucket(self) -> str:
        """See `ports.ObjectStore`."""
        return self._bucket.name

    def close(self) -> None:
        """See `ports.ObjectStore`."""
        self._client.close()

    def list(self) -> Iterator[Sequence[StoredObject]]:
        """See `ports.ObjectStore`."""
        query = {"list-type": "2", "max-keys": "1000", "encoding-type": "url"}
        token, seen = "", set[str]()
        while True:
            page = query | ({"continuation-token": token} if token else {})
            found, token = replies.listing(self._answer("GET", "", page))
            yield found
            if not token:
                return
            if token in seen:
                raise PassingError(f"the listing of bucket {self.bucket} repeats itself")
            seen.add(token)

    def look(self, key: str, version: str = "") -> tuple[StoredObject, Mapping[str, str]] | None:
        """See `ports.ObjectStore`."""
        with self._request("HEAD", key, _of(version)) as response:
            # A version that is a delete marker is "not allowed" to be looked at.
            if response.status_code == _NOT_FOUND or (response.status_code == 405 and version):  # noqa: PLR2004
                return None
            self._expect(response, _OK)
            return _as_object(key, response.headers), dict(response.headers)

    def read(self, found: StoredObject, into: BinaryIO, version: str = "") -> None:
        """See `ports.ObjectStore`."""
        changed = RefusedError(f"s3://{self.bucket}/{found.key} is not there any more as it was seen")
        quoted = f'"{found.etag}"'
        with self._request("GET", found.key, _of(version), {"if-match": quoted}) as response:
            if response.status_code in {_NOT_FOUND, _PRECONDITION}:
                raise changed
            self._expect(response, _OK)
            if response.headers.get("etag", "") != quoted or _length(response.headers) != found.size:
                raise changed
            end, written = time.monotonic() + _WHOLE_WITHIN, 0
            for piece in response.iter_raw(_READ_BYTES):
                written += into.write(piece)
                if written > found.size or time.monotonic() > end:
                    break
        if written != found.size:
            raise PassingError(f"s3://{self.bucket}/{found.key} did not arrive whole")

    def write(self, key: str, content: BinaryIO, headers: Mapping[str, str], *, only_new: bool = False) -> None:
        """See `ports.ObjectStore`."""
        size, digest = _measured(content)
        more = {"content-length": str(size)} | ({"if-none-match": "*"} if only_new else {})
        with self._request("PUT", key, {}, dict(headers) | more, content, digest) as response:
            if response.status_code == _PRECONDITION:
                raise RefusedError(f"there is an object s3://{self.bucket}/{key}")
            self._expect(response, _OK)

    def delete(self, found: StoredObject, version: str = "") -> str:
        """See `ports.ObjectStore`."""
        condition = {} if version else {"if-match": f'"{found.etag}"'}
        with self._request("DELETE", found.key, _of(version), condition) as response:
            if response.status_code == _PRECONDITION:
                raise RefusedError(f"s3://{self.bucket}/{found.key} was replaced meanwhile")
            self._expect(response, _OK, _NO_CONTENT)
            is_marker = response.headers.get("x-amz-delete-marker") == "true" and not version
            return response.headers.get("x-amz-version-id", "") if is_marker else ""

    def versions(self, key: str) -> Sequence[ObjectVersion]:
        """See `ports.ObjectStore`."""
        query = {"versions": "", "prefix": key, "max-keys": "1000", "encoding-type": "url"}
        found = replies.versions(self._answer("GET", "", query), key)
        return [] if all(one.id in {"", _NULL} for one in found) else found

    def delete_version(self, key: str, version: str) -> None:
        """See `ports.ObjectStore`."""
        with self._request("DELETE", key, {"versionId": version}) as response:
            self._expect(response, _OK, _NO_CONTENT, _NOT_FOUND)

    def acl(self, key: str) -> bytes:
        """See `ports.ObjectStore`."""
        return self._optional(key, "acl")

    def set_acl(self, key: str, acl: bytes) -> None:
        """See `ports.ObjectStore`."""
        headers = {"content-type": "application/xml", "content-length": str(len(acl))}
        body = hashlib.sha256(acl).hexdigest()
        with self._request("PUT", key, {"acl": ""}, headers, acl, body) as response:
            self._expect(response, _OK, _NO_CONTENT)

    def tags(self, key: str) -> Mapping[str, str]:
        """See `ports.ObjectStore`."""
        body = self._optional(key, "tagging")
        return replies.tags(body) if body else {}

    def is_open_to_anybody(self, key: str) -> bool:
        """See `ports.ObjectStore`."""
        with self._sent("GET", self._url(key, {}), {"range": "bytes=0-0"}) as response:
            return response.is_success

    def _optional(self, key: str, what: str) -> bytes:
        with self._request("GET", key, {what: ""}) as response:
            if response.status_code in _NOT_SUPPORTED:
                return b""
            self._expect(response, _OK)
            return _body(response)

    def _answer(self, method: str, key: str, query: Mapping[str, str]) -> bytes:
        with self._request(method, key, query) as response:
            self._expect(response, _OK)
            return _body(response)

    @contextmanager
    def _request(  # noqa: PLR0913, PLR0917 - one request with all that it may have
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        content: BinaryIO | bytes | None = None,
        digest: str = NOTHING,
    ) -> Iterator[httpx.Response]:
        """One signed request."""
        url = self._url(key, query)
        host = url.netloc.decode()
        request = RequestToSign(method, host, self._path(key), query, headers or {}, digest)
        with self._sent(method, url, signed(request, self._bucket.credentials, datetime.now(UTC)), content) as response:
            yield response

    @contextmanager
    def _sent(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: BinaryIO | bytes | None = None
    ) -> Iterator[httpx.Response]:
        try:
            with self._client.stream(
                method, url, headers=dict(headers) | {"accept-encoding": "identity"}, content=content
            ) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            what = str(error) or type(error).__name__
            raise PassingError(f"the object store {self._bucket.endpoint} does not answer: {what}") from error

    def _path(self, key: str) -> str:
        return f"/{self.bucket}/{key}" if key else f"/{self.bucket}"

    def _url(self, key: str, query: Mapping[str, str]) -> httpx.URL:
        """The address; dots that are a whole segment are escaped: they would lead elsewhere."""
        segments = canonical_path(self._path(key)).split("/")
        path = "/".join(s.replace(".", "%2E") if s in {".", ".."} else s for s in segments)
        raw = f"{path}?{canonical_query(query)}" if query else path
        return httpx.URL(self._bucket.endpoint).copy_with(raw_path=raw.encode())

    def _expect(self, response: httpx.Response, *good: int) -> None:
        status = response.status_code
        if status in good:
            return
        code = "" if response.request.method == "HEAD" else replies.error_code(_body(response))
        message = f"the object store answers {status} {code} about bucket {self.bucket}".replace("  ", " ")
        if status >= _SERVER_FAULT or status in _PASSING:
            raise PassingError(message, hint="it is tried again")
        if response.is_redirect:
            raise RefusedError(message, hint="set endpoint and region of [[bucket]] to where the bucket is")
        raise RefusedError(message, hint="may the access key of [[bucket]] do that, and is there such a bucket?")


def _of(version: str) -> dict[str, str]:
    return {"versionId": version} if version else {}


def _as_object(key: str, headers: httpx.Headers) -> StoredObject:
    try:
        moment = int(parsedate_to_datetime(headers["last-modified"]).timestamp())
        return StoredObject(key, headers["etag"].strip('"'), _length(headers), moment)
    except (KeyError, ValueError) as error:
        raise PassingError(f"the object store does not tell ETag, size and time of {key!r}") from error


def _length(headers: httpx.Headers) -> int:
    return int(headers["content-length"])


def _body(response: httpx.Response) -> bytes:
    """The whole answer, as long as it may be; PassingError where it is longer."""
    found = bytearray()
    for piece in response.iter_raw():
        found += piece
        if len(found) > _LONGEST_ANSWER:
            raise PassingError("the object store's answer is too long")
    return bytes(found)


def _measured(content: BinaryIO) -> tuple[int, str]:
    """The size of a file and its SHA-256; it is at its beginning then."""
    content.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := content.read(_READ_BYTES):
        digest.update(piece)
        size += len(piece)
    content.seek(0)
    return size, digest.hexdigest()
