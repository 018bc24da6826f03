"""Runs of a program over bytes that have no name on disk.

Each input is a file that only this process's children reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from goodhoster.errors import MissingProgramError
from goodhoster.linux import privileges
from goodhoster.linux.programs import Ended

SECONDS = 10.0
"""For one run; then the program is killed."""
_NOTHING = "nothing"
"""Not /dev/null, which is opened for writing: that may be forbidden."""


def run_over(argv: Sequence[str], inputs: Mapping[str, bytes], search: str) -> Ended:
    """Run a program over inputs, with an empty standard input, and return how it ended.

    An argument `{name}` stands for the file that holds the input of that name.

    MissingProgramError when `search` (as PATH) has no such program; OSError or TimeoutError when it could not be
    run. For a process with one thread: it has the limits of that process, and ends with it.
    """
    program = shutil.which(argv[0], path=search)
    if program is None:
        raise MissingProgramError(argv[0])
    with _files({_NOTHING: b"", **inputs}) as files:
        paths = {name: f"/proc/self/fd/{fd}" for name, fd in files.items()}
        command = [program, *(argument.format_map(paths) for argument in argv[1:])]
        try:
            done = subprocess.run(
                command, stdin=files[_NOTHING], capture_output=True, timeout=SECONDS, check=False, env={}, cwd="/",
                pass_fds=tuple(files.values()),
                preexec_fn=privileges.end_with_parent,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{argv[0]} took longer than {SECONDS:g} s") from error
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def _files(inputs: Mapping[str, bytes]) -> Iterator[dict[str, int]]:
    opened: dict[str, int] = {}
    try:
        for name, content in inputs.items():
            opened[name] = os.memfd_create(name)
            with open(opened[name], "wb", closefd=False) as file:
                file.write(content)
        yield opened
    finally:
        for fd in opened.values():
            os.close(fd)
