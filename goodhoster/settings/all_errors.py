"""Checking a configuration to its end, and where in a file a key stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from goodhoster.errors import ConfigurationError


class AllErrors:
    """The configuration errors of several steps, raised as one when the last step was taken.

    with gathered() as errors:
        for section in sections:
            with errors.step():
                read(section)
    """

    def __init__(self) -> None:
        self.found: list[ConfigurationError] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Take a step whose errors do not keep the next ones from being taken."""
        try:
            yield
        except ConfigurationError as error:
            self.found.extend(error.all)


@contextmanager
def gathered() -> Iterator[AllErrors]:
    """Gather the errors of the steps inside; ConfigurationError at the end when there were any."""
    errors = AllErrors()
    yield errors
    if errors.found:
        first, *others = errors.found
        raise ConfigurationError(str(first), hint=first.hint, others=others) from first


Lines = Mapping[str, int]
"""The line of each key of a table; that of its heading under ""."""


def lines_of_tables(content: str) -> Mapping[tuple[str, int], Lines]:
    """Line numbers of the keys of each table, by its name and how many of that name precede it.

    For messages only: tomllib keeps no positions, so this reads line by line, and a text over several lines that looks
    like a table may shift what it says.
    """
    found: dict[tuple[str, int], dict[str, int]] = {}
    before: Counter[str] = Counter()
    table = found.setdefault(("", 0), {})
    for number, line in enumerate(content.splitlines(), 1):
        if heading := _HEADING.match(line):
            name = heading[1].strip()
            table = found.setdefault((name, before[name]), {"": number})
            before[name] += 1
        elif key := _KEY.match(line):
            table.setdefault(key[1].strip("\"'"), number)
    return found


_HEADING = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*[.=]")
