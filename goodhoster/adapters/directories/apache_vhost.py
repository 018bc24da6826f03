"""The directives of one <VirtualHost>, as far as they say where files are."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import ConfigurationError

_DEEPEST = 10  # includes inside includes
_OPENING = re.compile(r"<(\w+)\s*([^>]*)>")
_CLOSING = re.compile(r"</(\w+)>")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ALWAYS = frozenset({"ifmodule", "ifversion", "ifdirective", "iffile"})
"""Sections whose content counts: a module that a configuration asks for is taken to be there."""


@dataclass(frozen=True, slots=True)
class Line:
    """One directive."""

    name: str
    """Lower case."""
    args: tuple[str, ...]
    location: str = ""
    """The path of the <Location> around it; empty outside."""


@dataclass(frozen=True, slots=True)
class BlockReader:
    """Reads blocks with the values that Apache's own dump told."""

    defines: Mapping[str, str]
    server_root: str

    def block(self, file: str, start: int) -> list[Line] | None:
        """The directives of the <VirtualHost> that begins on that line; None where none does (a macro)."""
        lines = list(_joined(file))
        begun = any(number == start and text.lower().startswith("<virtualhost") for number, text in lines)
        inside = (text for number, text in lines if number > start)
        return list(self._directives(self._until_end(inside), 0)) if begun else None

    def _until_end(self, lines: Iterator[str]) -> Iterator[str]:
        for text in lines:
            if text.lower().startswith("</virtualhost"):
                return
            yield text

    def _directives(self, lines: Iterator[str], depth: int) -> Iterator[Line]:
        sections: list[tuple[str, str]] = []
        for text in lines:
            if opening := _OPENING.match(text):
                sections.append((opening[1].lower(), opening[2].strip()))
            elif _CLOSING.match(text):
                sections = sections[:-1]
            elif all(self._counts(name, argument) for name, argument in sections):
                yield from self._line(text, next((a for n, a in sections if n == "location"), ""), depth)

    def _line(self, text: str, location: str, depth: int) -> Iterator[Line]:
        name, *args = _words(_VARIABLE.sub(lambda found: self.defines.get(found[1], found[0]), text))
        if name.lower() not in {"include", "includeoptional"}:
            yield Line(name.lower(), tuple(args), location.strip("\"'"))
        elif args and depth < _DEEPEST:
            for file in sorted(glob.glob(os.path.join(self.server_root, args[0]))):
                yield from self._directives((inner for _, inner in _joined(file)), depth + 1)

    def _counts(self, name: str, argument: str) -> bool:
        if name == "ifdefine":
            return (argument.removeprefix("!") in self.defines) != argument.startswith("!")
        return (name in _ALWAYS and not argument.startswith("!")) or name == "location"


def _joined(file: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, continued ones put together, without comments and blanks."""
    begun, text = 0, ""
    try:
        content = Path(file).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        hint = "it must be readable for the user that goodhoster runs as"
        raise ConfigurationError(f"Apache's {file} cannot be read: {error.strerror}", hint=hint) from error
    for number, line in enumerate(content.splitlines(), 1):
        begun = begun or number
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            if text.strip() and not text.lstrip().startswith("#"):
                yield begun, text.strip()
            begun, text = 0, ""


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer) or [""]
    except ValueError:
        return text.split()
