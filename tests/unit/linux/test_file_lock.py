import os
import threading
from pathlib import Path

import pytest

from goodhoster.linux import file_lock
from goodhoster.linux.file_lock import FileLock, holder_of


def test_a_lock_that_could_not_be_taken_blocks_nobody(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "state" / "desk.lock")
    with pytest.raises(FileNotFoundError), lock:
        pass
    (tmp_path / "state").mkdir()
    with lock:
        assert (tmp_path / "state" / "desk.lock").exists()


def test_who_waits_for_long_is_told_which_process_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = threading.Event()
    monkeypatch.setattr(file_lock, "_TOLD_AFTER", 0.01)
    tell = FileLock._log_wait

    def tell_and_note(lock: FileLock) -> None:
        tell(lock)
        told.set()

    monkeypatch.setattr(FileLock, "_log_wait", tell_and_note)
    file = tmp_path / "desk.lock"
    got = threading.Event()

    def wait() -> None:
        with FileLock(file):
            got.set()

    with FileLock(file):
        assert holder_of(file).startswith(f"process {os.getpid()} (")
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert told.wait(60)
        assert not got.is_set()
    waiting.join(60)
    assert got.is_set()
    assert f"waiting for {file}, held by process {os.getpid()}" in caplog.text
    assert holder_of(file) == ""


def test_who_need_not_wait_is_told_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FileLock(tmp_path / "desk.lock"):
        pass
    assert caplog.text == ""
