"""What is said of hostile texts."""

from goodhoster.letters.texts import defanged
from goodhoster.model.uploads import visible


def test_nothing_that_is_printed_commands_a_terminal_or_begins_a_line() -> None:
    hostile = "a\x1b[2J\r\nnotice  N1\x9b\u2028\u202e\ud800"
    assert visible(hostile) == "a\\x1b[2J\\r\\nnotice  N1\\x9b\\u2028\\u202e\\ud800"
    assert defanged("http://a.example/\x1b") == "hxxp://a[.]example/\\x1b"
