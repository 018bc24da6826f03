"""Fetches public documents by HTTPS, within limits of size and time."""

from __future__ import annotations

import http.client
import ssl
import threading
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from goodhoster.errors import PassingError, RefusedError

_LARGEST_DOCUMENT = 1 << 20
_REDIRECTS = 3
_GONE = frozenset({404, 410})


class HttpsDocuments:
    """See `ports.WebDocuments`."""

    def __init__(self, seconds: float = 10.0, context: ssl.SSLContext | None = None) -> None:
        self._seconds = seconds
        self._opener = urllib.request.build_opener(
            _SecureRedirects(), urllib.request.HTTPSHandler(context=context or ssl.create_default_context())
        )

    def text(self, url: str) -> str:
        """See `ports.WebDocuments`."""
        request = urllib.request.Request(url, headers={"Accept": "*/*", "User-Agent": "goodhoster doctor"})  # noqa: S310 - settings take https only
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                return self._within_time(answer).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _GONE:
                raise RefusedError(f"the server answers {error.code}") from error
            raise PassingError(f"{url}: the server answers {error.code}", hint="try again later") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PassingError(f"{url}: {error}", hint="check name, certificate and network") from error

    def _within_time(self, answer: http.client.HTTPResponse) -> bytes:
        """Read the beginning of an answer, which a server may send byte by byte."""
        timer = threading.Timer(self._seconds, answer.close)
        timer.start()
        try:
            return answer.read(_LARGEST_DOCUMENT)
        finally:
            timer.cancel()


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _REDIRECTS

    def redirect_request(self, *asked: Any) -> urllib.request.Request | None:  # noqa: ANN401 - urllib's own
        """Follow a redirect, but never to a connection that is not encrypted."""
        before, after = asked[0].full_url, asked[5]
        if urlsplit(before).scheme == "https" and urlsplit(after).scheme != "https":
            raise urllib.error.URLError(f"it leads to {after[:200]}, which is not encrypted")
        return super().redirect_request(*asked)
