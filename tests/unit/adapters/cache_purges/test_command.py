"""Purging by a command: real programs, looked at from outside."""

import os
from pathlib import Path

import pytest

from goodhoster.adapters.cache_purges.command import CommandPurge
from goodhoster.errors import PassingError, PermanentError
from goodhoster.linux import programs

URL = "https://anna.example/a'b;$(touch%20owned)?q=1&r=2"


def program(folder: Path, lines: str) -> str:
    file = folder / "purge"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o700)
    return str(file)


def test_each_url_is_the_last_argument_of_a_call_of_its_own(tmp_path: Path) -> None:
    hook = program(tmp_path, f'cd {tmp_path}; printf "%s|" "$@" >> argv; cat >> stdin')
    purge = CommandPurge((hook, "--zone", "z1"))
    purge.purge([URL, "http://anna.example/"])
    assert (tmp_path / "argv").read_text() == f"--zone|z1|{URL}|--zone|z1|http://anna.example/|"
    assert (tmp_path / "stdin").read_text() == ""
    assert not (tmp_path / "owned").exists()
    assert purge.at_once == 1


def test_or_all_of_them_come_on_its_input_one_a_line(tmp_path: Path) -> None:
    hook = program(tmp_path, f'cd {tmp_path}; printf "%s|" "$@" >> argv; cat >> stdin')
    purge = CommandPurge((hook,), by_lines=True)
    purge.purge([URL, "http://anna.example/"])
    assert (tmp_path / "argv").read_text() == "|"
    assert (tmp_path / "stdin").read_text() == f"{URL}\nhttp://anna.example/\n"
    assert purge.at_once == 100


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("echo 'the key\tis wrong' >&2; exit 3", "ended with 3, saying: the key is wrong"),
        ("kill -9 $$", "ended with -9, saying: nothing"),
    ],
)
def test_any_other_end_than_0_is_not_purged(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(PassingError, match=said):
        CommandPurge((program(tmp_path, lines),)).purge([URL])


def test_one_that_is_not_there_or_hangs_has_not_purged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PassingError, match="did not end as it should"):
        CommandPurge((str(tmp_path / "none"),)).purge([URL])
    monkeypatch.setattr(programs, "SECONDS", 0.2)
    with pytest.raises(PassingError, match=r"longer than 0\.2 s"):
        CommandPurge((program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60"),)).purge([URL])
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    "url", ["--all", "ftp://a/b", "http://a/b\nhttp://c/", "http://a/\x00", "http://a/" + "x" * 5000]
)
def test_what_is_no_web_address_is_handed_to_no_program(tmp_path: Path, url: str) -> None:
    with pytest.raises(PermanentError, match="no program can be given"):
        CommandPurge((program(tmp_path, f"touch {tmp_path}/ran"),)).purge([url])
    assert not (tmp_path / "ran").exists()
