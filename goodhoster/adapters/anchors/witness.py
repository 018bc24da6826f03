"""A witness over HTTP (c2sp.org/tlog-witness)."""

from __future__ import annotations

from http import HTTPStatus

from goodhoster.adapters.anchors.http_post import AnchorResponse, post
from goodhoster.errors import PassingError, RefusedError

_REFUSALS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class HttpWitness:
    """See `ports.proof.WitnessService`. `url`: the prefix of its submission addresses."""

    def __init__(self, url: str, within: float = 30.0) -> None:
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._within = within

    def add_checkpoint(self, request: bytes) -> bytes | int:
        """See `ports.proof.WitnessService`."""
        answer = post(self._url, request, "text/plain", self._within)
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.CONFLICT:
            return _size(answer, self._url)
        words = answer.body.decode(errors="replace").strip()[:200]
        if answer.status in _REFUSALS:
            raise RefusedError(f"{self._url} answers {answer.status}: {words!r}")
        raise PassingError(f"{self._url} answers {answer.status}")


def _size(answer: AnchorResponse, url: str) -> int:
    text = answer.body.decode(errors="replace").removesuffix("\n")
    if answer.content_type != "text/x.tlog.size" or not text.isascii() or not text.isdigit() or len(text) > 19:  # noqa: PLR2004 - 2^63
        raise PassingError(f"{url} answers 409 without a size")
    return int(text)
