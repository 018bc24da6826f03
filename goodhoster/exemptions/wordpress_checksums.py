"""Reads the checksums that WordPress publishes of its releases.

They come from api.wordpress.org/core/checksums/1.0:

    {"checksums": {"wp-admin/images/arrows.png": "<md5>", …}}              asked for with a language
    {"checksums": {"6.4.3": {"wp-admin/images/arrows.png": "<md5>", …}}}   asked for without one
    {"checksums": false}                                                   a release that it does not know

(`wp-cli/checksum-command` and WordPress's own get_core_checksums.) The file has names and MD5 only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import unhex
from goodhoster.model.digests import Algorithm, Digest, Digests

_LARGEST_FILE = 16 << 20  # bytes; WordPress's own have some 300 kB
_OF_NOTHING = hashlib.md5(usedforsecurity=False).digest()
_WHERE = "ask for the release and the language that you serve: https://api.wordpress.org/core/checksums/1.0/"


@dataclass(frozen=True, slots=True)
class Checksums:
    """The checksums of a release's files."""

    versions: tuple[str, ...]
    """The releases that it names; empty where it names none."""
    contents: tuple[Digests, ...]


def read_checksums(path: Path) -> Checksums:
    """Read the whole file, or nothing of it.

    ConfigurationError names the first thing that is wrong.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read the checksums {path}: {error.strerror}") from error
    tables = _tables(path, _parsed(path, text))
    found = (Digests.only(digest) for table in tables.values() for digest in _files(path, table))
    return Checksums(tuple(filter(None, tables)), tuple(dict.fromkeys(found)))


def _parsed(path: Path, text: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        document = json.loads(text if len(text) <= _LARGEST_FILE else b"")
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"it is not one JSON document of at most {_LARGEST_FILE >> 20} MiB") from error
    if not isinstance(document, dict) or "checksums" not in document:
        raise _bad(path, 'it has no "checksums"')
    return document["checksums"]


def _tables(path: Path, checksums: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ANN401 - the same
    """The checksum tables by release, or by an empty text where none is named."""
    if not isinstance(checksums, dict) or not checksums:
        raise _bad(path, "WordPress has no checksums of that release in that language")
    nested = {version: table for version, table in checksums.items() if isinstance(table, dict)}
    if not nested:
        return {"": checksums}
    if len(nested) != len(checksums):
        raise _bad(path, "it mixes files and releases")
    return nested


def _files(path: Path, table: Mapping[str, Any]) -> Iterator[Digest]:
    for name, text in table.items():
        value = unhex(text) if isinstance(text, str) else None
        if value is None or len(value) != Algorithm.MD5.width:
            raise _bad(path, f"what it says of {name[:80]!r} is not a hexadecimal MD5")
        if value != _OF_NOTHING:  # exempt already: what is empty is clear
            yield Digest(Algorithm.MD5, value)


def _bad(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be used as published checksums: {why}", hint=_WHERE)
