"""Ask about files, for programs that run a command. Also `goodhoster doors ask`.

    python3 -m goodhoster.client --on-unchecked closed FILE…

Exit codes: 0 each may be stored, 1 one is refused, 2 wrong use, 3 one could not be checked and none is refused. With
`--on-unchecked open` or `closed` the last becomes 0 or 1. Address and token come from GOODHOSTER_API and
GOODHOSTER_API_TOKEN, or from the file that `--token-file` names.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from goodhoster.client.answers import Answer, Decision, decide
from goodhoster.client.calls import Upload
from goodhoster.client.synchronous import Client

_ACCEPTED, _REFUSED, _USE, _UNCHECKED = 0, 1, 2, 3
_WEIGHT = {_ACCEPTED: 0, _UNCHECKED: 1, _REFUSED: 2}


def main(arguments: list[str] | None = None, program: str = "python3 -m goodhoster.client") -> int:
    """Ask, print one line for each file, and return the exit code."""
    given = _parser(program).parse_args(arguments)
    try:
        client = Client.from_environment()
        if given.token_file:
            client = client.with_token(Path(given.token_file).read_text().strip())
        client = client.with_timeout(given.timeout)
    except (OSError, ValueError) as error:
        print(f"goodhoster: {error}", file=sys.stderr)  # noqa: T201 - a command
        return _USE
    return max((_ask(client, file, given) for file in given.files), key=_WEIGHT.__getitem__)


def _ask(client: Client, file: str, given: argparse.Namespace) -> int:
    """Ask about one file; its exit code."""
    upload = Upload(customer=given.customer, name=given.name or file, application=given.application)
    with _pinned(file) as there:
        answer = client.check_path(there.path if there else file, upload)
        if not given.quiet:
            print(f"{answer.verdict} {answer.decision} {answer.reference or '-'} {answer.reason or '-'}")  # noqa: T201
        if answer.decision == "unchecked":
            _report_error(file, f"not checked: {answer.detail or answer.reason}")
            if given.on_unchecked is None:
                return _UNCHECKED
        if decide(answer, on_unchecked=given.on_unchecked or "closed") is not Decision.REFUSE:
            return _ACCEPTED
        if answer.decision == "refuse":
            outcome = "refused" if not given.delete else "deleted" if _deleted(file, there) else "kept"
            _report(client, answer, outcome)
        return _REFUSED


class _There(NamedTuple):
    """File in a directory that is held open.

    Whoever moves the directory's name afterwards changes nothing.
    """

    directory: int
    name: str
    path: str
    was: os.stat_result


@contextmanager
def _pinned(file: str) -> Iterator[_There | None]:
    """The regular file of that name.

    None where there is none, or no directory that may be opened.
    """
    folder, name = os.path.split(file)
    try:
        directory = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        yield None
        return
    try:
        yield _there(directory, name)
    finally:
        os.close(directory)


def _there(directory: int, name: str) -> _There | None:
    try:
        was = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return _There(directory, name, f"/proc/self/fd/{directory}/{name}", was) if stat.S_ISREG(was.st_mode) else None


def _deleted(file: str, there: _There | None) -> bool:
    """Delete the file that was asked about, and nothing that took its place.

    False, and a complaint, where it stays.
    """
    if there is None:
        _report_error(file, "refused, and not deleted: it is not a regular file")
        return False
    try:
        now = os.stat(there.name, dir_fd=there.directory, follow_symlinks=False)
        if not os.path.samestat(now, there.was) or now.st_ctime_ns != there.was.st_ctime_ns:
            _report_error(file, "refused, and not deleted: it changed meanwhile; ask again")
            return False
        os.unlink(there.name, dir_fd=there.directory)
    except OSError as error:
        _report_error(file, f"refused, and not deleted: {error.strerror}")
        return False
    return True


def _report(client: Client, answer: Answer, outcome: str) -> None:
    if answer.reference:
        client.report_outcome(answer.reference, outcome)


def _report_error(file: str, text: str) -> None:
    print(f"goodhoster: {file!a}: {text}", file=sys.stderr)  # noqa: T201 - a command


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(program, description="Ask goodhoster about files before they are stored.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--on-unchecked", choices=["open", "closed"], help="exit with 0 or 1 then, and not with 3")
    parser.add_argument("--delete", action="store_true", help="delete a file that is refused as known, and report it")
    parser.add_argument("--token-file", default="", help="a file with the token and nothing else")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for each file")
    parser.add_argument("--customer", default="", help="the hoster's id of the customer")
    parser.add_argument("--name", default="", help="the name that the user gave the file")
    parser.add_argument("--application", default="", help="such as mediawiki")
    parser.add_argument("--quiet", action="store_true", help="print no answers; the exit code says it")
    return parser


def run(arguments: list[str] | None = None, program: str = "python3 -m goodhoster.client") -> int:
    """Run `main`, so that a fault of ours does not end with 1: that says a file is refused."""
    try:
        return main(arguments, program)
    except Exception as error:  # noqa: BLE001 - the outermost
        print(f"goodhoster: internal error: {error!r}", file=sys.stderr)  # noqa: T201 - a command
        return _UNCHECKED


if __name__ == "__main__":
    sys.exit(run())
