"""Codes in our Message-IDs."""

from pathlib import Path

from goodhoster.letters.message_ids import KEY_FILE, LetterCodes

NAME = "N20261129-abcdefg-result"


def test_a_letter_is_known_by_its_message_id_whatever_stands_around_it(tmp_path: Path) -> None:
    codes = LetterCodes(tmp_path)
    headers = f"<x@y> <{NAME}.{codes.code(NAME)}@hoster.example>\n <C1.{codes.code('C1')}@hoster.example>"
    assert codes.letters_in(headers) == ("C1", NAME)
    assert LetterCodes(tmp_path).letters_in(headers) == ("C1", NAME)  # the next start, the same key


def test_a_code_is_good_for_its_name_its_purpose_and_its_machine_only(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    codes, others = LetterCodes(tmp_path), LetterCodes(tmp_path / "other")
    code = codes.code(NAME)
    assert codes.is_valid(NAME, code.upper())
    assert not codes.is_valid("N20261129-abcdefh-result", code)
    assert not codes.is_valid(NAME, code, "bounce")
    assert not others.is_valid(NAME, code)
    assert codes.letters_in(f"<{NAME}@hoster.example> <{NAME}.{'a' * 16}@hoster.example>") == ()


def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    LetterCodes(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
