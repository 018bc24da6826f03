"""Signatures of requests to object stores (AWS Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
NOTHING = hashlib.sha256(b"").hexdigest()
"""The digest of an empty body."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True)
class RequestToSign:
    """What is signed of a request."""

    method: str
    host: str
    path: str
    """Decoded, with its leading slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case; without host and those of the signature."""
    body: str = NOTHING
    """Digest of the body, SHA-256 in lower-case hexadecimal."""


def signed(request: RequestToSign, credentials: Credentials, now: datetime) -> dict[str, str]:
    """The headers of a request, its signature among them."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{credentials.region}/s3/aws4_request"
    headers = dict(request.headers) | {
        "host": request.host,
        "x-amz-content-sha256": request.body,
        "x-amz-date": moment,
    }
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            request.method,
            canonical_path(request.path),
            canonical_query(request.query),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            names,
            request.body,
        )
    )
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + credentials.secret_key).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    owner = f"Credential={credentials.access_key}/{scope}"
    return headers | {"authorization": f"{_ALGORITHM} {owner}, SignedHeaders={names}, Signature={signature}"}


def canonical_path(path: str) -> str:
    """A path as it is signed: everything but letters, digits, `-._~/` is escaped, once."""
    return quote(path, safe="/-._~")


def canonical_query(query: Mapping[str, str]) -> str:
    """A query as it is signed."""
    return "&".join(f"{quote(name, safe='-._~')}={quote(query[name], safe='-._~')}" for name in sorted(query))
