"""What is written durably is there as a whole, whoever else writes the same file at that moment."""

import os
import time
from pathlib import Path

import pytest

from goodhoster.linux.durable_files import new_directory, replace_durably, write_durably
from tests.two_at_once import at_once

NO_PROCESS = 4_194_304
"""Beyond the numbers that Linux gives."""


def test_eight_may_replace_a_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "observe.json"

    def order(number: int, wait: object) -> str:
        assert callable(wait)
        wait()
        for _ in range(50):
            replace_durably(file, [b"%d" % number * 1000])
        return "written"

    answers = at_once(*(lambda wait, number=number: order(number, wait) for number in range(8)))
    assert answers == ["done: written"] * 8
    content = file.read_bytes()
    assert content == content[:1] * 1000
    assert os.listdir(tmp_path) == ["observe.json"]


def test_a_draft_that_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    file, left = tmp_path / "a[1].json", tmp_path / f".a[1].json.{NO_PROCESS}"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 100, time.time() - 100))
    replace_durably(file, [b"whole"])
    assert os.listdir(tmp_path) == ["a[1].json"]


def test_a_draft_that_cannot_be_finished_is_removed(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_durably(tmp_path / "taken", [b"whole"])
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "taken", [b"whole"])
    assert os.listdir(tmp_path) == ["taken"]


def test_a_directory_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_directory(tmp_path / "new") as draft:
        (draft / "below").mkdir()
        (draft / "below" / "file").write_bytes(b"whole")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new" / "below" / "file").read_bytes() == b"whole"
    with pytest.raises(FileExistsError), new_directory(tmp_path / "new"):
        pass
    with pytest.raises(IsADirectoryError), new_directory(tmp_path / "other") as draft:
        draft.write_bytes(b"fails")
    assert os.listdir(tmp_path) == ["new"]


def test_half_a_directory_that_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".new.{NO_PROCESS}"
    left.mkdir()
    (left / "file").write_bytes(b"half")
    os.utime(left, (time.time() - 100, time.time() - 100))
    with new_directory(tmp_path / "new"):
        pass
    assert os.listdir(tmp_path) == ["new"]
