"""The [screening] section: lists that customers are compared with by the daemon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.settings.values import duration, path, setting


def paths(value: Any) -> tuple[Path, ...]:
    """A list of files."""
    try:
        return tuple(map(path, value if isinstance(value, list) else (None,)))
    except ValueError as error:
        raise ValueError('a list of files, such as ["/srv/lists/police.csv"]') from error


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """[screening]: customers compared with lists, by themselves. Needs extra `screening`."""

    lists: tuple[Path, ...] = setting(
        paths,
        "Files that the daemon compares customers with when one of them, or a customer, has changed; each list is "
        "called as its file without the suffix. Findings wait for a person. Lists that were compared by command are "
        "compared again when a customer has changed.",
        default=(),
        example='["/srv/lists/police.csv"]',
    )
    every: float = setting(duration, "How often the daemon checks whether something has changed.", default=3600.0)
