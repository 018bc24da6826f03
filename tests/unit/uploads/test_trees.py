"""Whose a file is, and that nobody hides files where we keep ours."""

import os
from pathlib import Path

import pytest

from goodhoster.model.quarantine import OWN_DIRECTORIES
from goodhoster.model.uploads import Place, display
from goodhoster.uploads.trees import UNASSIGNED, Tree
from tests.conftest import Bind, Disk

SHARED = Tree(b"/srv/customers", None)


@pytest.mark.parametrize(
    ("path", "customer"),
    [
        (b"alice/www/a.jpg", "alice"),
        (b"alice/a.jpg", "alice"),
        (b"a.jpg", UNASSIGNED),
        (b"\xff\n/a.jpg", r"\xff\n"),
    ],
)
def test_the_first_directory_names_the_customer(path: bytes, customer: str) -> None:
    assert SHARED.customer_of(path) == customer


def test_a_tree_of_one_customer_is_all_its_own() -> None:
    assert Tree(b"/srv/big", "c-7").customer_of(b"x/y") == Tree(b"/srv/big", "c-7").customer_of(b"y") == "c-7"


@pytest.mark.parametrize(
    ("absolute", "path"),
    [
        (b"/srv/customers/alice/a.jpg", b"alice/a.jpg"),
        (b"/srv/customers//alice/./a.jpg", b"alice/a.jpg"),
        (b"/srv/customers/\xff", b"\xff"),
        (b"/srv/customers/..a/b", b"..a/b"),
        (b"/srv/customers", None),
        (b"/srv/customers/", None),
        (b"/srv/customers/.", None),
        (b"/srv/customersX/a", None),
        (b"/srv/customers/../secret", None),
        (b"/srv/customers/alice/../../../etc/passwd", None),
        (b"/etc/passwd", None),
    ],
)
def test_a_place_lies_below_its_tree(absolute: bytes, path: bytes | None) -> None:
    assert SHARED.place_of(absolute) == (Place(b"/srv/customers", path) if path else None)


def test_the_whole_system_may_be_a_tree() -> None:
    assert Tree(b"/", "c").place_of(b"/srv/a") == Place(b"/", b"srv/a")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(os.fsencode(tmp_path), None)


def own(tree: Tree, mode: int) -> Path:
    directory = Path(os.fsdecode(tree.root + b"/" + OWN_DIRECTORIES[0]))
    directory.mkdir()
    directory.chmod(mode)
    return directory


def test_our_quarantine_is_no_place(tree: Tree) -> None:
    own(tree, 0o700)
    assert tree.place_of(tree.root + b"/.goodhoster") is None
    assert tree.place_of(tree.root + b"/.goodhoster/offline/x") is None
    assert tree.place_of(tree.root + b"/.goodhosters/x") == Place(tree.root, b".goodhosters/x")
    assert tree.place_of(tree.root + b"/alice/.goodhoster/x") == Place(tree.root, b"alice/.goodhoster/x")


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o770])
def test_a_directory_of_that_name_that_others_reach_hides_nothing(tree: Tree, mode: int) -> None:
    own(tree, mode)
    assert tree.place_of(tree.root + b"/.goodhoster/x") == Place(tree.root, b".goodhoster/x")


def test_a_link_of_that_name_hides_nothing(tree: Tree) -> None:
    (own(tree, 0o700)).rename(Path(os.fsdecode(tree.root)) / "private")
    os.symlink(b"private", tree.root + b"/.goodhoster")
    assert not tree.is_ours(b".goodhoster/x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory away: run as root")
def test_a_customers_directory_of_that_name_hides_nothing(tree: Tree) -> None:
    os.chown(own(tree, 0o700), 12345, 12345)
    assert not tree.is_ours(b".goodhoster/x")


def test_a_customers_directory_of_that_name_hides_nothing_while_it_is_still_roots(tree: Tree) -> None:
    """Root unpacks a customer's backup, and gives each directory away at the end (GNU tar does)."""
    below = Path(os.fsdecode(tree.root)) / "alice" / ".goodhoster"
    below.mkdir(parents=True)
    below.chmod(0o700)
    assert tree.place_of(tree.root + b"/alice/.goodhoster/x") == Place(tree.root, b"alice/.goodhoster/x")


def test_our_quarantine_on_a_disk_below_the_tree_is_no_place(tree: Tree, disk: Disk) -> None:
    top = disk("tmpfs", at=Path(os.fsdecode(tree.root)) / "alice")
    (top / ".goodhoster").mkdir()
    (top / ".goodhoster").chmod(0o700)
    assert tree.place_of(tree.root + b"/alice/.goodhoster/quarantine/x") is None


def test_our_quarantine_in_a_mounted_directory_is_no_place_by_either_path(tree: Tree, bind: Bind) -> None:
    """Of the same file system as the tree: the number of its device tells nothing."""
    shared = Path(os.fsdecode(tree.root)) / "shared"
    (shared / ".goodhoster").mkdir(parents=True)
    (shared / ".goodhoster").chmod(0o700)
    unmount = bind(shared, shared.with_name("alice"))
    assert tree.is_ours(b"alice/.goodhoster/quarantine/x")
    assert tree.is_ours(b"shared/.goodhoster/quarantine/x")
    unmount()
    assert not tree.is_ours(b"shared/.goodhoster/quarantine/x")


def test_a_quarantine_that_is_gone_hides_nothing(tree: Tree) -> None:
    assert not tree.is_ours(b".goodhoster/x")


def test_a_path_for_people_is_one_line() -> None:
    assert display(b"a\nb\x1b[31m\xff\xe2\x80\xae\xc3\xbc") == r"a\nb\x1b[31m\xff\u202eü"


@pytest.mark.parametrize("path", [b"anna//a.jpg", b"anna/./a.jpg", b"anna/x/../a.jpg", b"anna/a.jpg/", b"./anna/a.jpg"])
def test_a_path_that_is_not_normal_is_the_same_place(path: bytes) -> None:
    tree = Tree(b"/srv/customers", None)
    assert tree.place_of(b"/srv/customers/" + path) == Place(b"/srv/customers", b"anna/a.jpg")


def test_a_path_that_leads_out_of_the_tree_is_no_place_in_it() -> None:
    tree = Tree(b"/srv/customers", None)
    for path in (
        b"/srv/customers/../a.jpg",
        b"/srv/customers/anna/../../a.jpg",
        b"/srv/customers",
        b"/srv/customers2/a",
    ):
        assert tree.place_of(path) is None
    assert tree.place_of(b"/srv/customers/..a/.b") == Place(b"/srv/customers", b"..a/.b")


def test_whoever_is_known_to_own_a_path_comes_before_its_first_directory() -> None:
    owners = {b"/srv/www/site/a.jpg": "anna"}
    tree = Tree(b"/srv", None, owner_of=lambda path: owners.get(path, ""))
    assert tree.customer_of(b"www/site/a.jpg") == "anna"
    assert tree.customer_of(b"www/other/a.jpg") == "www"
    assert tree.customer_of(b"a.jpg") == "unassigned"
