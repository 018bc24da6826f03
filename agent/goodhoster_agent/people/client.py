"""Client of the service for people, for users who cannot read the state."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from goodhoster.errors import ConfigurationError, PassingError, RefusedError
from goodhoster.linux import frames
from goodhoster.linux.kernel import reachable
from goodhoster_agent.commands.typed_line import TypedLine, read_line
from goodhoster_agent.people.messages import (
    INPUT,
    LARGEST_FILES,
    MOST_FILES,
    AnswerKind,
    Attached,
    CommandRequest,
    encode_request,
    is_plain_name,
)

_READ_BYTES = 1 << 20
_IN_MEMORY = 8 << 20
_HELP = frozenset({"--help", "-h"})


@dataclass(frozen=True, slots=True)
class _Content:
    attached: Attached
    opened: IO[bytes]


def run_for_person(address: Path, argv: Sequence[str]) -> int | None:
    """Have the service at that address run a command; its exit code.

    None where it is to be run here: help, and what needs no state or is for root alone.
    """
    if not argv or argv[0].startswith("-") or _HELP & set(argv):
        return None
    try:
        line = read_line(argv)
    except RefusedError:  # wrong use: told here as everywhere
        return None
    if line.access.right is None:
        return None
    line.expect_no_configuration()
    line.expect_known_paths()
    with ExitStack() as stack:
        target = _target(line)
        contents, renamed = _contents(line, stack)
        if target is not None:
            renamed[str(line.named((line.access.writes,))[0])] = _plain(target.name)
        typed = (*line.words.split(), *(_renamed(word, renamed) for word in line.arguments))
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        request = CommandRequest(typed, tuple(each.attached for each in contents), columns)
        channel = stack.enter_context(_connected(address))
        _send(channel, request, contents)
        archive = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
        code = _shown(channel, archive)
        if target is not None and archive.tell():
            _unpack(archive, target)
        return code


def _connected(address: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with reachable(address) as short:
            channel.connect(short)
    except PermissionError as error:
        channel.close()
        hint = "root can add a group of yours to [roles]; log in again once you are in it"
        raise RefusedError(f"you have no role here: {address} is closed to you", hint=hint) from error
    except OSError as error:
        channel.close()
        message = f"no service for people answers at {address}: {error.strerror}"
        raise PassingError(message, hint="root can start it: systemctl start goodhoster-people") from error
    return channel


def _contents(line: TypedLine, stack: ExitStack) -> tuple[list[_Content], dict[str, str]]:
    """The files that the line reads, opened by this person, and the name by which each travels."""
    named = line.named(line.access.reads)
    if not named and line.access.stdin:
        named = [INPUT]
    if len(named) > MOST_FILES:
        raise RefusedError(f"{len(named)} files at once", hint=f"at most {MOST_FILES}: give them in several commands")
    contents: list[_Content] = []
    renamed: dict[str, str] = {}
    for path in dict.fromkeys(named):
        opened = _standard_input(stack) if path == INPUT else _opened(path, stack)
        name = INPUT if path == INPUT else _unused(_plain(Path(path).name), set(renamed.values()))
        contents.append(_Content(Attached(name, _size(opened, path)), opened))
        renamed[path] = name
    return contents, renamed


def _opened(path: str, stack: ExitStack) -> IO[bytes]:
    try:
        opened: IO[bytes] = stack.enter_context(Path(path).open("rb"))  # noqa: SIM115 - the stack closes it
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", hint="check its name and mode") from error
    if opened.seekable():
        return opened
    return _kept(opened, stack)


def _standard_input(stack: ExitStack) -> IO[bytes]:
    if sys.stdin is None:
        raise ConfigurationError("standard input is closed: nothing was read", hint="name a file, or pipe it")
    return _kept(sys.stdin.buffer, stack)


def _kept(source: IO[bytes], stack: ExitStack) -> IO[bytes]:
    kept: IO[bytes] = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the stack closes it
    while kept.tell() <= LARGEST_FILES and (piece := source.read(_READ_BYTES)):
        kept.write(piece)
    kept.seek(0)
    return kept


def _size(opened: IO[bytes], path: str) -> int:
    size = opened.seek(0, os.SEEK_END)
    opened.seek(0)
    if size > LARGEST_FILES:
        hint = "have root read it: sudo goodhoster …"
        raise RefusedError(f"{path} is larger than {LARGEST_FILES >> 20} MiB", hint=hint)
    return size


def _target(line: TypedLine) -> Path | None:
    """The new file or directory that the line names.

    RefusedError where it is there, and not an empty directory.
    """
    for value in line.named((line.access.writes,)) if line.access.writes else ():
        target = Path(value)
        if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
            return target
        if os.path.lexists(target):
            raise RefusedError(f"{target} exists already", hint="name a new one: nothing is written over")
        if not target.parent.is_dir():
            raise ConfigurationError(f"{target.parent} is not a directory", hint="make it first")
        return target
    return None


def _plain(name: str) -> str:
    """A name that travels: the file's own, as far as it is plain."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._+-") else "_" for char in name)
    kept = kept.lstrip(".+-")[-100:]
    return kept if is_plain_name(kept) else "file"


def _unused(name: str, used: set[str]) -> str:
    number = 1
    found = name
    while found in used:
        found = f"{number}-{name}"[:100]
        number += 1
    return found


def _renamed(word: str, names: dict[str, str]) -> str:
    """A word of the command, with the name by which its file travels."""
    if word in names:
        return names[word]
    option, equals, value = word.partition("=")
    return f"{option}={names[value]}" if equals and option.startswith("--") and value in names else word


def _send(channel: socket.socket, request: CommandRequest, contents: Sequence[_Content]) -> None:
    try:
        channel.sendall(encode_request(request))
        for content in contents:
            left = content.attached.size
            while left:
                piece = content.opened.read(min(left, _READ_BYTES))
                if not piece:
                    raise PassingError(f"{content.attached.name} became shorter while it was read", hint="try again")
                channel.sendall(piece)
                left -= len(piece)
    except BrokenPipeError:
        return  # refused before it was read; the reason comes


def _shown(channel: socket.socket, archive: IO[bytes]) -> int:
    """Print what the service answers; the exit code of the command."""
    while frame := _next(channel):
        kind, content = frame[:1].decode(), frame[1:]
        if kind == AnswerKind.OUT:
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
        elif kind == AnswerKind.ERROR:
            sys.stderr.buffer.write(content)
            sys.stderr.flush()
        elif kind == AnswerKind.ARCHIVE:
            archive.write(content)
        elif kind == AnswerKind.EXIT:
            return int(content)
    raise PassingError("the service for people ended in the middle of its answer", hint="see its journal")


def _next(channel: socket.socket) -> bytes | None:
    try:
        return frames.receive(channel)
    except ConnectionResetError:
        return None


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Whether it is a file or directory below where it is unpacked.

    Debian 12's Python has no filters for this.
    """
    parts = Path(member.name).parts
    return (member.isreg() or member.isdir()) and not Path(member.name).is_absolute() and ".." not in parts


def _unpack(archive: IO[bytes], target: Path) -> None:
    """Put what came in place, as this person's; nothing is written over."""
    archive.seek(0)
    with tempfile.TemporaryDirectory(prefix=".goodhoster-", dir=target.parent) as beside:
        with tarfile.open(fileobj=archive) as packed:
            packed.extractall(beside, [member for member in packed if _is_plain(member)])  # noqa: S202 - each was looked at
        (found,) = Path(beside).iterdir()
        if found.is_dir():
            os.rename(found, target)  # also onto an empty directory, and onto nothing else
        else:
            os.link(found, target, follow_symlinks=False)
