"""Mapping a list file and checking it for damage, for digests and fingerprints alike."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from goodhoster.errors import ConfigurationError

_BLOCK = 1 << 20
Header = TypeVar("Header")


def mapped_list(path: Path, header_size: int, unpack: Callable[[bytes], Header]) -> tuple[mmap.mmap, Header]:
    """Map the file read-only and unpack its header.

    ValueError of `unpack` says what is wrong. FileNotFoundError when there is no file; ConfigurationError when it
    is damaged or cannot be read.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return mapped, unpack(mapped[:header_size])
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise damaged_list(path, str(error)) from error


def check_size(path: Path, mapped: mmap.mmap, size: int) -> None:
    """Check the file's size; ConfigurationError when it is not the size that was written."""
    if len(mapped) != size:
        raise damaged_list(path, f"it has {len(mapped)} bytes where {size} were written")


def check_body(path: Path, found: str, written: str) -> None:
    """Check the checksum of everything after the header.

    ConfigurationError when it is not the one that was written.
    """
    if found != written:
        raise damaged_list(path, "its content no longer has the checksum that was written")


def body_sum(mapped: mmap.mmap, header_size: int) -> str:
    """SHA-256 of everything after the header, hexadecimal; reads the whole file."""
    body = hashlib.sha256()
    for start in range(header_size, len(mapped), _BLOCK):
        body.update(mapped[start : start + _BLOCK])
    return body.hexdigest()


def damaged_list(path: Path, why: str) -> ConfigurationError:
    """The error to raise for a list that cannot be used."""
    hint = "import the list again with --replace, or remove it: goodhoster hashlist remove SOURCE"
    return ConfigurationError(f"the hash list {path} cannot be used: {why}", hint=hint)
