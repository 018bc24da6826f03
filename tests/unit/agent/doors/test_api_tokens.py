"""Tokens of the HTTP door: made once, shown once, changed while the door is open."""

import stat
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster_agent.doors import reread_file
from goodhoster_agent.doors.api.tokens import Scope, Tokens, add_token, read_tokens, revoke_token


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "api" / "tokens.json"


def test_a_token_is_found_by_its_secret_which_the_file_does_not_have(file: Path) -> None:
    secret = add_token(file, "wordpress", [Scope.CHECK, Scope.CHECK, Scope.MAY], "anna")
    found = Tokens(file).of(secret)
    assert found
    assert (found.name, found.scopes, found.customer) == ("wordpress", (Scope.CHECK, Scope.MAY), "anna")
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("secret", ["", "wrong", "\ud800", "x" * 100_000])
def test_another_secret_finds_none(file: Path, secret: str) -> None:
    add_token(file, "wordpress", [Scope.CHECK])
    assert Tokens(file).of(secret) is None


def test_changes_are_noticed_and_a_broken_file_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread_file, "_POLL_SECONDS", 0.0)
    watched = Tokens(file)
    secret = add_token(file, "wordpress", [Scope.CHECK])
    assert watched.of(secret)
    file.write_text("{")
    assert watched.of(secret)
    file.unlink()
    assert watched.of(secret) is None


def test_names_are_unique_and_plain(file: Path) -> None:
    add_token(file, "wordpress", [Scope.CHECK])
    for name in ("wordpress", "", "a b", "../x", "x" * 65):
        with pytest.raises(RefusedError):
            add_token(file, name, [Scope.CHECK])
    assert [token.name for token in read_tokens(file).values()] == ["wordpress"]


def test_a_revoked_token_is_gone_and_an_unknown_one_is_told(file: Path) -> None:
    secret = add_token(file, "wordpress", [Scope.CHECK])
    revoke_token(file, "wordpress")
    assert Tokens(file).of(secret) is None
    with pytest.raises(RefusedError):
        revoke_token(file, "wordpress")


@pytest.mark.parametrize("text", ["[]", '{"tokens": [{"name": 1}]}', '{"tokens": [{"scopes": ["all"]}]}', "\0"])
def test_a_file_that_is_none_is_told(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Tokens(file)
