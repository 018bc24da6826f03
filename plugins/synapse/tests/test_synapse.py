"""A real Synapse server asks before it keeps media of its users."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from goodhoster.model.cases import CaseState
from tests.apidoor import ApiHost, opened
from tests.ports import free_port
from tests.webprojects import environment, picture

KNOWN, CLEAR = picture("red", 64), picture("green", 64)
SECRET = "made up"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host"), known=[KNOWN]) as host:
        yield host


@contextmanager
def synapse(folder: Path, config: dict[str, object]) -> Iterator[httpx.Client]:
    """A home server with one user, logged in."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = {
        "server_name": "example.org",
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": SECRET,
        "report_stats": False,
        "trusted_key_servers": [],
        "dynamic_thumbnails": False,
        "modules": [{"module": "goodhoster_synapse.MediaChecker", "config": config}],
    }
    (folder / "homeserver.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", str(folder / "homeserver.yaml")]
    subprocess.run(
        [*command, "--generate-keys"], env=environment(), cwd=folder, check=True, capture_output=True, timeout=120
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            _wait(http, process)
            http.headers["Authorization"] = f"Bearer {_register(http)}"
            yield http
    finally:
        process.terminate()
        process.wait(120)


def _wait(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        try:
            if http.get("/health").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("Synapse does not answer")


def _register(http: httpx.Client) -> str:
    nonce = http.get("/_synapse/admin/v1/register").json()["nonce"]
    words = f"{nonce}\0anna\0made up\0notadmin".encode()
    mac = hmac.new(SECRET.encode(), words, hashlib.sha1).hexdigest()
    user = {"nonce": nonce, "username": "anna", "password": "made up", "admin": False, "mac": mac}
    return str(http.post("/_synapse/admin/v1/register", json=user).json()["access_token"])


def upload(http: httpx.Client, content: bytes) -> httpx.Response:
    headers = {"Content-Type": "image/png"}
    return http.post("/_matrix/media/v3/upload", params={"filename": "me.png"}, content=content, headers=headers)


def stored(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "media").rglob("*") if path.is_file()}


@pytest.mark.timeout(900)
def test_known_media_are_refused_each_time_and_clear_ones_are_kept(host: ApiHost, tmp_path: Path) -> None:
    config = {
        "address": host.address,
        "token": host.secret,
        "on_unchecked": "closed",
        "customer": "matrix",
        "gate": True,
        "timeout": 120,
    }
    with synapse(tmp_path / "home", config) as http:
        for _ in range(2):
            got = upload(http, KNOWN)
            assert (got.status_code, got.json()["error"]) == (400, "Bad content")
        assert KNOWN not in stored(tmp_path / "home")
        assert upload(http, CLEAR).status_code == 200
        assert CLEAR in stored(tmp_path / "home")
    cases = host.cases()
    assert [(case.state, case.upload.customer) for case in cases] == [(CaseState.REFUSED, "matrix")] * 2
    assert all(case.measures[0].detail.endswith("the application says: refused") for case in cases)
    # Two attempts, and no more: thumbnails of what is kept are not asked about.
    assert "synapse" in cases[0].measures[0].detail


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("on_unchecked", "status"), [("open", 200), ("closed", 400)])
def test_while_goodhoster_is_away(on_unchecked: str, status: int, tmp_path: Path) -> None:
    config: dict[str, object] = {"address": f"unix:{tmp_path}/nobody.sock", "on_unchecked": on_unchecked}
    with synapse(tmp_path / "home", config) as http:
        assert upload(http, CLEAR).status_code == status
        assert (CLEAR in stored(tmp_path / "home")) == (on_unchecked == "open")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("config", [{}, {"on_unchecked": "maybe"}, {"on_unchecked": "open", "adress": "x"}])
def test_a_wrong_configuration_is_told_at_the_start(config: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, subprocess.CalledProcessError)), synapse(tmp_path / "home", config):
        pass
