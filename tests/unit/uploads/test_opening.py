"""Whatever an outsider puts in a file's place: it is opened as the file it is, or not at all."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goodhoster.errors import NotAnUploadError, UncheckedError
from goodhoster.model.uploads import FileState, Place
from goodhoster.uploads.opening import open_upload


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


def place(tree: Path, path: str | bytes) -> Place:
    return Place(os.fsencode(tree), os.fsencode(path))


def test_an_open_file_tells_its_state_and_whether_it_changed(tree: Path) -> None:
    file = tree / "picture.jpg"
    file.write_bytes(b"one")
    with open_upload(place(tree, "picture.jpg")) as opened:
        assert os.pread(opened.fd, 10, 0) == b"one"
        assert opened.state == FileState.of(file.stat())
        assert opened.unchanged()
        with file.open("ab") as more:
            more.write(b"two")
        assert not opened.unchanged()


def test_a_forged_time_of_the_same_size_is_a_change(tree: Path) -> None:
    file = tree / "picture.jpg"
    file.write_bytes(b"one")
    before = file.stat()
    with open_upload(place(tree, "picture.jpg")) as opened:
        file.write_bytes(b"two")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not opened.unchanged()


def test_the_descriptor_is_closed_whatever_happens_inside(tree: Path) -> None:
    (tree / "a").write_bytes(b"")
    with pytest.raises(KeyError), open_upload(place(tree, "a")) as opened:
        raise KeyError
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened.fd)


def test_reading_leaves_the_access_time_of_an_own_file_alone(tree: Path) -> None:
    file = tree / "a"
    file.write_bytes(b"x")
    os.utime(file, ns=(1_000_000_000, 2_000_000_000))
    with open_upload(place(tree, "a")) as opened:
        os.pread(opened.fd, 1, 0)
    assert file.stat().st_atime_ns == 1_000_000_000


def make_fifo(at: Path) -> None:
    os.mkfifo(at)


def make_socket(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(at))


def make_directory(at: Path) -> None:
    at.mkdir()


def make_link(at: Path) -> None:
    (at.parent.parent / "secret").write_bytes(b"")
    at.symlink_to("../secret")


def make_dangling_link(at: Path) -> None:
    at.symlink_to("nowhere")


def make_nothing(at: Path) -> None:
    assert not at.exists()


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_directory, make_link, make_dangling_link, make_nothing])
def test_what_is_no_regular_file_is_no_upload_and_does_not_block(tree: Path, make: object) -> None:
    assert callable(make)
    make(tree / "x.jpg")
    with pytest.raises(NotAnUploadError), open_upload(place(tree, "x.jpg")):
        pass


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret", "file/below", "n" * 300, "x\0.jpg", ""])
def test_a_path_to_elsewhere_is_no_upload(tree: Path, path: str) -> None:
    (tree / "a").mkdir()
    (tree / "file").write_bytes(b"")
    (tree / "x").write_bytes(b"")
    (tree.parent / "secret").write_bytes(b"")
    with pytest.raises(NotAnUploadError), open_upload(place(tree, path)):
        pass


def test_a_watched_tree_may_be_named_by_a_link(tree: Path) -> None:
    (tree / "a").write_bytes(b"x")
    link = tree.parent / "link"
    link.symlink_to(tree)
    with open_upload(place(link, "a")) as opened:
        assert os.pread(opened.fd, 1, 0) == b"x"


def test_a_tree_that_is_gone_does_not_make_its_files_gone(tree: Path) -> None:
    """An unmounted disk is no reason to forget what lies on it."""
    with pytest.raises(UncheckedError, match="the watched tree") as caught, open_upload(place(tree / "gone", "a")):
        pass
    assert caught.value.reason == "unreadable"


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root reads everything; so it is nobody for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_what_we_may_not_read_is_unchecked() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "a").touch(0)
        refused = pytest.raises(UncheckedError, match="/a cannot be opened: Permission denied")
        with as_an_ordinary_user(), refused as caught, open_upload(place(Path(folder), "a")):
            pass
    assert caught.value.reason == "unreadable"
