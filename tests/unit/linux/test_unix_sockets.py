"""The socket's file of a process that ended is replaced; nothing else is."""

import errno
import os
import socket
from pathlib import Path

import pytest

from goodhoster.linux.unix_sockets import remove_stale_socket


def test_a_socket_that_nobody_listens_on_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(file))
    remove_stale_socket(file)
    assert not os.path.lexists(file)
    remove_stale_socket(file)


def test_a_socket_in_use_stays_and_that_is_told(tmp_path: Path) -> None:
    file = tmp_path / "used.sock"
    with socket.socket(socket.AF_UNIX) as used:
        used.bind(str(file))
        used.listen()
        with pytest.raises(OSError, match="in use") as caught:
            remove_stale_socket(file)
    assert caught.value.errno == errno.EADDRINUSE
    assert file.is_socket()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_not_touched(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "something"
    if kind == "file":
        file.write_text("somebody's")
    elif kind == "directory":
        file.mkdir()
    else:
        file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError, match="not a socket"):
        remove_stale_socket(str(file))
    assert os.path.lexists(file)
