"""Files that a peer names are opened with the peer's rights, and no link is followed."""

import os
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster_agent.doors.peer_files import SocketPeer, open_for

STRANGER = SocketPeer(1, 54321, 54321)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of other users")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "file"
    path.write_bytes(b"content")
    for folder in [tmp_path, *tmp_path.parents]:
        if not folder.stat().st_mode & 0o001:  # made by pytest, for its user alone
            folder.chmod(0o755)
    return path


def may_read(peer: SocketPeer, path: Path) -> bool:
    try:
        os.close(open_for(peer, os.fsencode(path)))
    except RefusedError:
        return False
    return True


def test_what_everybody_may_read(file: Path) -> None:
    file.chmod(0o644)
    assert may_read(STRANGER, file)


def test_the_owners_and_the_groups_bits_count_for_them_alone(file: Path) -> None:
    file.chmod(0o600)
    assert not may_read(STRANGER, file)
    os.chown(file, STRANGER.uid, 0)
    assert may_read(STRANGER, file)
    file.chmod(0o044)  # its owner has fewer rights than others
    assert not may_read(STRANGER, file)
    os.chown(file, 0, STRANGER.gid)
    assert may_read(STRANGER, file)
    file.chmod(0o604)
    assert not may_read(STRANGER, file)


def test_a_closed_directory_closes_what_is_below(file: Path) -> None:
    file.chmod(0o644)
    file.parent.chmod(0o700)
    assert not may_read(STRANGER, file)
    assert may_read(SocketPeer(1, 0, 0), file)


def test_links_and_whatever_is_no_file_are_refused(file: Path) -> None:
    file.chmod(0o644)
    (file.parent / "link").symlink_to(file)
    (file.parent.parent / "other").symlink_to(file.parent)
    os.mkfifo(file.parent / "fifo", 0o666)
    for path in (file.parent / "link", file.parent.parent / "other" / "file", file.parent / "fifo", file.parent):
        assert not may_read(STRANGER, path)


@pytest.mark.parametrize("path", [b"", b"relative", b"/a\0b", b"/tmp/../etc/passwd", b"/", b"//", b"/" + b"x" * 300])
def test_odd_paths_are_refused(path: bytes) -> None:
    with pytest.raises(RefusedError):
        open_for(STRANGER, path)


def test_nothing_stays_open(file: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    file.chmod(0o600)
    for _ in range(10):
        may_read(STRANGER, file)
    assert len(os.listdir("/proc/self/fd")) == before
