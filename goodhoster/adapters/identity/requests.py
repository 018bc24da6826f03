"""One HTTPS request with a short JSON answer, limited in time and size.

Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from goodhoster.errors import PassingError, UnreadableError
from goodhoster.model.json_objects import DuplicateKeyError, unique_keys

_LARGEST_BODY = 1 << 20
"""Bytes of an answer or of a message."""


@dataclass(frozen=True, slots=True)
class IdentityRequest:
    """A request to send."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    """None: it is a GET, otherwise a POST."""
    within: float = 15.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class IdentityResponse:
    """Status and body of any answer."""

    status: int
    body: bytes


def send(request: IdentityRequest) -> IdentityResponse:
    """Send a request; PassingError when there is no whole answer in time.

    Without the request's secrets.
    """
    try:
        return asyncio.run(_send(request))
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise PassingError(f"cannot be asked: {type(error).__name__}") from error


async def _send(request: IdentityRequest) -> IdentityResponse:
    timeout = aiohttp.ClientTimeout(total=request.within)
    tls: ssl.SSLContext | bool = True
    if request.ca_file is not None:
        tls = ssl.create_default_context(cafile=str(request.ca_file))
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.request(
            "GET" if request.body is None else "POST",
            request.url,
            data=request.body,
            headers={"Accept": "application/json", **request.headers},
            ssl=tls,
            allow_redirects=False,
        ) as response,
    ):
        body = b""
        while len(body) <= _LARGEST_BODY and (more := await response.content.read(_LARGEST_BODY + 1 - len(body))):
            body += more
        if len(body) > _LARGEST_BODY:
            raise ValueError("its answer is too long")
        return IdentityResponse(response.status, body)


def read_object(body: bytes) -> Mapping[str, Any]:
    """A JSON object; UnreadableError for anything else, and where a key stands twice in it."""
    if len(body) > _LARGEST_BODY:
        raise UnreadableError("the message is too long")
    try:
        found = json.loads(body, object_pairs_hook=unique_keys)
    except DuplicateKeyError as error:
        raise UnreadableError(f"{error} of the message") from error
    except (ValueError, RecursionError) as error:  # what is no UTF-8 is a ValueError too
        raise UnreadableError("this is not JSON") from error
    if not isinstance(found, dict):
        raise UnreadableError("this is not a JSON object")
    return found


def text_at(found: Mapping[str, Any], *path: str) -> str:
    """The text at that path of keys; empty where there is none, or something else."""
    value: object = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
