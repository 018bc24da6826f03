import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.evidence.metadata import set_guards
from goodhoster.testing.hashcheckservice import FakeHashService
from tests.journeys.host import Host


@pytest.fixture
def service() -> Iterator[FakeHashService]:
    with FakeHashService() as service:
        yield service


@pytest.fixture
def host(tmp_path: Path, service: FakeHashService) -> Iterator[Host]:
    host = Host(tmp_path, service)
    host.customers.mkdir()
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(service.password)
    host.configure()
    yield host
    if host.daemon:
        host.kill()
    _unlock(tmp_path)


def _unlock(folder: Path) -> None:
    """What lies in quarantine is immutable; pytest could not clear it away."""
    shelved = folder.rglob(".goodhoster/quarantine/*") if os.geteuid() == 0 else ()
    for path in filter(Path.is_file, shelved):
        with path.open("rb") as opened:
            set_guards(opened.fileno(), 0)
