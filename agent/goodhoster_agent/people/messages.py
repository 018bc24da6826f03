"""The messages between a person's command and the service that runs it.

A request is one frame of JSON, and behind it the bytes of the files it announces. Answers are frames: a byte that tells
the kind, and the content. The service trusts nothing of a request; the command trusts the service, which is root's.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

LARGEST_REQUEST = 64 << 10
"""Bytes of the words of a command, with the names of its files."""
LARGEST_FILES = 256 << 20
"""Bytes of all files together."""
MOST_FILES = 32
_MOST_WORDS = 4096
_LENGTH = struct.Struct(">I")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
_WIDEST = 1000
INPUT = "-"
"""In place of a file's name: standard input."""


class AnswerKind(StrEnum):
    """The kinds of answers."""

    OUT = "o"
    """A piece of standard output."""
    ERROR = "e"
    """A piece of standard error."""
    ARCHIVE = "a"
    """A piece of a TAR with what the command wrote."""
    EXIT = "x"
    """The exit code; the last one."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that comes behind the request."""

    name: str
    """Without directories; `-` for standard input."""
    size: int


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command to be run for whoever asks."""

    argv: tuple[str, ...]
    files: tuple[Attached, ...] = ()
    columns: int = 0
    """Of the terminal that the answer is shown on; 0 where it is none."""


def encode_request(request: CommandRequest) -> bytes:
    """A request as the service reads it."""
    return framed(json.dumps(asdict(request)).encode())


def decode_request(content: bytes) -> CommandRequest:
    """The request in a frame. ValueError, for people, where it is none."""
    try:
        given = json.loads(content)
        files = tuple(Attached(**each) for each in given["files"])
        argv = given["argv"] if isinstance(given["argv"], list) else ()
        request = CommandRequest(tuple(argv), files, given["columns"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("the request cannot be read") from error
    _expect_words(request.argv)
    _expect_files(files)
    if not _is_whole(request.columns) or request.columns > _WIDEST:
        raise ValueError("the width of the terminal is not valid")
    return request


def framed(content: bytes) -> bytes:
    """A content with its length in front."""
    return _LENGTH.pack(len(content)) + content


def length_in(head: bytes) -> int:
    """The length that stands in front of a content."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


LENGTH_SIZE = _LENGTH.size


def answer(kind: AnswerKind, content: bytes) -> bytes:
    """One answer."""
    return framed(kind.encode() + content)


def is_plain_name(name: str) -> bool:
    """Whether a name is a plain file name: no option, no path, nothing for a shell."""
    return _NAME.fullmatch(name) is not None


def _expect_words(argv: tuple[Any, ...]) -> None:
    if not argv or len(argv) > _MOST_WORDS or not all(isinstance(word, str) and "\0" not in word for word in argv):
        raise ValueError("the words of the command are not valid")
    try:
        "".join(argv).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError("the words of the command are not valid") from error


def _expect_files(files: tuple[Attached, ...]) -> None:
    if len(files) > MOST_FILES:
        raise ValueError(f"more than {MOST_FILES} files")
    for file in files:
        name: object = file.name  # whatever JSON had there
        if not isinstance(name, str) or not (name == INPUT or is_plain_name(name)):
            raise ValueError("the name of a file is not valid")
        if not _is_whole(file.size):
            raise ValueError("the size of a file is not valid")
    if len({file.name for file in files}) != len(files):
        raise ValueError("a file comes twice")
    if sum(file.size for file in files) > LARGEST_FILES:
        raise ValueError(f"the files are larger than {LARGEST_FILES >> 20} MiB together: have root read them")


def _is_whole(value: Any) -> bool:  # noqa: ANN401 - what JSON can say
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
