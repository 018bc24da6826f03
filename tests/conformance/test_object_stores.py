"""Every object store keeps the promises of the port."""

from collections.abc import Iterator

import pytest

from goodhoster.adapters.object_stores.memory import MemoryBucket
from goodhoster.ports.objects import ObjectStore
from goodhoster.testing.suites.object_store import ObjectStoreSuite
from tests.objectserver import ObjectServer, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with served(tmp_path_factory.mktemp("objects")) as server:
        yield server


class TestMemoryBucket(ObjectStoreSuite):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryBucket()

    @pytest.fixture
    def versioned(self) -> ObjectStore:
        return MemoryBucket(versioned=True)


@pytest.mark.slow
class TestSeaweedFs(ObjectStoreSuite):
    @pytest.fixture
    def store(self, server: ObjectServer) -> Iterator[ObjectStore]:
        with server.bucket() as bucket:
            yield bucket

    @pytest.fixture
    def versioned(self, server: ObjectServer) -> Iterator[ObjectStore]:
        with server.bucket(versioned=True) as bucket:
            yield bucket
