"""Errors of the HTTP door as problem details (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web


class ApiProblem(Exception):  # noqa: N818 - the word of RFC 9457
    """An error that is answered to the application; the text says what to do about it."""

    def __init__(self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}

    def response(self) -> web.Response:
        """The answer, after which the connection is closed: there may be a body that nobody reads."""
        problem = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": str(self),
        }
        # aiohttp would name itself and its Python otherwise.
        headers = {"Server": "goodhoster", **self.headers}
        response = web.Response(
            status=self.status, text=json.dumps(problem), content_type="application/problem+json", headers=headers
        )
        response.force_close()
        return response
