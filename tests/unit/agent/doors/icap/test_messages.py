"""Heads of ICAP requests, and what is read out of the HTTP messages inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster_agent.doors.icap.messages import AmbiguousError, HttpMessage, IcapError, IcapRequest, parse_request

REQUEST = b"POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"


def head(method: str, *fields: str) -> IcapRequest:
    first = f"{method} icap://localhost/reqmod?x=1 ICAP/1.0"
    return parse_request([f"{line}\r\n".encode() for line in (first, "Host: localhost", *fields)])


def test_the_parts_of_a_message_are_cut_out_by_their_offsets() -> None:
    found = head("RESPMOD", f"Encapsulated: req-hdr=0, res-hdr={len(REQUEST)}, res-body={len(REQUEST + RESPONSE)}")
    assert found.service == "reqmod"
    assert found.has_body
    message = HttpMessage.of(found, REQUEST + RESPONSE)
    assert (message.request, message.response) == (REQUEST, RESPONSE)
    assert message.stated_length == 7
    assert message.host == "a.example"


@pytest.mark.parametrize(
    ("fields", "nothing"),
    [
        (["Allow: 204"], True),
        (["Allow: 206, 204"], True),
        (["Allow: 206"], False),
        ([], False),
        (["Allow: 2040"], False),
    ],
    ids=["204", "206 and 204", "206", "none", "2040"],
)
def test_204_is_for_who_allows_it(fields: list[str], *, nothing: bool) -> None:
    assert head("REQMOD", "Encapsulated: req-hdr=0, null-body=9", *fields).allows_204 is nothing


@pytest.mark.parametrize(
    "value",
    [
        "",
        "req-hdr=0",
        "req-hdr=5, req-body=9",
        "req-hdr=0, req-body=0",
        "req-body=0, req-hdr=9",
        "res-hdr=0, res-body=9",
        "req-hdr=0, req-body=-1",
        "req-hdr=0, req-body=9, null-body=12",
        "req-hdr=0; req-body=9",
        "other=0, req-body=9",
    ],
)
def test_a_composition_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(IcapError) as raised:
        head("REQMOD", f"Encapsulated: {value}")
    assert raised.value.status == 400


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "٣"])
def test_a_preview_is_a_number(value: str) -> None:
    with pytest.raises(IcapError):
        _ = head("REQMOD", "Encapsulated: null-body=0", f"Preview: {value}").preview


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_no_lines_lead_to_anything_but_a_head_or_a_problem(lines: list[bytes]) -> None:
    try:
        parse_request([b"REQMOD icap://h/reqmod ICAP/1.0\r\n", *lines])
    except IcapError as problem:
        assert 400 <= problem.status < 500  # noqa: PT017 - either way is right


@pytest.mark.parametrize(
    ("request_line", "host", "site"),
    [
        (b"POST http://b.example:8080/x HTTP/1.1", b"Host: a.example", "b.example"),
        (b"POST /x HTTP/1.1", b"Host: A.Example:81", "a.example"),
        (b"POST /x HTTP/1.1", b"Host: a.example\r\nHost: b.example", ""),
        (b"POST /x HTTP/1.1", b"X: y", ""),
        (b"POST http://[::1 HTTP/1.1", b"Host: a.example", ""),
        (b"POST", b"Host: [", ""),
    ],
)
def test_the_site_of_a_request(request_line: bytes, host: bytes, site: str) -> None:
    assert HttpMessage(request_line + b"\r\n" + host + b"\r\n\r\n").host == site


@pytest.mark.parametrize(
    "header",
    [b"POST / HTTP/1.1\nHost: a\n\n", b"POST / HTTP/1.1\r\nHost : a\r\n b\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n"],
)
def test_a_header_that_programs_read_in_several_ways(header: bytes) -> None:
    with pytest.raises(AmbiguousError):
        _ = HttpMessage(header).fields


def test_a_length_that_is_said_twice_counts_where_both_are_the_same() -> None:
    twice = b"PUT / HTTP/1.0\r\nContent-Length: 3\r\nContent-Length: %s\r\n\r\n"
    assert HttpMessage(twice % b"3").stated_length == 3
    assert HttpMessage(twice % b"4").stated_length == -1
    with pytest.raises(AmbiguousError):
        HttpMessage(twice % b"4").fields.the_only("content-length")


@pytest.mark.parametrize(
    ("response", "part"),
    [
        (b"HTTP/1.1 206 Partial Content\r\nContent-Type: image/png\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Range: bytes 0-5/9\r\n\r\n", True),
        (b"HTTP/1.1 206 Partial Content\r\nContent-Type: video/mp4\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
    ],
)
def test_parts_of_contents(response: bytes, *, part: bool) -> None:
    assert HttpMessage(REQUEST, response).is_partial is part
