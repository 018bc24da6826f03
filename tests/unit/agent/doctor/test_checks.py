from pathlib import Path

import pytest

from goodhoster.settings import load
from goodhoster_agent.doctor import checks

PROFILE = '[[notifier]]\nid = "hotline"\nname = "H"\nkind = "hotline"\n'


def found(folder: Path, pinned: str) -> list[tuple[str, bool, str]]:
    (folder / "goodhoster.toml").write_text(PROFILE + pinned)
    programs = checks._programs(load(folder / "goodhoster.toml"))
    return [(finding.what, finding.ok, finding.hint) for finding in programs]


def test_only_programs_that_a_profile_needs_are_looked_for(tmp_path: Path) -> None:
    assert found(tmp_path, "") == []
    assert [what for what, _, _ in found(tmp_path, 'openpgp_keys = "k"\n')] == ["program gpgv"]


def test_a_missing_program_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SEARCH", str(tmp_path))
    assert found(tmp_path, 'smime_certificates = "c"\nopenpgp_keys = "k"\n') == [
        ("program openssl", False, "apt-get install openssl"),
        ("program gpgv", False, "apt-get install gpgv"),
    ]
