"""The command line as a tree, read from the program itself; the man page and the check of examples are made from it."""

import functools
import inspect
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer

from goodhoster_agent.cli import app


@dataclass(frozen=True)
class Parameter:
    """An option, or an argument (which has no `flags`)."""

    flags: tuple[str, ...]
    value: str
    """What stands for its value; empty for an option that has none."""
    help: str
    required: bool
    repeated: bool


@dataclass(frozen=True)
class Command:
    """A command, or a group of commands."""

    words: tuple[str, ...]
    """As typed, with the program's name."""
    help: str
    parameters: tuple[Parameter, ...]
    commands: dict[str, "Command"]

    def leaves(self) -> Iterator["Command"]:
        """The commands at and below this that do something."""
        if not self.commands:
            yield self
        for command in self.commands.values():
            yield from command.leaves()


@functools.cache
def program() -> Command:
    """The whole program."""
    return _command(typer.main.get_command(app), ("goodhoster",))


def problem(line: str) -> str:
    """Why a shown line, such as `goodhoster cases list --json`, would be refused; empty when it would not be."""
    try:
        shown = shlex.split(line, comments=True)
    except ValueError as error:
        return str(error)
    return _problem(program(), _without_redirection(shown)[1:])


def _problem(command: Command, words: Sequence[str]) -> str:
    known = {flag for parameter in command.parameters for flag in parameter.flags} | {"--help"}
    for number, word in enumerate(words):
        if word in command.commands:
            return _problem(command.commands[word], words[number + 1 :])
        if word.startswith("--") and word.partition("=")[0] not in known:
            return f"`{' '.join(command.words)}` has no option {word}"
        if command.commands and re.fullmatch(r"[a-z-]+", word) and not word.startswith("-"):
            return f"`{' '.join(command.words)}` has no command {word}"
    return ""


def _without_redirection(words: Sequence[str]) -> Sequence[str]:
    ends = (number for number, word in enumerate(words) if re.fullmatch(r"[<>|;&]+", word))
    return words[: next(ends, len(words))]


# Typer's own objects are read by their attributes: which of its classes they are changed more than once.
def _command(typed: Any, words: tuple[str, ...]) -> Command:
    names = typed.list_commands(None) if hasattr(typed, "list_commands") else ()
    below = {name: _command(typed.get_command(None, name), (*words, name)) for name in names}
    shown = [each for each in typed.params if not each.hidden and "completion" not in each.name]
    return Command(words, inspect.cleandoc(typed.help or ""), tuple(map(_parameter, shown)), below)


def _parameter(typed: Any) -> Parameter:
    is_option = typed.param_type_name == "option"
    flags = tuple(typed.opts) + tuple(typed.secondary_opts) if is_option else ()
    value = "" if getattr(typed, "is_flag", False) else _value(typed)
    repeated = typed.nargs != 1 or getattr(typed, "multiple", False)
    return Parameter(flags, value, typed.help or "", typed.required, repeated)


def _value(typed: Any) -> str:
    if choices := getattr(typed.type, "choices", ()):
        return "|".join(str(choice.value if isinstance(choice, Enum) else choice) for choice in choices)
    return str(typed.metavar or typed.name.upper()).rstrip("…")
