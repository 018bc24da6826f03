import subprocess
import sys
from pathlib import Path

import pytest

from goodhoster.adapters.stores.seen_mails import SqliteSeenMails
from goodhoster.errors import ConfigurationError
from goodhoster.testing.suites.seen_mails import a_mail


def test_it_is_remembered_after_a_restart(tmp_path: Path) -> None:
    seen = SqliteSeenMails(tmp_path / "seen.sqlite")
    assert seen.first(b"one", a_mail("r1")) == a_mail("r1")
    seen.close()
    again = SqliteSeenMails(tmp_path / "seen.sqlite")
    assert again.first(b"one", a_mail("r2")) == a_mail("r1")
    again.close()


def test_another_process_knows_it_too(tmp_path: Path) -> None:
    seen = SqliteSeenMails(tmp_path / "seen.sqlite")
    assert seen.first(b"one", a_mail("r1")) == a_mail("r1")
    code = """
import sys
from pathlib import Path
from goodhoster.adapters.stores.seen_mails import SqliteSeenMails
from goodhoster.testing.suites.seen_mails import a_mail
print(SqliteSeenMails(Path(sys.argv[1])).first(b"one", a_mail("r2")).receipt)
"""
    argv = [sys.executable, "-c", code, str(tmp_path / "seen.sqlite")]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "r1\n"
    seen.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "seen.sqlite").write_bytes(b"something else, and long enough to be taken for a header of a file" * 20)
    with pytest.raises(ConfigurationError, match=r"the file of seen mails .* cannot be used"):
        SqliteSeenMails(tmp_path / "seen.sqlite")
