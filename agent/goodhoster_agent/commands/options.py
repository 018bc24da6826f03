"""Options and helpers that every command shares.

The configuration it reads, the services it opens, the lines it prints.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from goodhoster.model.uploads import visible

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.letters import Letter
    from goodhoster.model.sealed_evidence import Person
    from goodhoster.ports.common import AuditLog
    from goodhoster.settings import Settings

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


_OF_NO_SENTENCE = frozenset({"Cc", "Zl", "Zp"})
"""Categories of control characters and of line breaks."""


def required_reason(reason: str) -> str:
    """Reason of an order; a usage error where it is empty."""
    if not reason.strip():
        raise typer.BadParameter("say why: the audit log keeps it", param_hint="--reason")
    if any(unicodedata.category(letter) in _OF_NO_SENTENCE for letter in reason):
        raise typer.BadParameter("write it on one line, without control characters", param_hint="--reason")
    return reason


ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit log.", callback=required_reason)]

OptionalReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit log.", show_default=False)]

FINE, YES, WRONG, UNCHECKED = 0, 1, 2, 3
"""Exit codes: fine; the answer is "known", "not whole" or "falls short"; wrong use or configuration; unchecked."""


def config_file(config: Path | None) -> Path:
    """The file that was named, the one that $GOODHOSTER_CONFIG names, or the one in /etc."""
    from goodhoster.settings import DEFAULT_FILE

    return config or Path(os.environ.get("GOODHOSTER_CONFIG") or DEFAULT_FILE)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits there; a stream that whoever started us closed is None."""
    return stream is not None and stream.isatty()


def read_settings(config: Path | None) -> Settings:
    """The whole configuration; ConfigurationError when it is not valid."""
    from goodhoster.settings import load

    return load(config_file(config))


def open_services(config: Path | None) -> Services:
    """The services a command may need, each part opened when it is asked for.

    To be closed at the end. Says which databases, keys and lists are lost: what they held is missing in every answer.
    """
    from goodhoster.assembly.state import lost_parts
    from goodhoster_agent.hashing.sandboxed_services import sandboxed_services

    settings = read_settings(config)
    warn_of(lost_parts(settings))
    return sandboxed_services(settings)


@contextmanager
def unchecked_where_damaged() -> Iterator[None]:
    """Raise UncheckedError where a database is damaged: the answer is neither yes nor no then."""
    from goodhoster.errors import ConfigurationError, PermanentError, UncheckedError
    from goodhoster.linux.sqlite_files import is_of_database

    try:
        yield
    except (ConfigurationError, PermanentError) as error:
        if is_of_database(error):
            raise UncheckedError(str(error), reason="unreadable", hint=error.hint) from error
        raise


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can carry
    """Print one object on one line, at once; in ASCII, which every terminal and locale takes."""
    print(json.dumps(value), flush=True)


def print_line(text: str) -> None:
    """Print one line for people: nothing in it begins another line, or commands a terminal."""
    print(visible(text))


def print_letter(letter: Letter) -> None:
    """Print a letter for people; its text alone has several lines."""
    print_line(f"To: {letter.to or '(no proven contact)'}")
    print_line(f"Subject: {letter.subject}")
    print()
    for line in letter.text.split("\n"):
        print_line(line)


def warn_of(problems: Iterable[str]) -> None:
    """Print warnings to standard error, a line each."""
    for problem in problems:
        print(visible(f"goodhoster: {problem}"), file=sys.stderr)


def current_user() -> str:
    """The person at the keyboard, for the audit log.

    In a container there may be no account of that user.
    """
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def current_person() -> Person:
    """The account of the person at the keyboard, where it matters who that is.

    The one that called sudo (SUDO_UID), else the process's own. An account shows which key or password was used, not
    whose fingers; and who is root already may name another. RefusedError where that is root itself, who is nobody in
    particular, or no account of this host.
    """
    import pwd

    from goodhoster.errors import RefusedError
    from goodhoster.model.sealed_evidence import Person

    uid = os.getuid()
    called_by = os.environ.get("SUDO_UID", "")
    if uid == 0 and called_by.isascii() and called_by.isdigit():
        uid = int(called_by)
    if uid == 0:
        hint = "log in with an account of your own, and use sudo"
        raise RefusedError("root is a shared account, and this needs the name of a person", hint=hint)
    try:
        return Person(pwd.getpwuid(uid).pw_name, uid)
    except (KeyError, OverflowError) as error:
        hint = "log in with an account of this host, and use sudo"
        raise RefusedError(f"user {uid} has no account on this host", hint=hint) from error


def note_order(audit: AuditLog, command: str, reason: str = "", **about: str) -> None:
    """Write into the audit log who orders what, and why, before it is done.

    For commands whose work has no entry of its own that says so.
    """
    from goodhoster.model.audit import AuditEvent

    who = {"actor": current_user(), "command": command, "reason": reason}
    audit.append(AuditEvent("person.ordered", who | about))
