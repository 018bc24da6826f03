"""Every hasher keeps the promises of the port."""

from collections.abc import Iterator

import pytest

from goodhoster.checking.hasher import DirectHasher
from goodhoster.ports import Hasher
from goodhoster.testing.suites.hasher import HasherSuite
from goodhoster_agent.hashing.pool import HashingPool


class TestDirect(HasherSuite):
    @pytest.fixture
    def hasher(self) -> Hasher:
        return DirectHasher(self.LIMITS)


class TestPool(HasherSuite):
    @pytest.fixture
    def hasher(self) -> Iterator[Hasher]:
        pool = HashingPool(self.LIMITS, 2)
        yield pool
        pool.close()
