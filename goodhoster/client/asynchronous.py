"""The client for asyncio, with pooled connections, on httpx (extra `client`).

async with AsyncClient("unix:/run/goodhoster/api.sock", token="…") as client:
    answer = await client.check_bytes(content, Upload(customer="anna"))
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Self, TypeVar

import httpx

from goodhoster.client import calls
from goodhoster.client.answers import Answer, Health, OutcomeReport, Permission
from goodhoster.client.calls import LONGEST_ANSWER, Call, Upload
from goodhoster.client.connection import Address
from goodhoster.client.synchronous import ADDRESS, NOTHING_KNOWN, TIMEOUT, Client, checked_token

T = TypeVar("T")
_MOST_CONNECTIONS = 20


class AsyncClient:
    """The calls of `goodhoster.client.Client` for one event loop.

    To be closed, or used as a context manager.
    """

    def __init__(self, address: str = ADDRESS, *, token: str = "", timeout: float = TIMEOUT) -> None:
        """Take note of where to ask; nothing is connected.

        ValueError for an address or token that can be none. `timeout` is in seconds and holds for a whole call,
        waiting for a free connection included.
        """
        found = Address.parse(address)
        self._token = checked_token(token)
        self._timeout = timeout
        # Files go by descriptor, which httpx cannot pass.
        self._synchronous = Client(address, token=token, timeout=timeout)
        host = f"[{found.host}]" if ":" in found.host else found.host
        self._http = httpx.AsyncClient(
            base_url=f"http://{host}:{found.port}" if host else "http://goodhoster",
            transport=httpx.AsyncHTTPTransport(
                uds=found.path or None, limits=httpx.Limits(max_connections=_MOST_CONNECTIONS)
            ),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def check_bytes(self, content: bytes, upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a content before it is stored."""
        return await self._ask(calls.check_bytes(content, upload))

    async def check_path(self, path: str | bytes | os.PathLike[str], upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a file that this process may read, in a thread; see `Client.check_path`."""
        return await asyncio.to_thread(self._synchronous.check_path, path, upload)

    async def check_digest(self, algorithm: str, digest: str, upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a content by its digest; see `Client.check_digest`."""
        return await self._ask(calls.check_digest(algorithm, digest, upload))

    async def report_outcome(self, reference: str | None, outcome: str) -> OutcomeReport:
        """Report what was done about it: `refused`, `deleted` or `kept`."""
        if not reference:
            return OutcomeReport.unchecked("no-reference", "the answer had no case: there is nothing to report")
        return await self._ask(calls.report_outcome(reference, outcome))

    async def may(self, customer: str, action: str = "upload") -> Permission:
        """Ask whether the hoster's house rules allow a customer to do that."""
        return await self._ask(calls.may(customer, action))

    async def health(self) -> Health:
        """Ask whether the service can check now."""
        return await self._ask(calls.health())

    async def _ask(self, call: Call[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                status, body = await self._exchange(call)
        except (TimeoutError, httpx.TimeoutException):
            return call.unchecked("timeout", f"no answer within {self._timeout:g} s")
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            return call.unchecked("absent", f"no usable answer: {str(error) or type(error).__name__}")
        return call.answer(status, body)

    async def _exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        length = None if call.body is None else len(call.body)
        headers = calls.headers(call, self._token, length)
        async with self._http.stream(call.method, call.target, headers=headers, content=call.body) as response:
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    break
            return response.status_code, body
