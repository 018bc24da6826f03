"""What the kernel refuses to follow, open or overwrite for us."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.linux import kernel


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a file, and a secret beside the tree."""
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_bytes(b"mine")
    (tmp_path / "secret").write_bytes(b"not yours")
    return tree


@pytest.fixture
def directory(tree: Path) -> Iterator[int]:
    fd = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def content(fd: int) -> bytes:
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


def refusal(directory: int, path: bytes) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is the point
        os.close(kernel.open_beneath(directory, path, os.O_RDONLY | os.O_NONBLOCK))
    assert caught.value.errno
    return caught.value.errno


@pytest.mark.parametrize("path", [b"a/b/file", b"a/../a/b/file", b"a//b/./file"])
def test_what_lies_beneath_is_opened(directory: int, path: bytes) -> None:
    assert content(kernel.open_beneath(directory, path, os.O_RDONLY)) == b"mine"


def test_a_descriptor_does_not_pass_to_other_programs(directory: int) -> None:
    fd = kernel.open_beneath(directory, b"a/b/file", os.O_RDONLY)
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.parametrize("path", [b"../secret", b"a/../../secret", b"/etc/passwd"])
def test_a_way_out_is_refused(directory: int, path: bytes) -> None:
    assert refusal(directory, path) == errno.EXDEV


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "a/b/file", "."])
def test_no_link_is_followed_wherever_it_leads(directory: int, tree: Path, target: str) -> None:
    (tree / "link").symlink_to(target)
    (tree / "folder").symlink_to("a")
    assert refusal(directory, b"link") == errno.ELOOP
    assert refusal(directory, b"folder/b/file") == errno.ELOOP


def test_a_magic_link_is_not_followed() -> None:
    proc = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert refusal(proc, b"cwd/etc/passwd") == errno.ELOOP
    finally:
        os.close(proc)


def test_a_nul_does_not_cut_a_path_short(directory: int) -> None:
    assert refusal(directory, b"a/b/file\0.jpg") == errno.ENOENT


def test_names_are_bytes(directory: int, tree: Path) -> None:
    name = b"\xff\n" + b"\xfe" * 253
    Path(os.fsdecode(os.path.join(os.fsencode(tree), name))).write_bytes(b"odd")
    assert content(kernel.open_beneath(directory, name, os.O_RDONLY)) == b"odd"


def deep(directory: int, levels: int) -> bytes:
    """A path longer than PATH_MAX with a file at its end."""
    names = [b"d" * 200] * levels
    fd = os.dup(directory)
    for name in names:
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open(b"file", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd))
    os.symlink(b"/etc", b"link", dir_fd=fd)
    os.close(fd)
    return b"/".join(names)


def test_a_path_longer_than_path_max_is_opened_under_the_same_rules(directory: int) -> None:
    path = deep(directory, 45)
    assert len(path) > 2 * 4096
    assert content(kernel.open_beneath(directory, path + b"/file", os.O_RDONLY)) == b""
    assert refusal(directory, path + b"/link/passwd") == errno.ELOOP
    assert refusal(directory, path + b"/missing") == errno.ENOENT


@pytest.mark.parametrize("path", [b"x" * 256, b"x" * 10_000, b"a/" + b"x" * 5000 + b"/y"])
def test_a_name_that_no_file_can_have_is_refused(directory: int, path: bytes) -> None:
    assert refusal(directory, path) == errno.ENAMETOOLONG


LEASE = """
import fcntl, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
with open(sys.argv[1], "r+b") as opened:
    fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    print("leased", flush=True)
    time.sleep(60)
"""


def test_an_owner_who_holds_a_lease_on_a_file_does_not_hold_us(directory: int, tree: Path) -> None:
    """fcntl(2): opening a leased file with O_NONBLOCK fails with EWOULDBLOCK until the lease is broken, 45 s later."""
    arguments = [sys.executable, "-c", LEASE, str(tree / "a" / "b" / "file")]
    refused: list[int] = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        try:
            assert owner.stdout.readline() == "leased\n"
            opening = threading.Thread(target=lambda: refused.append(refusal(directory, b"a/b/file")))
            opening.start()
            opening.join(20)
            assert refused == [errno.EAGAIN]
        finally:
            owner.kill()
    opening.join()


def test_a_rename_never_overwrites(directory: int, tree: Path) -> None:
    (tree / "one").write_bytes(b"1")
    (tree / "two").write_bytes(b"2")
    with pytest.raises(FileExistsError):
        kernel.rename_noreplace((directory, b"one"), (directory, b"two"))
    kernel.rename_noreplace((directory, b"one"), (directory, b"three"))
    assert [(tree / name).read_bytes() for name in ("two", "three")] == [b"2", b"1"]


@pytest.mark.parametrize("names", [(b"two\0", b"new"), (b"two", b"new\0x")])
def test_a_nul_does_not_cut_a_name_short(directory: int, tree: Path, names: tuple[bytes, bytes]) -> None:
    (tree / "two").write_bytes(b"2")
    with pytest.raises(FileNotFoundError):
        kernel.rename_noreplace((directory, names[0]), (directory, names[1]))
    assert sorted(os.listdir(tree)) == ["a", "two"]


def test_flags_are_none_where_there_are_none() -> None:
    with Path("/proc/self/status").open("rb") as opened:
        assert kernel.inode_flags(opened.fileno()) is None


@pytest.mark.debian("e2fsprogs", program="lsattr")
def test_flags_are_those_that_lsattr_shows(tree: Path) -> None:
    file = tree / "a" / "b" / "file"
    with file.open("rb") as opened:
        flags = kernel.inode_flags(opened.fileno())
        if flags is None:
            pytest.skip("this file system has no inode flags")
        kernel.set_inode_flags(opened.fileno(), flags | 0x40)  # FS_NODUMP_FL, which an owner may set
        shown = subprocess.run(["lsattr", file], capture_output=True, text=True, check=True).stdout
        assert "d" in shown.split()[0]
        assert kernel.inode_flags(opened.fileno()) == flags | 0x40
