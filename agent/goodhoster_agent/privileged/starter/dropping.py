"""A daemon, or a command that runs for long, gives up what its terms do not name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.linux import privileges
from goodhoster_agent.privileged.starter.plan import DaemonTerms

_ALWAYS_WRITABLE = Path(os.devnull)


def give_up(terms: DaemonTerms, state_dir: Path) -> list[str]:
    """Reduce this process, and whatever it starts, to what the terms name.

    There is no way back. Returns what could not be given up on this machine, in words for `status`. To be called
    before other threads are started. ConfigurationError, and nothing was given up, when the state directory could
    not be used afterwards.
    """
    _expect_own(state_dir)
    _have_temporary_files_in(state_dir)
    privileges.keep_only(terms.capabilities)
    try:
        privileges.write_only_below([*(place for place in terms.writable if place.exists()), _ALWAYS_WRITABLE])
    except OSError as error:
        return [f"it may write wherever its user may: this machine has no Landlock ({error.strerror})"]
    return []


def _expect_own(state_dir: Path) -> None:
    if state_dir.stat().st_uid != os.geteuid():
        message = f"the state directory {state_dir} belongs to another user, whose files this process may not write"
        raise ConfigurationError(message, hint=f"chown -R --reference=/proc/{os.getpid()} {state_dir}")


def _have_temporary_files_in(state_dir: Path) -> None:
    """Place temporary files in a directory of ours; for those of SQLite see `sqlite_files`."""
    directory = state_dir / "tmp"
    directory.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)
