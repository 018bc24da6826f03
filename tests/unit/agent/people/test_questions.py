"""A question that cannot be answered ends otherwise than an order that cannot be carried out."""

import pytest

from goodhoster_agent.people.rights import is_question


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("check /srv/a.png", True),
        ("cases list --state held", True),
        ("customers measures list", True),
        ("doctor", True),
        ("cases --help", False),
        ("cases restore 2026 --reason x", False),
        ("--version", False),
        ("", False),
        ("nothing such", False),
    ],
)
def test_which_commands_only_ask(words: str, asks: bool) -> None:  # noqa: FBT001
    assert is_question(words.split()) is asks
