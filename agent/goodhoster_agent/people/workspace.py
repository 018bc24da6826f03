"""A private directory for one command of a person's.

The files it may read lie there, and what it writes appears there. No path of the person's is ever opened here: files
come as bytes and go as bytes.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import RefusedError
from goodhoster_agent.commands.typed_line import TypedLine
from goodhoster_agent.people.messages import INPUT, CommandRequest, is_plain_name

_PREFIX = "people-"
_ARCHIVE = ".archive"
_INPUT = ".input"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory, while the command runs."""

    directory: Path

    def file(self, name: str) -> Path:
        """Where a file of the request is kept."""
        return self.directory / (_INPUT if name == INPUT else name)

    def input(self) -> Path | None:
        """What the person gave as standard input, if anything."""
        file = self.directory / _INPUT
        return file if file.exists() else None

    def archive(self, name: str) -> Path | None:
        """A TAR of what the command wrote by that name; None where it wrote nothing."""
        if not name or not (self.directory / name).exists():
            return None
        packed = self.directory / _ARCHIVE
        with tarfile.open(packed, "w") as archive:
            archive.add(self.directory / name, name, filter=_anonymous)
        return packed


@contextmanager
def workspace(below: Path) -> Iterator[Workspace]:
    """A workspace; it is removed at the end, whatever the command left in it."""
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=below))
    try:
        yield Workspace(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def remove_left(below: Path) -> None:
    """Remove the workspaces of a service that was killed."""
    for directory in below.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            shutil.rmtree(directory)


def expect_files_sent(line: TypedLine, request: CommandRequest) -> None:
    """RefusedError unless exactly the files that the line reads came with the request.

    And unless what it writes is a new plain name.
    """
    sent = {file.name for file in request.files}
    wanted = set(line.named(line.access.reads))
    if line.access.stdin and not wanted:
        wanted = sent & {INPUT}
    if sent != wanted:
        raise RefusedError(
            f"{line.words}: the files that it reads did not come with it", hint="use the command goodhoster"
        )
    for name in line.named((line.access.writes,)):
        if not is_plain_name(name) or name in sent:
            raise RefusedError(f"{line.words}: {name} is not a new name", hint="use the command goodhoster")


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files and directories without owners: they become the person's."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member if member.isreg() or member.isdir() else None
