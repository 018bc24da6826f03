"""The section [[bucket]]: object stores whose objects are checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.settings.values import duration, one_of, path, setting, short_name, text, whole

FIRST_PREFIX = "first-prefix"
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-fA-F:]+\](?::\d{1,5})?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def _endpoint(value: Any) -> str:
    """Scheme, host and port of an object store."""
    if not isinstance(value, str) or not _ENDPOINT.fullmatch(value):
        raise ValueError('an address without a path, such as "https://s3.example"')
    return value


def _bucket(value: Any) -> str:
    """The name of a bucket."""
    if not isinstance(value, str) or not _BUCKET.fullmatch(value):
        raise ValueError('the name of a bucket, such as "uploads"')
    return value


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """[[bucket]]: a bucket of an S3-compatible object store. Needs the extra s3. Experimental."""

    name: str = setting(short_name, "Its name in cases and figures.", example='"uploads"')
    endpoint: str = setting(
        _endpoint, "URL of the store; http beyond loopback is refused.", example='"https://s3.example"'
    )
    bucket: str = setting(_bucket, "The bucket whose objects are checked.", example='"uploads"')
    closed_bucket: str = setting(
        _bucket,
        "Where objects go that are taken offline, at the same store. Nobody else may read it.",
        example='"uploads-closed"',
    )
    access_key: str = setting(
        text, "Access key id; it must be allowed to read, write and delete in both.", example='"AKEXAMPLE"'
    )
    secret_key_file: Path = setting(
        path, "File with the secret key (or the name of a systemd credential).", example='"uploads.secret"'
    )
    region: str = setting(text, "Region as the store calls it; few compatible stores need it.", default="us-east-1")
    customer: str = setting(
        text,
        'Whose objects these are: "first-prefix" (the part of the key before its first slash), or a customer\'s id.',
        default=FIRST_PREFIX,
    )
    list_every: float = setting(
        duration, "How often the bucket is listed. Notifications announce new objects sooner.", default=900.0
    )
    fetch: str = setting(
        one_of("all", "known"),
        "all fetches and checks every object; known only those that a source knows by their ETag: the others count as "
        "unchecked.",
        default="all",
    )
    checks: int = setting(whole(1, 64), "Objects that are fetched at the same time.", default=4)
