"""What a comparison drops from the index: nothing that came while it looked."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.model.uploads import Place
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching import scanner as scanning
from goodhoster_agent.watching.scanner import Scanner
from goodhoster_agent.watching.tree_walk import Leg, Listing, Skip, Unreadable, vanished, walk


class Host:
    """A tree with one directory, and its index."""

    def __init__(self, folder: Path, index: UploadIndex) -> None:
        self.folder = folder / "customers/anna/www"
        self.folder.mkdir(parents=True)
        self.tree = Tree(os.fsencode(folder / "customers"), None)
        self.index = index
        self.scanner = Scanner(index, quiet=0.0)

    def hint(self, name: str) -> None:
        """An event was heard."""
        place = Place(self.tree.root, os.fsencode(f"anna/www/{name}"))
        self.index.expect([Arrival(place, "anna", 0.0, Priority.FRESH)], 0.0)

    def arrive(self, name: str) -> None:
        """A file comes, and its event is heard at once."""
        (self.folder / name).write_text(name)
        self.hint(name)

    def compare(self) -> None:
        for _ in self.scanner.reconcile(self.tree):
            pass

    def names(self) -> list[str]:
        pages = self.index.inventory.known(self.tree.root, b"anna/www")
        return [known.name.decode() for page in pages for known in page]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with closing(UploadIndex(tmp_path / "index.sqlite")) as index:
        yield Host(tmp_path, index)


def around_the_look(patch: pytest.MonkeyPatch, before: Callable[[], None], after: Callable[[], None]) -> None:
    """What happens once, just before and just after the comparison looks whether names are gone."""
    due = [before, after]

    def look(root: int, directory: bytes, names: list[bytes]) -> frozenset[bytes]:
        if due:
            due.pop(0)()
        gone = vanished(root, directory, names)
        if due:
            due.pop(0)()
        return gone

    patch.setattr(scanning, "vanished", look)


def nothing() -> None:
    """Happens."""


def test_what_is_gone_is_dropped(host: Host) -> None:
    host.arrive("here.jpg")
    for name in ("gone.jpg", "link.jpg", "directory.jpg"):
        host.hint(name)
    (host.folder / "link.jpg").symlink_to("here.jpg")
    (host.folder / "directory.jpg").mkdir()
    host.compare()
    assert host.names() == ["here.jpg"]


def test_a_file_that_came_after_its_directory_was_listed_is_not_dropped(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in 2,000 files was lost until the next comparison, where four writers filled new directories."""
    host.arrive("first.jpg")
    due = ["late.jpg"]

    def walk_slowly(tree: bytes, leg: Leg, skip: Skip, calls: FileSystemCalls) -> Iterator[Listing | Unreadable]:
        for listing in walk(tree, leg, skip, calls):
            if due and isinstance(listing, Listing) and listing.files:
                host.arrive(due.pop())
            yield listing

    monkeypatch.setattr(scanning, "walk", walk_slowly)
    host.compare()
    assert not due
    assert host.names() == ["first.jpg", "late.jpg"]


def test_a_file_that_comes_back_after_it_was_seen_to_be_gone_is_not_dropped(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.hint("back.jpg")
    around_the_look(monkeypatch, nothing, lambda: host.arrive("back.jpg"))
    host.compare()
    assert host.names() == ["back.jpg"]


def test_a_directory_that_comes_back_keeps_what_came_with_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.hint("old.jpg")
    host.folder.rmdir()

    def comes_back() -> None:
        host.folder.mkdir()
        host.arrive("new.jpg")

    around_the_look(monkeypatch, comes_back, nothing)
    host.compare()
    assert host.names() == ["new.jpg"]


def test_a_directory_that_is_gone_is_dropped_whole(host: Host) -> None:
    host.hint("one.jpg")
    host.hint("two.jpg")
    host.folder.rmdir()
    host.compare()
    assert host.names() == []
    assert list(host.index.inventory.directories(host.tree.root)) == []


def test_what_is_left_alone_is_counted_and_named(host: Host) -> None:
    inbox = host.folder.parent / "mbox"
    inbox.write_text("From made-up@example.org Mon Jan  1 00:00:00 2024\n")
    store = host.folder.parent / ".thunderbird/x.default"
    store.mkdir(parents=True)
    (store / "INBOX").write_text("made up")
    (host.folder / "a.jpg").write_text("made up")
    *_, figures = host.scanner.reconcile(host.tree)
    assert (figures.left_alone.directories, figures.left_alone.files) == (1, 1)
    assert set(figures.left_alone.places) == {os.fsencode(store.parent), os.fsencode(inbox)}
