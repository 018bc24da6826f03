"""A thread of the event source that dies is told: without it something is found late or not at all."""

import os
import time

import pytest

from goodhoster_agent.watching.fanotify import FanotifySource


class Pipes:
    """Groups that are pipes, so that a test says what the kernel tells."""

    def __init__(self) -> None:
        self.writers: list[int] = []

    def new_group(self, *, unlimited: bool = True) -> int:  # noqa: ARG002 - as the port has it
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.writers.append(writer)
        return reader

    def mark_file_system(self, group: int, path: bytes, *, writes: bool = False) -> None:  # noqa: ARG002 - the same
        raise AssertionError("nothing is watched here")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_reader_of_writes_is_missed() -> None:
    pipes = Pipes()
    source = FanotifySource("", pipes)
    source.start([], lambda _: None)
    try:
        assert source.problems() == []
        os.write(pipes.writers[1], b"\xff" * 64)  # of a layout that nobody knows
        end = time.monotonic() + 60
        while not source.problems() and time.monotonic() < end:
            time.sleep(0.01)
        assert source.problems() == ["a thread that reads events has died: files that are not closed are found late"]
    finally:
        source.stop()
        for writer in pipes.writers:
            os.close(writer)
