"""Apache's configuration as a tree: directives and sections, included files in their places."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_DEEPEST = 10  # includes inside includes
_OPENING = re.compile(r"<(\w+)\s*(.*?)>?\s*")
_CLOSING = re.compile(r"</(\w+)\s*>")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_IFS = frozenset({"ifmodule", "ifversion", "ifdirective", "iffile", "ifdefine", "ifsection"})
TROUBLE = "goodhoster: trouble"
"""As a directive: something could not be read here."""


@dataclass(frozen=True, slots=True)
class Node:
    """One directive, or a section with its contents."""

    name: str
    """Lower case."""
    args: tuple[str, ...]
    inner: tuple[Node, ...] | None = None
    """None for what is no section."""
    file: str = ""
    line: int = 0


Nodes = Sequence[Node]


@dataclass(frozen=True, slots=True)
class ConfigReader:
    """Reads configuration files with the values from Apache's own dump."""

    defines: Mapping[str, str]
    server_root: str
    modules: frozenset[str] | None = None
    """Names of the modules that are loaded; None: unknown, so that those that are asked for are taken to be there."""

    def file(self, file: str, depth: int = 0) -> tuple[Node, ...]:
        """The tree of a file; an error node where it cannot be read."""
        try:
            text = Path(file).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            return (Node(TROUBLE, (f"{file} cannot be read: {error.strerror}",), None, file),)
        return self.text(text, file, depth)

    def text(self, text: str, file: str, depth: int = 0) -> tuple[Node, ...]:
        """The tree of a text. A section that is not closed ends with the text."""
        return tuple(self._nodes(_joined(text), file, depth))

    def _nodes(self, lines: Iterator[tuple[int, str]], file: str, depth: int) -> Iterator[Node]:
        for number, text in lines:
            if _CLOSING.match(text):
                return
            if opening := _OPENING.fullmatch(text):
                inner = tuple(self._nodes(lines, file, depth))
                name, args = opening[1].lower(), tuple(self._words(opening[2]))
                if name not in _IFS:
                    yield Node(name, args, inner, file, number)
                elif args and self._counts(name, args[0]):
                    yield from inner
                continue
            name, *words = self._words(text)
            if name.lower() not in {"include", "includeoptional"}:
                yield Node(name.lower(), tuple(words), None, file, number)
            elif words:
                yield from self._included(words[0], depth, optional=name.lower() == "includeoptional")

    def _included(self, pattern: str, depth: int, *, optional: bool) -> Iterator[Node]:
        path = os.path.join(self.server_root, pattern)
        found = sorted(glob.glob(path))
        if os.path.isdir(path):
            found = sorted(os.path.join(base, name) for base, _, names in os.walk(path) for name in names)
        if (not found and not optional and not glob.has_magic(pattern)) or depth > _DEEPEST:
            yield Node(TROUBLE, (f"{path} cannot be read",))
            return
        for file in found:
            yield from self.file(file, depth + 1)

    def _words(self, text: str) -> list[str]:
        return _words(_VARIABLE.sub(lambda found: self.defines.get(found[1], found[0]), text))

    def _counts(self, name: str, argument: str) -> bool:
        wanted, plain = not argument.startswith("!"), argument.removeprefix("!")
        if name == "ifdefine":
            return (plain in self.defines) == wanted
        if name == "ifmodule" and self.modules is not None:
            return (plain.removeprefix("mod_").removesuffix(".c").removesuffix("_module") in self.modules) == wanted
        return wanted


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, with continuations joined and without comments and blank lines."""
    begun, joined = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or number
        joined += line.removesuffix("\\")
        if not line.endswith("\\"):
            if joined.strip() and not joined.lstrip().startswith("#"):
                yield begun, joined.strip()
            begun, joined = 0, ""


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer) or [""]
    except ValueError:
        return text.split() or [""]


def walk(nodes: Nodes) -> Iterator[Node]:
    """Every node, including nested ones."""
    for node in nodes:
        yield node
        yield from walk(node.inner or ())
