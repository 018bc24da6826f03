"""Every look-up of public keys keeps the promises of the port."""

from collections.abc import Iterator

import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.adapters.key_records.nameservers import DnsKeyRecords, NameServers
from goodhoster.ports import KeyRecords
from goodhoster.testing.name_server import FakeNameServer
from goodhoster.testing.suites.key_records import KeyRecordsSuite


class TestMemory(KeyRecordsSuite):
    @pytest.fixture
    def records(self) -> KeyRecords:
        return MemoryKeyRecords(self.RECORDS)


class TestNameServers(KeyRecordsSuite):
    @pytest.fixture
    def records(self) -> Iterator[KeyRecords]:
        with FakeNameServer(self.RECORDS) as server:
            yield DnsKeyRecords(NameServers(["127.0.0.1"], server.port, seconds=5))
