"""A secret is read from a file that only we may read; every refusal says which file and how to make it."""

import shlex
import subprocess
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.settings import read_secret


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def secret(folder: Path, content: bytes, mode: int = 0o600, name: str = "hashservice.password") -> Path:
    file = folder / name
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
def test_the_line_without_its_end_is_the_secret(tmp_path: Path, content: bytes) -> None:
    assert read_secret(secret(tmp_path, content), "password") == "s3cret"


def test_spaces_belong_to_the_secret(tmp_path: Path) -> None:
    assert read_secret(secret(tmp_path, b" a b \n"), "password") == " a b "


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_secret_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    file = secret(tmp_path, b"s3cret", mode)
    with pytest.raises(ConfigurationError, match=f"password in {file} can be read by others") as caught:
        read_secret(file, "password")
    assert f"chmod 600 {file}" in caught.value.hint


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_owner_and_group_may_read_it(tmp_path: Path, mode: int) -> None:
    assert read_secret(secret(tmp_path, b"s3cret", mode), "password") == "s3cret"


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"one\n\n", b"a\0b", b"x" * 4097, b"one\rtwo"])
def test_what_is_no_single_line_is_refused_and_never_shown(tmp_path: Path, content: bytes) -> None:
    file = secret(tmp_path, content)
    with pytest.raises(ConfigurationError) as caught:
        read_secret(file, "password of the service")
    assert f"the password of the service in {file}" in str(caught.value)
    assert "two" not in str(caught.value) + caught.value.hint


def test_a_secret_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_secret(secret(tmp_path, b"\xff\xfe"), "password")


def test_the_command_that_is_told_for_a_missing_secret_makes_it(tmp_path: Path) -> None:
    file = tmp_path / "a folder" / "pass word"
    file.parent.mkdir()
    with pytest.raises(ConfigurationError, match=r"cannot read the password in .*pass word: No such file") as caught:
        read_secret(file, "password")
    command = caught.value.hint.removeprefix("make it: ").partition(", then type")[0]
    assert shlex.quote(str(file)) in command
    subprocess.run(["sh", "-c", command], input=b"s3cret\n", check=True)
    assert read_secret(file, "password") == "s3cret"


def test_a_systemd_credential_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secret(credentials, b"from systemd", 0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert read_secret(secret(tmp_path, b"from the file"), "password") == "from systemd"
    assert read_secret(secret(tmp_path, b"from the file", name="other"), "password") == "from the file"
    assert read_secret(tmp_path / "nowhere" / "hashservice.password", "password") == "from systemd"
