from pathlib import Path

import pytest

from goodhoster.linux.file_lock import FileLock


def test_a_lock_that_could_not_be_taken_blocks_nobody(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "state" / "desk.lock")
    with pytest.raises(FileNotFoundError), lock:
        pass
    (tmp_path / "state").mkdir()
    with lock:
        assert (tmp_path / "state" / "desk.lock").exists()
