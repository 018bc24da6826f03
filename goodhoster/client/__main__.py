"""Ask about one file, for programs that run a command.

    python3 -m goodhoster.client --on-unchecked closed FILE

Exit codes: 0 it may be stored, 1 it is refused, 2 wrong use, 3 it could not be checked. With `--on-unchecked open` or
`closed` the last becomes 0 or 1. Address and token come from GOODHOSTER_API and GOODHOSTER_API_TOKEN, or from the file
that `--token-file` names.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from goodhoster.client.answers import Decision, decide
from goodhoster.client.calls import Upload
from goodhoster.client.synchronous import Client

_ACCEPTED, _REFUSED, _USE, _UNCHECKED = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Ask, print one line, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        client = Client.from_environment()
        if given.token_file:
            client = client.with_token(Path(given.token_file).read_text().strip())
    except (OSError, ValueError) as error:
        print(f"goodhoster: {error}", file=sys.stderr)  # noqa: T201 - a command
        return _USE
    upload = Upload(customer=given.customer, name=given.name or given.file, application=given.application)
    answer = client.check_path(given.file, upload)
    print(f"{answer.verdict} {answer.decision} {answer.reference or '-'} {answer.reason or '-'}")  # noqa: T201
    if answer.decision == "unchecked":
        print(f"goodhoster: not checked: {answer.detail or answer.reason}", file=sys.stderr)  # noqa: T201
        if given.on_unchecked is None:
            return _UNCHECKED
    refused = decide(answer, on_unchecked=given.on_unchecked or "closed") is Decision.REFUSE
    if refused and answer.reference:
        client.report_outcome(answer.reference, "refused")
    return _REFUSED if refused else _ACCEPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python3 -m goodhoster.client", description="Ask goodhoster about one file.")
    parser.add_argument("file")
    parser.add_argument("--on-unchecked", choices=["open", "closed"], help="exit with 0 or 1 then, and not with 3")
    parser.add_argument("--token-file", default="", help="a file with the token and nothing else")
    parser.add_argument("--customer", default="", help="the hoster's id of the customer")
    parser.add_argument("--name", default="", help="the name that the user gave the file")
    parser.add_argument("--application", default="", help="such as mediawiki")
    return parser


if __name__ == "__main__":
    sys.exit(main())
