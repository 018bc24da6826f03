"""The end of a command, whatever it left behind."""

import asyncio
import os
import signal
from contextlib import suppress

from goodhoster_agent.people.execution import _end


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def left_open() -> set[str]:
    """Descriptors that a command leaves whose pipe another process still holds."""
    before = open_descriptors()
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", "setsid sh -c 'echo $$; exec sleep 300' & sleep 300"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout
    other = int(await process.stdout.readline())
    try:
        await _end(process)
        assert process.returncode is not None
        return open_descriptors() - before
    finally:
        with suppress(ProcessLookupError):
            os.kill(other, signal.SIGKILL)


def test_a_pipe_that_somebody_else_holds_is_closed() -> None:
    assert asyncio.run(left_open()) == set()
