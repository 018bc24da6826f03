import json
import threading
from base64 import b64encode
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster_agent.doors import reread_file
from goodhoster_agent.doors.accounts import Accounts, add_client, read_clients, remove_client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hashservice" / "clients.json"


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread_file, "_POLL_SECONDS", 0.0)


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def test_a_client_is_recognised_by_name_and_password(file: Path) -> None:
    password = add_client(file, "customer-1")
    other = add_client(file, "customer-2")
    known = Accounts(file)
    assert known.who(basic("customer-1", password)) == "customer-1"
    assert known.who(basic("customer-1", password).replace("Basic", "basic")) == "customer-1"
    assert known.who(basic("customer-1", other)) is None
    assert known.who(basic("nobody", password)) is None


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic AAAA", "Basic " + "A" * 8000, "Basic /w=="]
)
def test_another_header_is_nobody(file: Path, header: str) -> None:
    add_client(file, "customer-1")
    assert Accounts(file).who(header) is None


def test_nobody_is_known_without_a_file(file: Path) -> None:
    assert Accounts(file).who(basic("", "")) is None


def test_passwords_are_long_random_and_not_on_disk(file: Path) -> None:
    first, second = add_client(file, "one"), add_client(file, "two")
    assert first != second
    assert len(first) == 43  # 256 bits in base64
    assert first not in file.read_text()
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_change_is_noticed_while_serving(file: Path) -> None:
    first = add_client(file, "one")
    serving = Accounts(file)
    second = add_client(file, "two")
    assert serving.who(basic("two", second)) == "two"
    remove_client(file, "one")
    assert serving.who(basic("one", first)) is None
    file.unlink()
    assert serving.who(basic("two", second)) is None


def test_a_file_damaged_while_serving_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    password = add_client(file, "one")
    serving = Accounts(file)
    file.write_text("{")
    assert serving.who(basic("one", password)) == "one"
    assert "stay in force" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"clients": [1]}', '{"clients": [{"name": "x"}]}', "\x00"])
def test_a_damaged_file_does_not_start(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"clients\.json"):
        Accounts(file)
    with pytest.raises(ConfigurationError):
        add_client(file, "one")
    assert file.read_text() == text


def test_a_name_is_taken_once_and_removed_once(file: Path) -> None:
    add_client(file, "one")
    with pytest.raises(RefusedError, match="already"):
        add_client(file, "one")
    remove_client(file, "one")
    with pytest.raises(RefusedError, match="no client"):
        remove_client(file, "one")
    assert read_clients(file) == {}


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-a", "é", "a\n", "x" * 65])
def test_a_name_that_cannot_be_one(file: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="cannot be"):
        add_client(file, name)
    assert not file.exists()


def test_two_at_once_lose_nothing(file: Path) -> None:
    threads = [threading.Thread(target=add_client, args=(file, f"client-{number}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_clients(file)) == len(json.loads(file.read_text())["clients"]) == 20
