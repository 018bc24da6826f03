"""One HTTP request with a short answer, limited in time and size.

The limits hold whatever the other side does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from goodhoster.errors import PassingError

_LARGEST_ANSWER = 256 << 10
"""Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class AnchorResponse:
    """The status and body of any answer."""

    status: int
    content_type: str
    body: bytes


def post(url: str, body: bytes, content_type: str, within: float) -> AnchorResponse:
    """Send a request and return the answer; redirects are not followed.

    PassingError when there is no answer in time.
    """
    try:
        return asyncio.run(_post(url, body, content_type, within))
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise PassingError(f"{url} cannot be asked: {str(error) or 'it does not answer in time'}") from error


async def _post(url: str, body: bytes, content_type: str, within: float) -> AnchorResponse:
    timeout = aiohttp.ClientTimeout(total=within)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.post(url, data=body, headers={"Content-Type": content_type}, allow_redirects=False) as response,
    ):
        answer = b""
        while len(answer) <= _LARGEST_ANSWER and (
            more := await response.content.read(_LARGEST_ANSWER + 1 - len(answer))
        ):
            answer += more
        if len(answer) > _LARGEST_ANSWER:
            raise ValueError("its answer is too long")
        return AnchorResponse(response.status, response.content_type, answer)
