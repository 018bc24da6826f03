"""Notifications of object stores: which objects a bucket says are new.

MinIO's form names events `s3:ObjectCreated:…` and escapes keys; Ceph's leaves out `s3:`, and one is sent when an upload
in parts only begins. Whatever it says, it is a hint: the store is asked what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

_MOST_RECORDS = 1000
_LONGEST_KEY = 1024
_CREATED = "ObjectCreated:"


def created_keys(body: dict[str, Any], bucket: str) -> list[str]:
    """The keys of new objects in this bucket; ValueError where it is no notification."""
    records = body.get("Records")
    if not isinstance(records, list) or len(records) > _MOST_RECORDS:
        raise ValueError(f"`Records` must be a list of {_MOST_RECORDS} at most")
    return list(dict.fromkeys(key for record in records for key in _keys(record, bucket)))


def _keys(record: object, bucket: str) -> Iterator[str]:
    """The key as it is written, and unescaped: which of them it is not every store tells."""
    try:
        event, told = record["eventName"], record["s3"]  # type: ignore[index]
        name, key = told["bucket"]["name"], told["object"]["key"]
        created = event.removeprefix("s3:").startswith(_CREATED)
        keys = {key, unquote_plus(key, errors="strict")}
        lengths = [len(one.encode()) for one in keys]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError("a record lacks eventName, s3.bucket.name or s3.object.key") from error
    if created and name == bucket and min(lengths) > 0 and max(lengths) <= _LONGEST_KEY:
        yield from sorted(keys)
