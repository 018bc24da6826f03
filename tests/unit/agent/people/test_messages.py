"""Requests: what is none is refused with a reason, whatever it is."""

import json

import pytest

from goodhoster_agent.people.messages import (
    LARGEST_FILES,
    MOST_FILES,
    Attached,
    CommandRequest,
    decode_request,
    encode_request,
    is_plain_name,
)

GOOD = {"argv": ["cases", "list"], "files": [], "columns": 80}


def test_a_request_is_read_as_it_was_written() -> None:
    request = CommandRequest(("cases", "note", "x", "näh\udcff"), (Attached("list.csv", 3), Attached("-", 1)), 80)
    assert decode_request(encode_request(request)[4:]) == request


@pytest.mark.parametrize(
    "change",
    [
        {"argv": []},
        {"argv": "cases"},
        {"argv": [1]},
        {"argv": ["a\0b"]},
        {"argv": ["\ud800"]},
        {"argv": ["x"] * 5000},
        {"files": [{"name": "../x", "size": 1}]},
        {"files": [{"name": "/etc/x", "size": 1}]},
        {"files": [{"name": ".input", "size": 1}]},
        {"files": [{"name": "-x", "size": 1}]},
        {"files": [{"name": "", "size": 1}]},
        {"files": [{"name": "a\nb", "size": 1}]},
        {"files": [{"name": "x" * 101, "size": 1}]},
        {"files": [{"name": 1, "size": 1}]},
        {"files": [{"name": "x", "size": -1}]},
        {"files": [{"name": "x", "size": True}]},
        {"files": [{"name": "x", "size": 1.5}]},
        {"files": [{"name": "x", "size": LARGEST_FILES}, {"name": "y", "size": 1}]},
        {"files": [{"name": "x", "size": 1}, {"name": "x", "size": 1}]},
        {"files": [{"name": f"x{number}", "size": 1} for number in range(MOST_FILES + 1)]},
        {"files": [{"name": "x"}]},
        {"files": None},
        {"columns": -1},
        {"columns": 10**6},
        {"columns": "80"},
    ],
)
def test_what_is_no_request_is_refused(change: dict[str, object]) -> None:
    decode_request(json.dumps(GOOD).encode())
    with pytest.raises(ValueError, match=r"."):
        decode_request(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b"{}"])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="the request cannot be read"):
        decode_request(content)


@pytest.mark.parametrize("name", ["a", "list.csv", "case-20260101", "A_b+c.tar.gz"])
def test_plain_names(name: str) -> None:
    assert is_plain_name(name)
