"""What a web server says about itself: its command's output, within limits."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from goodhoster.errors import ConfigurationError, PassingError

_SECONDS = 60.0
_LAST_LINES = 3  # of what it complains of
_LARGEST = 64 << 20  # bytes


def output_of(command: Sequence[str]) -> bytes:
    """Standard output of a command that ended well. No shell; ConfigurationError when it is missing or ends badly,
    PassingError when it takes too long.
    """
    shown = " ".join(command)
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise PassingError(f"{shown} took longer than {_SECONDS:.0f} s", hint="run it by hand") from error
    except OSError as error:
        raise ConfigurationError(
            f"{shown} cannot be run: {error.strerror}", hint="see [[directory]] command"
        ) from error
    if ended.returncode != 0 or len(ended.stdout) > _LARGEST:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        why = f"ended with {ended.returncode}: {'; '.join(said)}"
        raise ConfigurationError(f"{shown} {why}", hint="run it by hand as the user that goodhoster runs as")
    return ended.stdout
