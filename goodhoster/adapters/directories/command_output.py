"""The output of a web server's own command, within limits."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.linux.programs import Run

_LAST_LINES = 3  # of what it complains of
_LARGEST_OUTPUT = 64 << 20  # bytes


def output_of(command: Sequence[str], run: Run) -> bytes:
    """Standard output of a command that succeeded, run without a shell.

    ConfigurationError when the command is missing or fails, PassingError when it takes too long.
    """
    shown = " ".join(command)
    try:
        ended = run(command, b"")
    except TimeoutError as error:
        raise PassingError(f"{shown}: {error}", hint="run it by hand") from error
    except OSError as error:
        raise ConfigurationError(
            f"{shown} cannot be run: {error.strerror}", hint="see [[directory]] command"
        ) from error
    if ended.code != 0 or len(ended.out) > _LARGEST_OUTPUT:
        said = ended.err.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        why = f"ended with {ended.code}: {'; '.join(said)}"
        raise ConfigurationError(f"{shown} {why}", hint="run it by hand as the user that goodhoster runs as")
    return ended.out
