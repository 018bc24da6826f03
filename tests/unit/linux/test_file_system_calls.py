"""A file system that does not answer holds up those who were on their way to it, and nobody else."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from tests.conftest import Disk


@pytest.fixture
def calls() -> FileSystemCalls:
    return FileSystemCalls(timeout=1.0)


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    answer = threading.Event()
    yield answer
    answer.set()


def test_who_comes_later_is_refused_until_it_answers(
    calls: FileSystemCalls, answer: threading.Event, disk: Disk, tmp_path: Path
) -> None:
    hanging = bytes(disk("tmpfs", at=tmp_path / "hanging"))
    answered: list[bytes] = []
    calls.answered = answered.append
    with pytest.raises(NotAnsweringError):
        calls.ask(hanging + b"/a", answer.wait, 1.2)
    with pytest.raises(NotAnsweringError), calls.asking(hanging + b"/other/b"):
        pytest.fail("it was asked")
    assert not calls.answers(hanging)
    assert calls.answers(bytes(tmp_path)), "another file system"
    assert calls.silent().keys() == {hanging}
    assert time.time() - calls.silent()[hanging] < 60
    answer.set()
    end = time.monotonic() + 60
    while not answered:
        assert time.monotonic() < end
    assert answered == [hanging]
    assert calls.silent() == {}
    assert calls.ask(hanging, lambda: 7, 60) == 7


def test_what_a_call_raises_is_raised(calls: FileSystemCalls) -> None:
    with pytest.raises(ZeroDivisionError):
        calls.ask(b"/", lambda: 1 // 0, 60)
    assert calls.silent() == {}


def test_each_step_of_an_iterator_is_a_call_of_its_own(calls: FileSystemCalls) -> None:
    """What happens between two steps is no call."""
    found = calls.each(b"/", iter(range(3)))
    assert next(found) == 0
    time.sleep(1.2)
    assert calls.silent() == {}
    assert list(found) == [1, 2]
