"""Readers of notices, content indexes and stores of seen mails keep the promises of their ports."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.stores.seen_mails import SqliteSeenMails
from goodhoster.model.digests import Digests
from goodhoster.model.notices import RawNotice, ReadNotice
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import ContentKind, Verdict, VerdictKind
from goodhoster.notices.reading.pool import PoolLimits, ReaderPool
from goodhoster.notices.reading.reader import read
from goodhoster.ports import ContentIndex, NoticeReader, SeenMails
from goodhoster.testing.contents import MemoryContents
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster.testing.suites.content_index import ContentIndexSuite
from goodhoster.testing.suites.notice_reader import NoticeReaderSuite
from goodhoster.testing.suites.seen_mails import SeenMailsSuite
from goodhoster.uploads.content_lookup import IndexedContents
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.rows import Arrival, Priority


class InThisProcess:
    def read(self, raw: RawNotice) -> ReadNotice:
        return read(raw)


class TestReadingHere(NoticeReaderSuite):
    @pytest.fixture
    def reader(self) -> NoticeReader:
        return InThisProcess()


@pytest.fixture(scope="module")
def room() -> Iterator[ReaderPool]:
    with ReaderPool(PoolLimits(children=2)) as reading_room:
        yield reading_room


class TestReadingRoom(NoticeReaderSuite):
    @pytest.fixture
    def reader(self, room: ReaderPool) -> NoticeReader:
        return room


class TestMemoryContents(ContentIndexSuite):
    @pytest.fixture
    def index(self) -> ContentIndex:
        return MemoryContents(self.READS)


class TestIndexedContents(ContentIndexSuite):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[ContentIndex]:
        with contextlib.closing(UploadIndex(tmp_path / "index.sqlite")) as uploads:
            uploads.expect([Arrival(place, "x", 0, Priority.FRESH) for place in self.READS], 0)
            for job in uploads.take(1, 100):
                state, sha256 = self.READS[job.place]
                content = Content(Digests(b"", b"", sha256), ContentKind.IMAGE, state.size)
                uploads.record(job, (state, content), Verdict(VerdictKind.CLEAR), 1)
                uploads.settle(job)
            yield IndexedContents(uploads.database)


class TestMemorySeenMails(SeenMailsSuite):
    @pytest.fixture
    def seen(self) -> SeenMails:
        return MemorySeenMails()


class TestSqliteSeenMails(SeenMailsSuite):
    @pytest.fixture
    def seen(self, tmp_path: Path) -> Iterator[SeenMails]:
        with contextlib.closing(SqliteSeenMails(tmp_path / "seen.sqlite")) as store:
            yield store
