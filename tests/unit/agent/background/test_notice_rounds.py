"""Rounds of the notice work while something fails, such as with a full disk."""

import errno
import os
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.settings import load
from goodhoster_agent.background.notices import NoticeWork


def test_a_part_that_fails_is_tried_ever_less_often_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk was a traceback each second."""
    (tmp_path / "state").mkdir()
    (tmp_path / "goodhoster.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    tries: list[str] = []

    def failing() -> None:
        tries.append("")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Services(load(tmp_path / "goodhoster.toml")) as services:
        work = NoticeWork(services.notices, services.settings)
        for _ in range(5):
            work._in_turn("what is due", failing)
        assert len(tries) == 1
        work._failed.clear()
        work._in_turn("what is due", failing)
        assert work._pauses["what is due"] == 2
        assert any("No space left" in problem for problem in work.problems())
        work._failed.clear()
        work._in_turn("what is due", lambda: None)
        assert work.problems() == []
    assert [record.exc_info for record in caplog.records] == [None]
