"""A child may hang, lie or die at any moment: that is told to whoever asked, and costs nobody else anything."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from goodhoster.linux import frames
from goodhoster.linux.child_process import Child

Behaviour = Callable[[socket.socket], None]


class Acted:
    """A child that is a thread, so that it can do what no child of ours does."""

    pid = 1

    def __init__(self, theirs: socket.socket, behave: Behaviour) -> None:
        self._channel = theirs.dup()
        self._thread = threading.Thread(target=self._run, args=(behave,))
        self._thread.start()

    def _run(self, behave: Behaviour) -> None:
        with self._channel:
            behave(self._channel)

    def end(self) -> int:
        self._thread.join()
        return 0


@pytest.fixture
def child_that() -> Iterator[Callable[[Behaviour], Child]]:
    children: list[Child] = []

    def make(behave: Behaviour) -> Child:
        children.append(Child(lambda theirs: Acted(theirs, behave), largest=1000))
        return children[-1]

    yield make
    for child in children:
        child.end()
        child.end()


def test_answers_come_in_order_and_between_them_it_is_there(child_that: Callable[[Behaviour], Child]) -> None:
    def answer(channel: socket.socket) -> None:
        while (asked := frames.receive(channel)) != b"end":
            frames.send(channel, b"to " + (asked or b""))

    child = child_that(answer)
    for asked in (b"one", b"two"):
        child.send(asked, 60)
        assert child.receive(60) == b"to " + asked
        assert child.is_there()
    child.send(b"end", 5)
    with pytest.raises(ConnectionResetError):
        child.receive(5)
    assert not child.is_there()


def test_one_that_says_nothing_in_time_is_told(child_that: Callable[[Behaviour], Child]) -> None:
    asked = threading.Event()
    child = child_that(lambda _: _wait(asked))
    with pytest.raises(TimeoutError):
        child.receive(0.05)
    asked.set()


def test_one_that_dies_in_the_middle_of_an_answer_is_told(child_that: Callable[[Behaviour], Child]) -> None:
    child = child_that(lambda channel: channel.sendall(b"\0\0\0\x05half"))
    with pytest.raises(ConnectionResetError):
        child.receive(5)


def test_one_that_says_more_than_it_may_is_not_listened_to(child_that: Callable[[Behaviour], Child]) -> None:
    child = child_that(lambda channel: channel.sendall(b"\0\0\x10\0"))
    with pytest.raises(ValueError, match="a frame of 4096 bytes"):
        child.receive(5)


def test_whoever_waits_long_hears_of_it_once(child_that: Callable[[Behaviour], Child]) -> None:
    called = threading.Event()
    times: list[bool] = []

    def late(channel: socket.socket) -> None:
        _wait(called)
        time.sleep(0.2)
        frames.send(channel, b"late")

    def hear() -> None:
        times.append(True)
        called.set()

    child = child_that(late)
    child.call_when_slow(hear, 0.02)
    assert child.receive(60) == b"late"
    assert times == [True]


def test_what_the_callback_raises_ends_the_waiting(child_that: Callable[[Behaviour], Child]) -> None:
    called = threading.Event()
    child = child_that(lambda _: _wait(called))

    def give_up() -> None:
        called.set()
        raise InterruptedError

    child.call_when_slow(give_up, 0.01)
    with pytest.raises(InterruptedError):
        child.receive(60)


def _wait(event: threading.Event) -> None:
    assert event.wait(60)
