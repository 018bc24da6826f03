"""What a worker says is read as an outsider's words: it opened an outsider's file."""

import pytest

from goodhoster.errors import UncheckedError
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import Kind
from goodhoster.testing.suites.hash_source import made_up
from goodhoster_agent.hashing import messages

CONTENT = Content(made_up("picture").digests, Kind.IMAGE, 7)
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


def test_so_is_why_nothing_was_read() -> None:
    with pytest.raises(UncheckedError) as caught:
        messages.decode_digests(messages.encode_unread(UncheckedError(HOSTILE, reason=HOSTILE)))
    assert str(caught.value).isprintable()
    assert caught.value.reason.isprintable()
    assert len(str(caught.value)) <= 300


def test_words_of_ours_come_as_they_were_told() -> None:
    fault = Fault("broken-picture", "the picture is broken: café")
    told = messages.encode_inside(Content(CONTENT.digests, CONTENT.kind, CONTENT.size, fault=fault))
    assert messages.decode_inside(told, CONTENT).fault == fault
