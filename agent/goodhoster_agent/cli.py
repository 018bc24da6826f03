"""The command `goodhoster`: assembles the groups of commands and handles errors.

It turns errors into messages and exit codes.

Exit codes: 0 fine, 1 the answer is "known", "not whole" or "falls short", 2 wrong use or configuration, 3 unchecked.
"""

from __future__ import annotations

import errno
import inspect
import io
import os
import sys
import time
import traceback
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from goodhoster.errors import (
    ConfigurationError,
    GoodhosterError,
    SourceRefusedError,
    SourceUnavailableError,
    UncheckedError,
    UnrecordedError,
)
from goodhoster.model.uploads import visible
from goodhoster_agent.commands.options import FINE, UNCHECKED, WRONG, YES
from goodhoster_agent.people.address import service_address

_DAY = 86_400
COMMANDS = (
    "run",
    "demo",
    "check",
    "scan",
    "status",
    "metrics",
    "observe",
    "cases",
    "storms",
    "alerts",
    "notices",
    "evidence",
    "audit",
    "report",
    "witness",
    "customers",
    "policy",
    "hashlist",
    "exemptions",
    "hashservice",
    "doors",
    "people",
    "setup",
    "config",
    "state",
    "doctor",
)
"""Each has its module in `commands/`, with an `app`; in the order that `--help` shows them."""


_COMPLETION = frozenset({"install_completion", "show_completion"})
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class _Commands(TyperGroup):
    """Group that loads the module of a command on demand.

    Nobody waits for what another command needs.
    """

    def list_commands(self, _ctx: Any) -> list[str]:  # noqa: ANN401 - a Click context
        return list(COMMANDS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - a Click command
        if cmd_name not in COMMANDS:
            return None
        group = import_module(f"goodhoster_agent.commands.{cmd_name}").app
        group.rich_markup_mode = None  # "[policy] mode" is the name of a setting, and no markup
        command = get_command(group)
        command.name = cmd_name
        # Completion comes with the packages; an option in every command that changes a shell's start-up files is none.
        command.params = [each for each in command.params if each.name not in _COMPLETION]
        _write_help_out(command)
        return command


def _write_help_out(command: Any) -> None:  # noqa: ANN401 - a Click command
    """Show help whole in lists of commands, and name values after options.

    Click cuts the lines at the width of the terminal, and Typer shows the Python type: `--customer <str>`.
    """
    command.short_help = inspect.cleandoc(command.help or "").partition("\n")[0]
    for parameter in command.params:
        if parameter.metavar is None and not hasattr(parameter.type, "choices"):
            parameter.metavar = parameter.name.upper()
    for each in getattr(command, "commands", {}).values():
        _write_help_out(each)


app = typer.Typer(
    rich_markup_mode=None,
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The good hoster: finds known material in uploads by hash, takes it offline reversibly, and proves it.",
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        print(f"goodhoster {version('goodhoster')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command `goodhoster`, and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale may lack what a name or a text has
            stream.reconfigure(errors="backslashreplace")
    _expect_time_zone()
    code = _run()
    if sys.stdout is None:  # closed by whoever started us; `check` must not seem to have said something
        print("goodhoster: standard output is closed: nothing could be printed", file=sys.stderr)
        sys.exit(code or WRONG)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_left()
    except OSError as error:
        print(f"goodhoster: standard output: {error.strerror}", file=sys.stderr)
        _discard_output()
        code = WRONG
    sys.exit(code)


def _expect_time_zone() -> None:
    """Show times in UTC where the time zone of the environment is none."""
    if abs(time.localtime().tm_gmtoff) >= _DAY:
        told = visible(os.environ.get("TZ", ""))
        print(f"goodhoster: TZ={told} is not a time zone: times are shown in UTC", file=sys.stderr)
        os.environ["TZ"] = "UTC"
        time.tzset()


def _run() -> str | int | None:  # noqa: PLR0911 - one for each way to end
    """The exit code of the command."""
    stdout = sys.stdout
    try:
        if (code := _run_for_person()) is not None:
            return code
        app(prog_name="goodhoster")
    except SystemExit as end:
        # Click ends with 1 when nobody reads on, which would read as "known", and puts another stream in place.
        return end.code if sys.stdout is stdout else _reader_left()
    except GoodhosterError as error:
        _print_error(error)
        return _code_of(error)
    except KeyboardInterrupt:
        return 130  # what a shell says of a process that SIGINT ended
    except BrokenPipeError:
        return _reader_left()
    except OSError as error:
        if error.filename is None and error.errno not in _DISK_FULL:
            return _fault()
        _print_error(_of_system(error))
        return WRONG
    except Exception:  # the outermost: else the exit code were 1, which reads as "known"
        return _fault()
    return FINE


def _code_of(error: GoodhosterError) -> int:
    """Exit code of a command that ended by an error.

    A question that a database could not answer, as on a full disk, is *unchecked*; an order about it went wrong.
    """
    from goodhoster.linux.sqlite_files import is_of_database  # noqa: PLC0415 - only for a command that failed
    from goodhoster_agent.people.rights import is_question  # noqa: PLC0415 - the same

    if isinstance(error, UnrecordedError):
        return YES  # done, and not whole: its outcome is missing
    unchecked = isinstance(error, (SourceUnavailableError, SourceRefusedError, UncheckedError))
    return UNCHECKED if unchecked or (is_of_database(error) and is_question(sys.argv[1:])) else WRONG


def _run_for_person() -> int | None:
    """Exit code of a command that the service for people ran; None where it runs here."""
    if (address := service_address()) is None:
        return None
    from goodhoster_agent.people.client import run_for_person  # noqa: PLC0415 - only for whoever is not root

    return run_for_person(address, sys.argv[1:])


def _reader_left() -> int:
    """Discard the rest of standard output.

    Returns what a shell says of a process that SIGPIPE ended.
    """
    _discard_output()
    return 141


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault() -> int:
    traceback.print_exc()
    print("goodhoster: internal error: please report it with the lines above", file=sys.stderr)
    return UNCHECKED


def _of_system(error: OSError) -> GoodhosterError:
    """A refusal of the system, with what to do about it."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    if error.errno in _DISK_FULL:
        # Without a name it may be the file that standard output goes to.
        also = "" if where else ", or where standard output goes to"
        return GoodhosterError(f"{where}the disk is full", hint=f"make room on the disk of agent.state_dir{also}")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = "run this as root, or as the user who owns the state directory"
        return GoodhosterError(f"{where}{error.strerror}", hint=hint)
    return GoodhosterError(f"{where}{error.strerror or error}", hint="see: goodhoster doctor")


def _print_error(error: GoodhosterError) -> None:
    for each in error.all if isinstance(error, ConfigurationError) else (error,):
        print(visible(f"goodhoster: {each}"), file=sys.stderr)
        if each.hint:
            print(visible(f"            {each.hint}"), file=sys.stderr)
