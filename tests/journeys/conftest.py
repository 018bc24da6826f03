import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.testing.hash_check_service import FakeHashService
from tests.journeys.doorhost import CONFIG, KNOWN, Doors
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


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every account can reach; pytest's own are its owner's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def doors(reachable: Path) -> Iterator[Doors]:
    for name in ("tree", "run", "state"):
        (reachable / name).mkdir()
    (reachable / "known.txt").write_text(hashlib.md5(KNOWN, usedforsecurity=False).hexdigest() + "\n")
    doors = Doors(reachable)
    doors.config.write_text(CONFIG.format(folder=reachable, more=""))
    doors.run("hashlist", "import", str(reachable / "known.txt"), "--source", "made-up")
    yield doors
    if doors.process:
        doors.kill()
