"""Strict reading of answers in JSON.

What is not shaped as the counterpart's own source code shapes it is no answer.
"""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from typing import Any

from goodhoster.adapters.hash_sources.answers import HashServiceReply, failure
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import SourceUnavailableError

MAX_BYTES = 1 << 20
"""Bytes of a body that are read; an answer with more is odd."""


def read_json(reply: HashServiceReply, *, source: str, now: datetime) -> Any:  # noqa: ANN401 - JSON is anything
    """Decode the body; any reply but status 200 with JSON raises as in `failure`."""
    if reply.status != HTTPStatus.OK:
        raise failure(reply, source=source, now=now)
    if len(reply.body) >= MAX_BYTES:
        raise odd(source, f"more than {MAX_BYTES} bytes")
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise failure(reply, source=source, now=now) from error


def odd(source: str, what: object) -> SourceUnavailableError:
    """The error for an answer that is JSON but not in this service's form."""
    words = f"{source} gave no usable answer: {repr(what)[:120]}"
    return SourceUnavailableError(words, reason=Reason.ODD_ANSWER, hint="A wrong URL, a proxy, or a new version of it?")
