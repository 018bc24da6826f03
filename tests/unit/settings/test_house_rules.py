"""The file of house rules: everything that is wrong is named at once, and what it says is said back in words."""

from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Rung
from goodhoster.policy.explaining import explained
from goodhoster.settings.house_rules import read_house_rules

ALL = """
mode = "enforce"

[upload]
vetted = true
hash_check_within = "3d"
contact_proven = false
contact_answers_within = false

[ladder]
incident = "12h"
decay = "180d"
reseller_customers = 5

[ladder.warn]
incidents = 1
share = 2.5

[ladder.suspend-site]
incidents = false

[ladder.suspend-account]
notice = "14d"
person = false

[appeal]
decide_within = "7d"
"""


def test_without_a_file_nothing_is_refused() -> None:
    assert read_house_rules(None) == CustomerRules()
    assert not CustomerRules().enforce


def test_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "house-rules.toml"
    file.write_text(ALL)
    rules = read_house_rules(file)
    assert rules.enforce
    assert rules.upload.hash_check_within == timedelta(days=3)
    assert rules.upload.contact_answers_within is None
    assert rules.ladder.decay == timedelta(days=180)
    assert rules.ladder.rungs[Rung.WARN].share == 0.025
    assert rules.ladder.rungs[Rung.SUSPEND_SITE].incidents is None
    assert rules.ladder.rungs[Rung.SUSPEND_ACCOUNT].notice == timedelta(days=14)
    assert not rules.ladder.rungs[Rung.SUSPEND_ACCOUNT].person
    assert rules.ladder.rungs[Rung.END].person
    assert len(rules.version) == 12
    file.write_text(ALL + "\n# another line\n")
    assert read_house_rules(file).version != rules.version


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "house-rules.toml"
    file.write_text(
        """
mode = "strict"
uploads = true
[upload]
vetted = "yes"
hash_check_within = "7"
[ladder.restrict-uploads]
incidents = 9
[ladder.warn]
share = 200
[ladder.ban]
incidents = 1
[appeal]
months = 3
"""
    )
    with pytest.raises(ConfigurationError) as raised:
        read_house_rules(file)
    lines = str(raised.value).splitlines()
    assert [line.removeprefix(f"{file}: ").split(" ")[0] for line in lines] == [
        "mode", "unknown", "[upload]", "[upload]", "[ladder]", "[ladder.warn]", "[ladder.suspend-site]", "[appeal]",
    ]  # fmt: skip
    assert "did you mean upload?" in lines[1]


def test_what_is_no_file_of_rules(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are no house rules at"):
        read_house_rules(tmp_path / "missing.toml")
    (tmp_path / "broken.toml").write_text("a = ")
    with pytest.raises(ConfigurationError, match="is not valid TOML"):
        read_house_rules(tmp_path / "broken.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_house_rules(tmp_path / "bytes.toml")
    (tmp_path / "tables.toml").write_text("ladder = 3\nupload = 4\n")
    with pytest.raises(ConfigurationError, match=r"\[ladder\]"):
        read_house_rules(tmp_path / "tables.toml")


def test_the_rules_in_words(tmp_path: Path) -> None:
    file = tmp_path / "house-rules.toml"
    file.write_text(ALL)
    words = "\n".join(explained(read_house_rules(file)))
    assert "in the last 3 days" in words
    assert "suspend-site: not used." in words
    line = next(line for line in words.splitlines() if line.startswith("suspend-account"))
    assert line.startswith(
        "suspend-account: at 4 incidents, for a reseller at 20 % of its customers; announced 14 days"
    )
    assert "taken by itself" in line
    assert "it cannot be undone" in words
    assert explained(CustomerRules())[0].startswith("Mode observe")
