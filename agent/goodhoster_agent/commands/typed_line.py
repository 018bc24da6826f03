"""Parsed command line: the command, and the paths among its parameters.

Found without running it, by the very parser that the command uses when it runs: both read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from goodhoster.errors import RefusedError
from goodhoster_agent.people.rights import ACCESS, TEXTS_THAT_NAME_FILES, Access, Right

_PATHS = frozenset({"path", "file", "directory", "filename"})
"""Names of the parameter types that stand for something in a file system."""
_CONFIG = "config"


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A command line, taken apart."""

    words: str
    """The command, such as `cases list`."""
    access: Access
    arguments: tuple[str, ...]
    """What was typed behind the command."""
    paths: tuple[tuple[str, str], ...]
    """Parameter and value of each path that was typed; of the configuration too."""
    texts: tuple[tuple[str, str], ...]
    """Parameter and value of everything else that was typed."""
    given: tuple[str, ...] = ()
    """Every parameter that was typed, flags too."""

    @property
    def rights(self) -> frozenset[Right]:
        """The rights that this line needs: the command's, and those of the options that were typed."""
        options = {self.access.option_right(name) for name in self.given}
        return frozenset(right for right in {self.access.right, *options} if right is not None)

    @property
    def order(self) -> str:
        """The command with the options that act, such as `customers statement --resend`."""
        acting = (name for name in self.given if self.access.option_right(name))
        return " ".join((self.words, *(f"--{name.replace('_', '-')}" for name in acting)))

    def expect_no_configuration(self) -> None:
        """RefusedError where another configuration is named."""
        if any(name == _CONFIG for name, _ in self.paths):
            raise RefusedError("the configuration is this host's own", hint="leave --config out")

    def named(self, parameters: Sequence[str]) -> list[str]:
        """The values of these parameters, in the order in which they were typed."""
        return [value for name, value in self.paths if name in parameters]

    def expect_known_paths(self) -> None:
        """RefusedError where a parameter names a file that root would open for the person."""
        known = {*self.access.reads, self.access.writes, *self.access.labels, _CONFIG}
        for name, value in self.paths:
            if name not in known:
                raise RefusedError(f"{self.words}: {value} would be opened with root's rights", hint="ask root for it")
        for name, value in self.texts:
            allowed = TEXTS_THAT_NAME_FILES.get(self.words, {}).get(name)
            if allowed is not None and value not in allowed:
                raise RefusedError(f"{self.words}: {value} would be opened with root's rights", hint="ask root for it")


def read_line(argv: Sequence[str]) -> TypedLine:
    """Take a command line apart.

    RefusedError where it names no command, or is wrong use: what is wrong is said in its words.
    """
    command, words, rest = _find(argv)
    context = typer.Context(command, info_name=f"goodhoster {' '.join(words)}")
    try:
        values, left, _ = command.make_parser(context).parse_args(args=list(rest))
    except typer.TyperException as error:
        raise RefusedError(error.format_message(), hint=f"see: goodhoster {' '.join(words)} --help") from error
    if left:
        hint = f"see: goodhoster {' '.join(words)} --help"
        raise RefusedError(f"unexpected argument: {left[0]!r}", hint=hint)
    paths: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    for parameter in command.params:
        for value in _texts(values.get(parameter.name or "")):
            (paths if parameter.type.name in _PATHS else texts).append((parameter.name or "", value))
    given = tuple(parameter.name or "" for parameter in command.params if _is_given(values.get(parameter.name or "")))
    name = " ".join(words)
    return TypedLine(name, ACCESS[name], tuple(rest), tuple(paths), tuple(texts), given)


def command_names() -> list[str]:
    """The words of every command there is, in the order of `--help`."""
    return [name for name, _ in all_commands()]


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words."""
    root = _root()
    context = typer.Context(root, info_name="goodhoster")

    def below(group: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a Click command
        if not isinstance(group, TyperGroup):
            yield " ".join(words), group
            return
        for name in group.list_commands(context):
            yield from below(group.get_command(context, name), (*words, name))

    yield from below(root, ())


def _root() -> Any:  # noqa: ANN401 - a Click command
    from goodhoster_agent.cli import app

    return get_command(app)


def _find(argv: Sequence[str]) -> tuple[Any, list[str], list[str]]:
    """The command that the first words name, those words, and the rest."""
    command: Any = _root()
    words: list[str] = []
    rest = list(argv)
    while isinstance(command, TyperGroup):
        name = " ".join(["goodhoster", *words])
        if not rest or rest[0].startswith("-"):
            raise RefusedError("no command is named", hint=f"see: {name} --help")
        found = command.get_command(typer.Context(command, info_name=name), rest[0])
        if found is None:
            raise RefusedError(f"there is no command {name} {rest[0]}", hint=f"see: {name} --help")
        words.append(rest.pop(0))
        command = found
    return command, words, rest


def _is_given(value: Any) -> bool:  # noqa: ANN401 - what the parser gives
    """Whether the parser found the parameter.

    An empty text and a flag that says no were typed, too.
    """
    return value is not None and value not in ((), [])


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - what the parser gives
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
