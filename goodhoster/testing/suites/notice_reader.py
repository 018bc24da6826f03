"""The conformance suite of `NoticeReader`: what every reader of raw notices promises.

As tests: subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice
from goodhoster.ports import NoticeReader

_MAIL = b"From: a@b.example\nSubject: abuse\n\nhttps://anna.example/%d.jpg\n"


class NoticeReaderSuite:
    """Subclass and give a fixture `reader`."""

    def test_reads_what_can_be_read(self, reader: NoticeReader) -> None:
        notice = reader.read(RawNotice(Carrier.MAIL, _MAIL % 1))
        assert [item.urls[0] for item in notice.items] == ["https://anna.example/1.jpg"]
        assert notice.reporter.address == "a@b.example"

    @pytest.mark.parametrize("carrier", list(Carrier))
    @pytest.mark.parametrize("content", [b"", b"\0\xff" * 1000, b"{", b"a=%", b"(" * 100_000, b"[" * 100_000])
    def test_whatever_is_in_it_is_answered(self, reader: NoticeReader, carrier: Carrier, content: bytes) -> None:
        notice = reader.read(RawNotice(carrier, content))
        assert notice.format is NoticeFormat.UNREADABLE
        assert notice.doubts
        assert notice.items == ()

    def test_threads_get_their_own_answers(self, reader: NoticeReader) -> None:
        raws = [RawNotice(Carrier.MAIL, _MAIL % number) for number in range(40)]
        with ThreadPoolExecutor(8) as threads:
            found = [notice.items[0].urls[0] for notice in threads.map(reader.read, raws)]
        assert found == [f"https://anna.example/{number}.jpg" for number in range(40)]
