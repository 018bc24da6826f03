import subprocess
import sys
import threading
from pathlib import Path

import pytest

from goodhoster.adapters.stores.seenmails import SqliteSeenMails
from goodhoster.errors import ConfigurationError


def test_a_fingerprint_belongs_to_its_first_receipt(tmp_path: Path) -> None:
    seen = SqliteSeenMails(tmp_path / "seen.sqlite")
    assert seen.first_time(b"one", "r1")
    assert seen.first_time(b"one", "r1")
    assert not seen.first_time(b"one", "r2")
    assert seen.first_time(b"two", "r2")
    seen.close()
    again = SqliteSeenMails(tmp_path / "seen.sqlite")
    assert not again.first_time(b"two", "r1")
    again.close()


def test_of_many_threads_and_processes_one_is_first(tmp_path: Path) -> None:
    file, first = tmp_path / "seen.sqlite", []
    seen = SqliteSeenMails(file)

    def ask(number: int) -> None:
        if seen.first_time(b"raced", f"r{number}"):
            first.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(first) == 1
    code = "import sys; from pathlib import Path; from goodhoster.adapters.stores.seenmails import SqliteSeenMails\n"
    code += "print(SqliteSeenMails(Path(sys.argv[1])).first_time(b'raced', 'other'))"
    ended = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
    seen.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "seen.sqlite").write_bytes(b"something else, and long enough to be taken for a header of a file" * 20)
    with pytest.raises(ConfigurationError, match=r"the file of seen mails .* cannot be used"):
        SqliteSeenMails(tmp_path / "seen.sqlite")
