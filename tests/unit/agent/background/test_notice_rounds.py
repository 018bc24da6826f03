"""Rounds of the notice work while something fails, such as with a full disk."""

import errno
import os
import time
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.model.letters import Letter, LetterKind
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
            work._run_with_backoff("what is due", failing)
        assert len(tries) == 1
        work._failed.clear()
        work._run_with_backoff("what is due", failing)
        assert work._pauses["what is due"] == 2
        assert any("No space left" in problem for problem in work.problems())
        work._failed.clear()
        work._run_with_backoff("what is due", lambda: None)
        assert work.problems() == []
    assert [record.exc_info for record in caplog.records] == [None]


SMTP = """
[smtp]
host = "127.0.0.1"
sender = "abuse@hoster.example"
"""


@pytest.mark.parametrize(
    ("smtp", "days_ago", "expected"),
    [
        ("", 0, ": no mail server is set, see [smtp]"),
        (SMTP, 0, ""),
        (SMTP, 2, ": the mail server does not take them, see the journal"),
    ],
)
def test_letters_that_nobody_sends_are_told(tmp_path: Path, smtp: str, days_ago: int, expected: str) -> None:
    """Without [smtp] they waited for ever, and no status said so."""
    (tmp_path / "state").mkdir()
    (tmp_path / "goodhoster.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n{smtp}')
    with Services(load(tmp_path / "goodhoster.toml")) as services:
        outbox = services.notices.outbox
        assert NoticeWork(services.notices, services.settings).problems() == []
        for name in ("20260102-b", "20260101-a"):
            outbox.put(Letter(name, LetterKind.RECEIPT, "a@customer.example", "x", "x"))
        at = time.time() - days_ago * 86400
        os.utime(tmp_path / "state/letters/waiting/20260101-a.json", (at, at))
        problems = NoticeWork(services.notices, services.settings).problems()
    assert len(problems) == bool(expected)
    assert all(each.startswith("2 letters wait since ") and each.endswith(expected) for each in problems)
