"""Every hash source keeps the promises of the port, wrapped or not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache
from goodhoster.adapters.hash_sources.arachnid import ArachnidShield
from goodhoster.adapters.hash_sources.caching import CacheLifetimes, CachingSource
from goodhoster.adapters.hash_sources.circuit_breaker import CircuitBreaker
from goodhoster.adapters.hash_sources.client import Counterpart
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.hashcheckservice import HashCheckService, ServiceSettings
from goodhoster.adapters.hash_sources.hma import Hma, HmaSettings
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.hash_sources.own_lists import OwnLists
from goodhoster.adapters.hash_sources.proxies import basic_auth
from goodhoster.adapters.hash_sources.retrying import Retrying
from goodhoster.hashlists.importing import import_entries
from goodhoster.hashlists.near.importing import import_fingerprints
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category
from goodhoster.ports import HashSource
from goodhoster.testing.arachnid import FakeArachnidShield
from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.hma import FakeHma
from goodhoster.testing.suites.hash_source import HashSourceSuite

KNOWN = HashSourceSuite.KNOWN.digests.of(Algorithm.SHA1)
[PDQ] = [fingerprint.value for fingerprint in HashSourceSuite.KNOWN.matchable(FingerprintKind.PDQ)]


def memory() -> MemorySource:
    return MemorySource({KNOWN: Category.BASELINE})


class TestMemory(HashSourceSuite):
    @pytest.fixture
    def source(self) -> HashSource:
        return memory()


class TestOwnLists(HashSourceSuite):
    @pytest.fixture
    def source(self, tmp_path: Path) -> HashSource:
        import_entries(tmp_path, "made-up", [(KNOWN.value, Category.ILLEGAL)])
        return OwnLists(OpenedLists(tmp_path))


class TestOwnNearLists(HashSourceSuite):
    @pytest.fixture
    def source(self, tmp_path: Path) -> HashSource:
        import_fingerprints(tmp_path, "made-up", [(FingerprintKind.PDQ, PDQ, Category.ILLEGAL)])
        return OwnLists(OpenedLists(tmp_path), {FingerprintKind.PDQ: 31})


class TestHashCheckService(HashSourceSuite):
    @pytest.fixture
    def source(self) -> Iterator[HashSource]:
        with FakeHashService(known={KNOWN}) as service:
            source = HashCheckService(ServiceSettings(service.url, service.username, service.password))
            yield source
            source.close()


class TestHma(HashSourceSuite):
    @pytest.fixture(params=["lookup", "raw", "lookup before 2025", "raw before 2025"])
    def source(self, request: pytest.FixtureRequest) -> Iterator[HashSource]:
        with FakeHma({"MADE_UP_BANK": {"pdq": [PDQ]}}, older="before" in request.param) as service:
            source = Hma(HmaSettings(Counterpart("hma", service.url), raw="raw" in request.param))
            yield source
            source.close()


class TestArachnidShield(HashSourceSuite):
    @pytest.fixture
    def source(self) -> Iterator[HashSource]:
        with FakeArachnidShield({PDQ: "csam"}) as service:
            account = basic_auth(service.username, service.password)
            source = ArachnidShield(Counterpart("arachnid", service.url, account))
            yield source
            source.close()


class TestBreaker(HashSourceSuite):
    @pytest.fixture
    def source(self) -> HashSource:
        return CircuitBreaker(memory())


class TestCounted(HashSourceSuite):
    @pytest.fixture
    def source(self) -> HashSource:
        return CountedSource(memory(), lambda: datetime.now(UTC))


class TestRemembering(HashSourceSuite):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[HashSource]:
        book = AnswerCache(tmp_path / "answers")
        yield CachingSource(CountedSource(memory(), lambda: datetime.now(UTC)), book, CacheLifetimes(60, 60))
        book.close()


class TestRetrying(HashSourceSuite):
    @pytest.fixture
    def source(self) -> HashSource:
        return Retrying(memory())
