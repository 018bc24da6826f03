"""The wire format between processes: whole frames out of any pieces, bounded, with open files beside them."""

import os
import socket
import tempfile
from collections.abc import Iterator

import pytest

from goodhoster.linux import frames


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_frames_come_out_whole_however_they_arrive(pair: tuple[socket.socket, socket.socket], size: int) -> None:
    ours, theirs = pair
    frames.send(ours, b"first")
    frames.send(ours, b"")
    frames.send_value(ours, {"third": [3]})
    ours.close()
    unframer, found = frames.Unframer(), []
    while piece := theirs.recv(size):
        unframer.add(piece)
        while (frame := unframer.take()) is not None:
            found.append(frame)
    assert found == [b"first", b"", b'{"third": [3]}']


def test_an_open_file_comes_with_its_frame_and_others_without(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.flush()
        frames.send(ours, b"about it", file.fileno())
        received = frames.receive_file(theirs)
    assert received is not None
    told, fd = received
    assert (told, os.pread(fd, 100, 0)) == (b"about it", b"content")
    os.close(fd)
    ours.close()
    assert frames.receive_file(theirs) is None


def test_more_than_a_frame_may_hold_is_refused_before_it_is_read() -> None:
    unframer = frames.Unframer(largest=4)
    unframer.add(b"\0\0\0\x05")
    with pytest.raises(ValueError, match="a frame of 5 bytes"):
        unframer.take()


def test_so_it_is_on_a_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="a frame of"):
        frames.receive(theirs)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_value_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever JSON says of it
        frames.decode(content)


def test_a_side_that_is_gone_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(b"\0\0\0\x05half")
    ours.close()
    assert frames.receive(theirs) is None
    with pytest.raises(ConnectionResetError):
        frames.receive_value(theirs)
