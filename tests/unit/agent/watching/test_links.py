"""Links at the top of a tree and a watched path that is one: followed where root made it, or said."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.assembly.state import trees_of, watched_roots
from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.settings import load
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching import watcher as watcher_module
from goodhoster_agent.watching.links import linked_homes, switched
from goodhoster_agent.watching.scan_only import ScanOnlySource
from goodhoster_agent.watching.watcher import Rhythm, Watcher

CUSTOMER = 61001
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="root, whose links are followed")


class Disks:
    """Two disks, and a link that leads to the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one, self.two, self.link = folder / "one", folder / "two", folder / "customers"
        for disk in (self.one, self.two):
            (disk / "anna").mkdir(parents=True)
        self.link.symlink_to(self.one)

    def tree_file(self) -> Path:
        file = self.folder / "goodhoster.toml"
        file.write_text(f'[agent]\nstate_dir = "{self.folder}/state"\n[[watch]]\npath = "{self.link}"\n')
        return file

    def tree(self) -> Tree:
        return trees_of(load(self.tree_file()))[0]

    def switch(self, target: Path, owner: int = 0) -> None:
        new = self.folder / "new"
        new.symlink_to(target)
        if os.geteuid() == 0:
            os.lchown(new, owner, owner)
        new.rename(self.link)


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    return Disks(Path(os.path.realpath(tmp_path)))


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[[Sequence[Tree]], Watcher]]:
    with closing(UploadIndex(tmp_path / "index.sqlite")) as index:
        source = ScanOnlySource("a test", FileSystemCalls())
        yield lambda trees: Watcher(trees, index, source, Rhythm(3600.0, 0.0))


Watching = Callable[[Sequence[Tree]], Watcher]


def look(watcher: Watcher) -> list[str]:
    watcher._look_for_links_at = 0.0
    watcher.look_for_trees()
    return [line for line in watcher.problems() if "no events" not in line]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a directory takes longer to answer, and what did not answer is left for the next look."""
    monkeypatch.setattr(watcher_module, "_SOON", 60.0)


@root_only
def test_a_switch_by_root_is_followed_once_it_was_seen_twice(disks: Disks, watching: Watching) -> None:
    watcher = watching([disks.tree()])
    assert (look(watcher), watcher.must_follow) == ([], False)
    disks.switch(disks.two)
    assert (look(watcher), watcher.must_follow) == ([], False)
    (line,) = look(watcher)
    assert line == f"[[watch]] {disks.link} leads to {disks.two} now: it is watched there, and {disks.one} no longer"
    assert watcher.must_follow
    assert disks.tree().root == bytes(disks.two)  # what a new start takes


@root_only
def test_a_switch_by_somebody_else_is_an_alarm_and_not_followed(disks: Disks, watching: Watching) -> None:
    watcher = watching([disks.tree()])
    disks.switch(disks.two, owner=CUSTOMER)
    look(watcher)
    (line,) = look(watcher)
    assert line.startswith(f"ALARM: [[watch]] {disks.link} leads to {disks.two} now")
    assert not watcher.must_follow


@pytest.mark.parametrize("to", ["nothing", "customers"])
def test_a_link_that_leads_nowhere_is_not_followed(disks: Disks, to: str) -> None:
    tree = disks.tree()
    disks.switch(disks.folder / to)
    found = switched(tree)
    assert found
    assert not found.trusted


def test_a_link_on_the_way_to_a_link_counts_too(disks: Disks) -> None:
    between = disks.folder / "between"
    between.symlink_to(disks.two)
    tree = disks.tree()
    disks.switch(between)
    found = switched(tree)
    assert found
    assert found.target == bytes(disks.two)
    if os.geteuid() == 0:
        assert found.trusted
        os.lchown(between, CUSTOMER, CUSTOMER)
        again = switched(tree)
        assert again
        assert not again.trusted


def test_one_that_leads_where_it_did_is_no_switch(disks: Disks) -> None:
    tree = disks.tree()
    disks.switch(disks.folder / "two/../one")
    assert switched(tree) is None


@root_only
def test_homes_that_root_linked_to_another_disk_are_said(disks: Disks, watching: Watching) -> None:
    home = disks.one / "bob"
    home.symlink_to(disks.two / "bob")
    (disks.one / "carl").symlink_to("anna")  # within the tree
    own = disks.one / "dora"
    own.symlink_to(disks.two)
    os.lchown(own, CUSTOMER, CUSTOMER)
    watcher = watching([disks.tree()])
    expected = (
        f"1 links at the top of {disks.one} lead to what is not watched ({home} to {disks.two}/bob): "
        "nothing there is checked; name it in a [[watch]]"
    )
    assert look(watcher) == [expected]
    watched = watching([disks.tree(), Tree(bytes(disks.two), None)])
    assert look(watched) == []
    home.unlink()
    assert look(watcher) == []


@root_only
def test_a_home_on_a_disk_that_hangs_keeps_nobody_waiting(disks: Disks) -> None:
    (disks.one / "bob").symlink_to("/proc/self/root/nowhere/at/all")
    began = time.monotonic()
    found = linked_homes(bytes(disks.one), [bytes(disks.one)])
    assert found
    assert found.links[0][1] == b"/proc/self/root/nowhere/at/all"  # never looked at
    assert time.monotonic() - began < 30


@root_only
def test_a_home_that_root_links_later_is_watched_once_it_was_seen_twice(disks: Disks, watching: Watching) -> None:
    (disks.two / "bob").mkdir()
    watcher = watching([disks.tree()])
    settings = load(disks.folder / "goodhoster.toml")
    watcher.roots_now = lambda: watched_roots(settings)
    assert (look(watcher), watcher.must_follow) == ([], False)
    (disks.one / "bob").symlink_to(disks.two / "bob")
    look(watcher)
    assert not watcher.must_follow
    look(watcher)
    assert watcher.must_follow


@root_only
def test_the_link_of_a_home_that_is_gone_is_said_and_its_home_watched_no_more(disks: Disks, watching: Watching) -> None:
    (disks.two / "bob").mkdir()
    (link := disks.one / "bob").symlink_to(disks.two / "bob")
    disks.tree_file()
    trees = trees_of(load(disks.folder / "goodhoster.toml"))
    watcher = watching(trees)
    assert (look(watcher), watcher.must_follow) == ([], False)
    link.unlink()
    look(watcher)
    assert look(watcher) == [f"the link {link} is gone: {disks.two}/bob is not watched any more"]
    assert watcher.must_follow
    assert len(trees_of(load(disks.folder / "goodhoster.toml"))) == 1
