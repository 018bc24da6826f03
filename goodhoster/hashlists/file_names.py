"""Names of the list files: one file per source and algorithm in one directory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm

_SOURCE = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")
_SUFFIX = ".digests"
_ALGORITHMS = {algorithm.value for algorithm in Algorithm}


def check_source(name: str) -> None:
    """Check that this can be the name of a source; ConfigurationError when it cannot."""
    check_name(name, "a source")


def check_name(name: str, what: str) -> None:
    """Check that the name of `what` can be used in a file name and as a word in a log line.

    ConfigurationError when it cannot.
    """
    if not _SOURCE.fullmatch(name):
        hint = "1 to 64 letters, digits, dots, dashes or underscores, not beginning with a dot"
        raise ConfigurationError(f"{name[:80]!r} cannot be the name of {what}", hint=hint)


def list_path(directory: Path, source: str, algorithm: Algorithm) -> Path:
    """The file of that list, whether it exists or not."""
    return directory / f"{source}.{algorithm.value}{_SUFFIX}"


def list_files(directory: Path) -> Iterator[tuple[Path, str, Algorithm]]:
    """All lists as (file, source, algorithm), by name; none when there is no directory.

    ConfigurationError when the directory cannot be read: that is not the same as empty.
    """
    for name in names_in(directory):
        source, _, algorithm = name.removesuffix(_SUFFIX).rpartition(".")
        if name.endswith(_SUFFIX) and algorithm in _ALGORITHMS and _SOURCE.fullmatch(source):
            yield directory / name, source, Algorithm(algorithm)


def names_in(directory: Path) -> list[str]:
    """The names in the directory, ascending; none when there is no directory.

    ConfigurationError as `list_files`.
    """
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "check its owner and mode: the service's account must be able to read it"
        why = f"cannot read what lies in {directory}: {error.strerror}"
        raise ConfigurationError(why, hint=hint) from error
