"""Purges a cache by a program of the administrator's: an argument list, never a shell.

Only the exit status 0 counts as purged. The program is killed after the time that every program of the configuration
has (60 seconds), and what it prints is bounded and never shown whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from goodhoster.errors import PassingError, PermanentError
from goodhoster.linux.programs import Run, run_here

_URL = re.compile(r"https?://[!-~]{1,4000}")
"""What a program gets: printable ASCII, and never what looks like an option of it."""
_LINES = 100
"""URLs on the standard input of one call."""
_QUOTED = 200


@dataclass(frozen=True, slots=True)
class CommandPurge:
    """See `ports.CachePurge`."""

    argv: Sequence[str]
    by_lines: bool = False
    """URLs come on standard input, one a line; else one as the last argument."""
    run: Run = run_here

    @property
    def at_once(self) -> int:
        """See `ports.CachePurge`."""
        return _LINES if self.by_lines else 1

    def purge(self, urls: Sequence[str]) -> None:
        """See `ports.CachePurge`."""
        for url in urls:
            if not _URL.fullmatch(url):
                raise PermanentError("an address that no program can be given", hint="purge it by hand")
        if self.by_lines:
            self._call(self.argv, "".join(f"{url}\n" for url in urls).encode())
        else:
            for url in urls:
                self._call([*self.argv, url], b"")

    def _call(self, argv: Sequence[str], given: bytes) -> None:
        try:
            ended = self.run(argv, given)
        except OSError as error:
            why = error.strerror or error
            raise PassingError(f"{self.argv[0]} did not end as it should: {why}", hint="see [[purge]]") from error
        if ended.code != 0:
            said = " ".join((ended.err or ended.out)[: 4 * _QUOTED].decode("utf-8", "replace").split())[:_QUOTED]
            quoted = "".join(char if char.isprintable() else "?" for char in said) or "nothing"
            raise PassingError(f"{self.argv[0]} ended with {ended.code}, saying: {quoted}", hint="see [[purge]]")
