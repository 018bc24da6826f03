"""Every record of notices keeps the promises of the port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.stores.memory import MemoryNoticeStore
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.ports import NoticeStore
from goodhoster.testing.suites.notice_store import NoticeStoreSuite, a_notice


class TestMemory(NoticeStoreSuite):
    @pytest.fixture
    def store(self) -> NoticeStore:
        return MemoryNoticeStore()


class TestSqlite(NoticeStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[NoticeStore]:
        store = SqliteNoticeStore(tmp_path / "notices.sqlite")
        yield store
        store.close()

    def test_two_processes_share_it(self, store: NoticeStore, tmp_path: Path) -> None:
        store.add(a_notice())
        other = SqliteNoticeStore(tmp_path / "notices.sqlite")
        assert other.get("N1") == a_notice()
        other.close()
