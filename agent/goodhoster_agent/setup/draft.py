"""The first configuration: short, commented, and in mode `observe`, which touches nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import RefusedError
from goodhoster_agent.setup.survey import Survey

HASH_SERVICE = "https://api.eokmhashdb.nl/v1/check"
PASSWORD_FILE = "hashservice.password"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class HashServiceAccount:
    """An account at the hash service."""

    username: str
    url: str = HASH_SERVICE
    password_file: str = PASSWORD_FILE


def draft(found: Survey, account: HashServiceAccount | None, state_dir: Path | None = None) -> str:
    """The text of goodhoster.toml for what was found."""
    return (
        "\n".join(
            [*_head(found), *_agent(state_dir), *_trees(found), *_sources(account), *_directories(found), *_policy()]
        )
        + "\n"
    )


def write_new(file: Path, text: str) -> None:
    """Write the file for its owner alone, in a directory closed to others.

    RefusedError when there is one already.
    """
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True, mode=0o750)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RefusedError(f"{file} exists already", hint="setup never overwrites: goodhoster config check") from None
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _head(found: Survey) -> Iterator[str]:
    yield "# Made by `goodhoster setup`. All settings: goodhoster config reference."
    yield "# After a change: goodhoster config check"
    yield f"# Found: {found.found_by or 'the directories that were named'}."


def _agent(state_dir: Path | None) -> Iterator[str]:
    if state_dir is not None:
        yield ""
        yield "[agent]"
        yield f"state_dir = {json.dumps(str(state_dir.absolute()), ensure_ascii=False)}"


def _trees(found: Survey) -> Iterator[str]:
    for tree in found.trees:
        yield ""
        yield "[[watch]]"
        yield f"path = {json.dumps(tree, ensure_ascii=False)}"
        yield 'customer = "first-directory"   # each directory in it is one customer\'s'


def _sources(account: HashServiceAccount | None) -> Iterator[str]:
    yield ""
    yield "[[hash_source]]   # your own lists: goodhoster hashlist import FILE --source NAME"
    yield 'kind = "list"'
    yield ""
    if account is None:
        yield "# The hash service of police and hotline, once you have an account: take the # away."
    sign = "#" if account is None else ""
    account = account or HashServiceAccount("example")
    yield f"{sign}[[hash_source]]"
    yield f'{sign}kind = "hashcheckservice"'
    yield f"{sign}url = {json.dumps(account.url)}"
    yield f"{sign}username = {json.dumps(account.username, ensure_ascii=False)}"
    yield f"{sign}password_file = {json.dumps(account.password_file, ensure_ascii=False)}   # chmod 600"


def _directories(found: Survey) -> Iterator[str]:
    for server in found.web_servers:
        yield ""
        yield "[[directory]]   # whose URL is which file, for notices"
        yield f'kind = "{server}"'
    if found.mail_server:
        yield ""
        yield f"# Notices by mail from {found.mail_server}, by LMTP: docs/how-to-notices.md"


def _policy() -> Iterator[str]:
    yield ""
    yield "[policy]"
    yield 'mode = "observe"   # records what would be done, touches nothing; later: "enforce"'
