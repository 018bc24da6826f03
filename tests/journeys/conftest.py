from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.testing.hash_check_service import FakeHashService
from tests.journeys.host import Host


@pytest.fixture
def service() -> Iterator[FakeHashService]:
    with FakeHashService() as service:
        yield service


@pytest.fixture
def host(tmp_path: Path, service: FakeHashService, unlocked: None) -> Iterator[Host]:
    host = Host(tmp_path, service)
    host.customers.mkdir()
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(service.password)
    host.configure()
    yield host
    if host.daemon:
        host.kill()
