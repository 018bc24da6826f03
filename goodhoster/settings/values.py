"""The definition of a setting, and the readers that turn a TOML value into its value.

A reader is a function that takes the TOML value and returns the setting's value, or raises ValueError that says what it
takes. That text is what users see after "give", and what the reference says of the setting.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any

Reader = Callable[[Any], Any]


def setting(
    read: Reader,
    help: str,  # noqa: A002 - the word users know
    *,
    default: Any = dataclasses.MISSING,
    example: str = "",
) -> Any:
    """A field of a settings class.

    `example` is TOML text for the sample file. A setting without a default, or whose default is None, needs one.
    """
    metadata = {"read": read, "help": help, "example": example}
    if callable(getattr(default, "copy", None)):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def is_required(f: dataclasses.Field[Any]) -> bool:
    """Whether this setting has no default."""
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def text(value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError('a text in quotes, such as "example"')
    return value


def mail_address(value: Any) -> str:
    """One mail address, without a name and without a second one."""
    if not isinstance(value, str) or not MAIL_ADDRESS.fullmatch(value):
        raise ValueError('a mail address, such as "abuse@hoster.example"')
    return value


MAIL_ADDRESS = re.compile(r"[^\s@<>,;=\0]{1,64}@[^\s@<>,;=\0]{1,253}")
"""One address and nothing beside it. Whether it exists is the mail server's to say."""


def short_name(value: Any) -> str:
    """A name that a command line, a file and a journal line can carry."""
    if not isinstance(value, str) or not _SHORT_NAME.fullmatch(value):
        raise ValueError('a short name of letters, digits, dots, dashes and underscores, such as "hotline"')
    return value


_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def path(value: Any) -> Path:
    """A path; a relative one is taken from the folder of the configuration file."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError('a path in quotes, such as "/srv/example"')
    return Path(value)


def one_of(*allowed: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(" or ".join(f'"{word}"' for word in allowed))
        return str(value)

    return read


def words(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """A list with at least one of the allowed words."""

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or any(word not in allowed for word in value):
            raise ValueError('a list such as ["' + allowed[0] + '"], with any of ' + ", ".join(allowed))
        return tuple(dict.fromkeys(value))

    return read


def yes_or_no(value: Any) -> bool:
    """A truth value."""
    if value is True or value is False:
        return bool(value)
    raise ValueError("true or false")


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; it may be empty."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item and "\0" not in item for item in value):
        raise ValueError('a list of texts, such as ["one", "two"]')
    return tuple(value)


def whole(low: int, high: int, unit: str = "") -> Callable[[Any], int]:
    """A whole number (of `unit`) within bounds."""
    takes = f"a whole number {f'of {unit} ' if unit else ''}from {low} to {high}"

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(takes)
        return value

    return read


SPANS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds of each unit of time, ascending."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)", re.ASCII)


def duration(value: Any) -> float:
    """A time span such as "500ms", "30s", "5m" (or "5min"), "6h" or "1d", in seconds."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found or float(found[1]) <= 0:
        raise ValueError('a time with its unit, such as "30s", "5m" or "6h"')
    return float(found[1]) * SPANS[found[2].removesuffix("in")] / 1000


def duration_or_never(value: Any) -> float:
    """A time span as `duration` reads it, or 0."""
    try:
        return 0.0 if value == 0 and not isinstance(value, bool) else duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or 0 for never") from error


def listen_address(value: Any) -> tuple[str, int]:
    """HOST:PORT, or [IPv6]:PORT; port 0 takes a free one."""
    found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[3]) > 65535:  # noqa: PLR2004 - the highest port there is
        raise ValueError('an address and a port, such as "127.0.0.1:8460"')
    return found[1] or found[2], int(found[3])


_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:\[\]\0]+)):([0-9]{1,5})")
