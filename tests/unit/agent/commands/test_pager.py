"""Long tables go through a pager, on a terminal alone."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

PRINT = """
import sys
from goodhoster_agent.commands.listing import Column, print_list
rows = [f"row {number}" for number in range(int(sys.argv[1]))]
print_list(rows, [Column("NAME", str)], lambda row: {"name": row}, as_json=False, as_csv=False)
"""


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """Writes what it is given, and whether it may start a shell, beside itself."""
    file = tmp_path / "less"
    file.write_text(f'#!/bin/sh\n(echo "secure: $LESSSECURE"; cat) >{tmp_path}/paged\n')
    file.chmod(0o755)
    return file


def shown(rows: int, **environment: str) -> str:
    """What the terminal of 24 lines got."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "PAGER", "SUDO_UID"}}
    env = kept | {"TERM": "xterm"} | environment
    command = [sys.executable, "-c", PRINT, str(rows)]
    with subprocess.Popen(command, stdin=inner, stdout=inner, env=env) as process:
        os.close(inner)
        printed = b""
        try:
            while piece := os.read(outer, 1 << 16):
                printed += piece
        except OSError:  # nobody has the other side any more
            pass
        assert process.wait(60) == 0
    os.close(outer)
    return printed.decode()


def test_a_table_longer_than_the_terminal_is_paged(pager: Path) -> None:
    assert shown(100, PAGER=str(pager)) == ""
    paged = (pager.parent / "paged").read_text().splitlines()
    assert [paged[0], paged[1], paged[2], paged[-1]] == ["secure: ", "NAME", "row 0", "row 99"]


@pytest.mark.parametrize(("rows", "wanted"), [(10, "less"), (100, ""), (100, "cat")])
def test_a_short_one_is_not_and_none_where_nobody_wants_it(pager: Path, rows: int, wanted: str) -> None:
    environment = {"PATH": f"{pager.parent}:{os.environ['PATH']}", "PAGER": wanted}
    assert shown(rows, **environment).split()[-1] == str(rows - 1)
    assert not (pager.parent / "paged").exists()


def test_by_sudo_the_pager_starts_no_shell(pager: Path, tmp_path: Path) -> None:
    """Not the one that the environment names either."""
    other = tmp_path / "other"
    other.write_text(f"#!/bin/sh\ntouch {tmp_path}/shell\n")
    other.chmod(0o755)
    path = f"{pager.parent}:{os.environ['PATH']}"
    assert shown(100, PATH=path, PAGER=str(other), SUDO_UID="1000") == ""
    assert (tmp_path / "paged").read_text().startswith("secure: 1\nNAME\n")
    assert not (tmp_path / "shell").exists()


def test_elsewhere_than_on_a_terminal_there_is_none(pager: Path) -> None:
    command = [sys.executable, "-c", PRINT, "100"]
    done = subprocess.run(command, env=os.environ | {"PAGER": str(pager)}, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 101
    assert not (pager.parent / "paged").exists()
