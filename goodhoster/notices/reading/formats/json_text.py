"""Untrusted JSON: parsed within limits, accessed without trusting its shape."""

from __future__ import annotations

import json
from typing import Any

from goodhoster.errors import UnreadableError
from goodhoster.model.json_objects import unique_keys

Table = dict[str, Any]


def table_of(content: bytes) -> Table:
    """Parse a JSON object.

    UnreadableError when it is no object, is nested too deep, or has a key twice.
    """
    try:
        value = json.loads(content, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is not JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise UnreadableError("it is not a JSON object")
    return value


def text_in(value: object, *keys: str) -> str:
    """The text below these keys; empty where there is none, or something that is no text."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value.strip() if isinstance(value, str) else ""


def first_text(value: object, *paths: tuple[str, ...]) -> str:
    """The first of several places that holds a text."""
    return next(filter(None, (text_in(value, *path) for path in paths)), "")
