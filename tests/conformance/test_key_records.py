"""Every look-up of public keys keeps the promises of the port."""

from collections.abc import Iterator

import pytest

from goodhoster.adapters.resolvers.memory import MemoryKeyRecords
from goodhoster.adapters.resolvers.nameservers import DnsKeyRecords, NameServers
from goodhoster.ports import KeyRecords
from goodhoster.testing.key_records_suite import KeyRecordsSuite
from goodhoster.testing.nameserver import FakeNameServer


class TestMemory(KeyRecordsSuite):
    @pytest.fixture
    def records(self) -> KeyRecords:
        return MemoryKeyRecords(self.RECORDS)


class TestNameServers(KeyRecordsSuite):
    @pytest.fixture
    def records(self) -> Iterator[KeyRecords]:
        with FakeNameServer(self.RECORDS) as server:
            yield DnsKeyRecords(NameServers(["127.0.0.1"], server.port, seconds=5))
