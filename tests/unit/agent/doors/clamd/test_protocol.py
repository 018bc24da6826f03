"""The clamd protocol without a socket: whatever pieces it arrives in, the same requests come out."""

import os
import struct

import pytest

from goodhoster_agent.doors.clamd.protocol import ClamdRequest, Conversation, Refusal
from goodhoster_agent.doors.streams import StreamBudget, StreamContent, is_partial


def conversation(budget: int = 1 << 30, longest: int = 1 << 20) -> Conversation:
    shared = StreamBudget(budget)
    return Conversation(longest, lambda: StreamContent(shared))


def stream(*chunks: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(chunk)) + chunk for chunk in chunks) + bytes(4)


def told(talk: Conversation, *pieces: bytes) -> list[tuple[str, bytes, int, bytes | int] | bytes]:
    found: list[tuple[str, bytes, int, bytes | int] | bytes] = []
    for piece in pieces:
        for each in talk.receive(piece):
            if isinstance(each, Refusal):
                found.append(each.text)
            else:
                found.append((each.command, each.argument, each.number, each.stream.content if each.stream else b""))
                each.close()
    return found


SESSION = b"zIDSESSION\0zPING\0zINSTREAM\0" + stream(b"abc", b"de") + b"zSCAN /a b\0zEND\0"
IN_SESSION = [("PING", b"", 1, b""), ("INSTREAM", b"", 2, b"abcde"), ("SCAN", b"/a b", 3, b"")]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_pieces_make_no_difference(piece: int) -> None:
    talk = conversation()
    assert told(talk, *(SESSION[at : at + piece] for at in range(0, len(SESSION), piece))) == IN_SESSION
    assert talk.over


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"nFOO\n", b"UNKNOWN COMMAND\n"),
        (b"zFOO\0", b"UNKNOWN COMMAND\0"),
        (b"nPING x\n", b"UNKNOWN COMMAND\n"),
        (b"nSCAN\n", b"UNKNOWN COMMAND\n"),
        (b"nEND\n", b"UNKNOWN COMMAND\n"),
        (b"INSTREAM\n", b"UNKNOWN COMMAND\n"),
        (b"\xff\xfe", b"UNKNOWN COMMAND\n"),
        (b"n" + b"A" * 5000, b""),
        (b"zINSTREAM\0\x7f\xff\xff\xff", b"INSTREAM size limit exceeded. ERROR\0"),
        (b"zIDSESSION\0zCONTSCAN /\0", b"1: Command invalid inside IDSESSION. ERROR\0"),
        (b"zFILDES\0\0", b"No file descriptor received. ERROR\0"),
    ],
)
def test_what_is_no_request_ends_the_conversation(sent: bytes, answered: bytes) -> None:
    talk = conversation()
    assert told(talk, sent)[-1:] == [answered]
    assert talk.over
    assert told(talk, b"nPING\n") == []


def test_all_streams_together_have_a_limit_and_give_back_what_they_took() -> None:
    budget = StreamBudget(10)
    talks = [Conversation(100, lambda: StreamContent(budget)) for _ in range(2)]
    assert told(talks[0], b"zINSTREAM\0" + stream(b"x" * 8)[:-4]) == []
    assert told(talks[1], b"zINSTREAM\0" + stream(b"x" * 8)) == [
        b"Not checked: there is no room for this stream now. ERROR\0"
    ]
    talks[0].close()
    assert told(conversation(), b"zINSTREAM\0" + stream(b"x" * 8)) == [("INSTREAM", b"", 0, b"x" * 8)]
    assert budget.take(10)


def test_a_large_stream_is_a_file_and_not_memory() -> None:
    (request,) = conversation().receive(b"zINSTREAM\0" + stream(b"x" * 100_000))
    assert isinstance(request, ClamdRequest)
    assert request.stream is not None
    fd = request.stream.content
    assert isinstance(fd, int)
    assert os.fstat(fd).st_size == 100_000
    request.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_descriptors_that_nobody_asked_for_are_closed() -> None:
    asked, other, third = (os.open("/dev/null", os.O_RDONLY) for _ in range(3))
    (request,) = conversation().receive(b"nFILDES\n\0", [asked])
    assert isinstance(request, ClamdRequest)
    assert request.fd == asked
    request.close()
    conversation().receive(b"nPING\n", [other])
    conversation().receive(b"nFILDES\n\0", [third, os.dup(third)])
    for fd in (asked, other, third):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


JPEG, PNG = b"\xff\xd8\xff\xe0" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.mark.parametrize(
    ("content", "partial"),
    [
        (JPEG, True),
        (JPEG + b"\xff\xd9", False),
        (JPEG + b"\xff\xd9" + b"a film behind it" * 100, False),
        (PNG, True),
        (PNG + b"\0\0\0\0IEND\xaeB`\x82", False),
        (JPEG + bytes(200_000), True),
        (b"no picture", False),
        (b"", False),
    ],
)
def test_the_beginning_of_a_picture_is_partial(content: bytes, partial: bool) -> None:  # noqa: FBT001 - a test's value
    found = StreamContent(StreamBudget(1 << 20))
    found.add(content)
    assert is_partial(found) is partial
    found.close()
