"""The output of `nginx -T`, split into files again, so that the same reader reads both."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goodhoster.errors import ConfigurationError

_FILE = re.compile(rb"^# configuration file (/[^\n]*):\n", re.MULTILINE)
_INCLUDE = re.compile(rb"^(\s*include\s+)[\"']?(/[^;\"']+)[\"']?\s*;", re.MULTILINE)


@contextmanager
def unpacked(dump: bytes) -> Iterator[Path]:
    """The main file among the others, in a folder that is deleted afterwards."""
    pieces = _FILE.split(dump)
    if len(pieces) < 3:  # noqa: PLR2004 - what was before, a name, its content
        raise ConfigurationError("this is not what nginx -T prints", hint="set command to print that, such as nginx -T")
    with tempfile.TemporaryDirectory(prefix="goodhoster-") as folder:
        below = os.fsencode(folder)
        for name, content in zip(pieces[1::2], pieces[2::2], strict=True):
            path = below + os.path.normpath(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(_INCLUDE.sub(rb"\g<1>" + _escaped(below) + rb"\g<2>;", content))
        yield Path(folder + os.path.normpath(os.fsdecode(pieces[1])))


def _escaped(replacement: bytes) -> bytes:
    return replacement.replace(b"\\", b"\\\\")
