"""What a worker says is read as an outsider's words: it opened an outsider's file."""

from typing import Any

import pytest

from goodhoster.linux.frames import encode
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import ContentKind
from goodhoster.testing.suites.hash_source import made_up
from goodhoster_agent.hashing import messages

CONTENT = Content(made_up("picture").digests, ContentKind.IMAGE, 7)
HOSTILE = "end of file\n2026-01-01 CRITICAL all is well\x1b[2J\u202e" + "x" * 5000


def test_a_fault_is_one_short_line_without_orders_to_a_terminal() -> None:
    """Decoders put newlines into their errors, and outsiders more: the journal has a line for each file."""
    told = messages.encode_inside(Content(CONTENT.digests, CONTENT.kind, CONTENT.size, fault=Fault(HOSTILE, HOSTILE)))
    fault = messages.decode_inside(told, CONTENT).fault
    assert fault
    for words in (fault.reason, fault.detail):
        assert words.isprintable()
        assert words.startswith("end of file 2026-01-01 CRITICAL")
        assert len(words) <= 300


HONEST: dict[str, Any] = {"fingerprints": [], "pixels": None, "members": [], "left_out": 0, "fault": None}


@pytest.mark.parametrize(
    "lie",
    [
        {"members": [["00" * 16, "00" * 20, "00" * 31]]},
        {"members": [["00" * 16, "00" * 20]]},
        {"members": [[0, 0, 0]]},
        {"left_out": 1 << 64},
        {"left_out": -1},
        {"left_out": 1.5},
        {"pixels": [1 << 64, 1]},
        {"pixels": [1]},
        {"pixels": 7},
        {"fault": ["", "settled, and never looked at again"]},
        {"fault": ["\n", ""]},
        {"fault": "broken"},
        {"fingerprints": [7]},
        {"fingerprints": ["pdq:100:00"]},
    ],
)
def test_what_no_worker_of_ours_says_is_no_answer(lie: dict[str, Any]) -> None:
    """Some of it broke the index, which keeps numbers of 64 bits and digests of their own lengths."""
    assert messages.decode_inside(encode(HONEST), CONTENT) == CONTENT
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        messages.decode_inside(encode(HONEST | lie), CONTENT)


def test_digests_kind_and_size_are_not_the_workers_to_tell() -> None:
    others = {"digests": [["00" * 16, "00" * 20, "00" * 32]], "kind": "other", "size": 0}
    assert messages.decode_inside(encode(HONEST | others), CONTENT) == CONTENT


def test_words_of_ours_come_as_they_were_told() -> None:
    fault = Fault("broken-picture", "the picture is broken: café")
    told = messages.encode_inside(Content(CONTENT.digests, CONTENT.kind, CONTENT.size, fault=fault))
    assert messages.decode_inside(told, CONTENT).fault == fault
