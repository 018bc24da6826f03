"""What every command shares."""

import os

import pytest

from goodhoster_agent.commands.options import current_user

STRANGER = 61009


def test_a_user_without_an_account_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: STRANGER)
    assert current_user() == "user 61009"
    monkeypatch.setenv("SUDO_USER", "eve")
    assert current_user() == "eve"
