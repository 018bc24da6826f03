"""The pager that runs a command: real programs, looked at from outside."""

import os
from pathlib import Path

import pytest

from goodhoster.adapters.pagers.hooks import CommandPager, LogPager, pager
from goodhoster.errors import PassingError
from goodhoster.linux import programs

SUBJECT, TEXT = "notice N1: $(touch owned); 'quoted' é", "first line\nsecond `line`\n"


def program(folder: Path, lines: str) -> str:
    file = folder / "hook"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o700)
    return str(file)


def test_the_command_gets_the_subject_last_and_the_text_on_its_input(tmp_path: Path) -> None:
    hook = program(tmp_path, f'cd {tmp_path}; printf "%s|" "$@" > argv; cat > stdin')
    CommandPager([hook, "--to", "duty"]).page(SUBJECT, TEXT)
    assert (tmp_path / "argv").read_text() == f"--to|duty|{SUBJECT}|"
    assert (tmp_path / "stdin").read_text() == TEXT
    assert not (tmp_path / "owned").exists()


def test_a_command_that_does_not_read_its_input_has_paged(tmp_path: Path) -> None:
    CommandPager([program(tmp_path, "exit 0")]).page(SUBJECT, TEXT * 100_000)


def test_a_command_that_fails_has_not_paged_and_its_words_are_kept(tmp_path: Path) -> None:
    hook = program(tmp_path, "echo the modem is off >&2; exit 75")
    with pytest.raises(PassingError, match="ended with 75: the modem is off") as failed:
        CommandPager([hook]).page(SUBJECT, TEXT)
    assert "[paging] command" in failed.value.hint


def test_a_command_that_is_not_there_has_not_paged(tmp_path: Path) -> None:
    with pytest.raises(PassingError, match="could not page"):
        CommandPager([str(tmp_path / "none")]).page(SUBJECT, TEXT)


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "SECONDS", 0.2)
    with pytest.raises(PassingError, match="could not page"):
        CommandPager([program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")]).page(SUBJECT, TEXT)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_a_command_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    found = pager(None)
    assert isinstance(found, LogPager)
    found.page("notice N1", TEXT)
    assert caplog.messages == ["notice N1 (first line second `line`)"]
