"""Programs that the configuration names, run without a shell and within a time limit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SECONDS = 60.0
"""For a program to end; then it is killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit status and output of a program."""

    code: int
    """Negative: the signal that ended it."""
    out: bytes
    err: bytes


Run = Callable[[Sequence[str], bytes], Ended]
"""Runs a program with that on its standard input. OSError when it cannot be run, TimeoutError when it took too long and
was killed. The daemon may not run these itself: it has another process do it.
"""


def run_here(argv: Sequence[str], given: bytes = b"") -> Ended:
    """A `Run`: as a child of this very process, with its rights."""
    try:
        done = subprocess.run(argv, input=given, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"it took longer than {SECONDS:g} s") from error
    return Ended(done.returncode, done.stdout, done.stderr)
