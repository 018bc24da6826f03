"""Homes that root linked from the top of a tree to another disk: watched as their customer's, or left out."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.assembly.state import trees_of, watched_roots
from goodhoster.model.mover_messages import tree_id
from goodhoster.settings import Settings, load
from goodhoster.uploads.linked_homes import MOST_FOLLOWED, through_home_link
from goodhoster_agent.privileged.mover.trees import KnownTrees

CUSTOMER = 61001
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root, whose links are followed")


class Disks:
    """A watched tree, and a disk beside it with customers' homes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.top, self.disk = folder, folder / "customers", folder / "disk"
        for directory in (self.top / "anna", self.disk / "u1"):
            directory.mkdir(parents=True)
        self.watch = f'path = "{self.top}"'

    def link(self, name: str, target: str | Path, owner: int = 0) -> Path:
        link = self.top / name
        link.symlink_to(target)
        os.lchown(link, owner, owner)
        return link

    def settings(self) -> Settings:
        file = self.folder / "goodhoster.toml"
        file.write_text(f'[agent]\nstate_dir = "{self.folder}/state"\n[[watch]]\n{self.watch}\n')
        return load(file)

    def followed(self) -> list[str]:
        """Real paths of the homes that are watched because of a link."""
        settings = self.settings()
        trees = trees_of(settings)
        assert [tree.root for tree in trees] == watched_roots(settings)
        return [os.fsdecode(tree.root) for tree in trees if tree.is_linked_home]


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    return Disks(Path(os.path.realpath(tmp_path)))


def test_a_linked_home_is_a_tree_of_the_customer_whose_name_the_link_has(disks: Disks) -> None:
    os.chown(disks.disk / "u1", CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1")
    tree = trees_of(disks.settings())[1]
    assert (tree.root, tree.path, tree.is_linked_home) == (bytes(disks.disk / "u1"), bytes(disks.top / "bert"), True)
    assert tree.customer_of(b"www/a.png") == "bert"


def test_a_relative_link_and_one_through_another_of_roots_are_followed(disks: Disks) -> None:
    (disks.disk / "u2").mkdir()
    (disks.folder / "moved").symlink_to(disks.disk)
    disks.link("bert", "../disk/u1")
    disks.link("carl", disks.folder / "moved/u2")
    assert disks.followed() == [f"{disks.disk}/u1", f"{disks.disk}/u2"]


def test_the_mover_knows_the_same_trees(disks: Disks) -> None:
    disks.link("bert", disks.disk / "u1")
    disks.settings()
    home = os.fsencode(disks.disk / "u1")
    assert KnownTrees(disks.folder / "goodhoster.toml")(tree_id(home)) == home


def test_the_register_may_name_the_home_or_the_link(disks: Disks) -> None:
    disks.watch += '\ncustomer = "register"'
    disks.link("bert", disks.disk / "u1")
    known = {os.fsencode(disks.top / "bert/www"): "c-7", os.fsencode(disks.disk / "u1/shop"): "c-8"}
    tree = trees_of(disks.settings(), owner_of=lambda path: known.get(os.path.dirname(path), ""))[1]
    asked = [tree.customer_of(path) for path in (b"www/a.png", b"shop/a.png", b"else/a.png")]
    assert asked == ["c-7", "c-8", "bert"]


def own_link(disks: Disks) -> None:
    disks.link("bert", disks.disk / "u1", owner=CUSTOMER)


def into_the_system(disks: Disks) -> None:
    disks.link("bert", "/usr/share")
    disks.link("carl", "/")


def through_a_link_into_the_system(disks: Disks) -> None:
    (disks.disk / "u2").symlink_to("/usr/share")
    disks.link("bert", disks.disk / "u2")


def nothing_there(disks: Disks) -> None:
    disks.link("bert", disks.disk / "u9")


def a_file(disks: Disks) -> None:
    (disks.disk / "file").touch()
    disks.link("bert", disks.disk / "file")


def where_others_may_rename(disks: Disks) -> None:
    disks.disk.chmod(0o777)
    disks.link("bert", disks.disk / "u1")


def where_a_customer_owns_the_way(disks: Disks) -> None:
    os.chown(disks.disk, CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1")


def through_a_customers_own_link(disks: Disks) -> None:
    (disks.disk / "neighbour").mkdir()
    os.chown(disks.disk / "u1", CUSTOMER, CUSTOMER)
    (disks.disk / "u1/web").symlink_to(disks.disk / "neighbour")
    disks.link("bert", disks.disk / "u1/web")


def through_a_customers_directory_and_back(disks: Disks) -> None:
    (disks.disk / "neighbour").mkdir()
    (disks.disk / "u1/web").mkdir()
    os.chown(disks.disk / "u1", CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1/web/../../neighbour")


def where_everybody_keeps_files(disks: Disks) -> None:
    disks.disk.chmod(0o1777)  # as /tmp: the owner of a directory may rename it there
    os.chown(disks.disk / "u1", CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1")


def at_a_top_that_lies_with_a_customer(disks: Disks) -> None:
    os.chown(disks.folder, CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1")


def in_circles(disks: Disks) -> None:
    (disks.folder / "one").symlink_to("two")
    (disks.folder / "two").symlink_to("one")
    disks.link("bert", disks.folder / "one")


def at_a_top_that_is_a_customers(disks: Disks) -> None:
    os.chown(disks.top, CUSTOMER, CUSTOMER)
    disks.link("bert", disks.disk / "u1")


def around_the_tree(disks: Disks) -> None:
    disks.link("bert", disks.folder)


def within_the_tree(disks: Disks) -> None:
    disks.link("bert", disks.top / "anna")


def the_state_directory(disks: Disks) -> None:
    (disks.folder / "state").mkdir(mode=0o700)
    disks.link("bert", disks.folder / "state")


@pytest.mark.parametrize(
    "made",
    [
        own_link,
        into_the_system,
        through_a_link_into_the_system,
        nothing_there,
        a_file,
        where_others_may_rename,
        where_a_customer_owns_the_way,
        through_a_customers_own_link,
        through_a_customers_directory_and_back,
        where_everybody_keeps_files,
        at_a_top_that_lies_with_a_customer,
        in_circles,
        at_a_top_that_is_a_customers,
        around_the_tree,
        within_the_tree,
        the_state_directory,
    ],
)
def test_none_of_these_is_followed(disks: Disks, made: Callable[[Disks], None]) -> None:
    made(disks)
    assert disks.followed() == []


def test_two_links_to_one_home_and_one_into_another_home_are_one_tree(disks: Disks) -> None:
    for name, target in (("bert", "u1"), ("carl", "u1"), ("dora", "u1/www")):
        (disks.disk / target).mkdir(exist_ok=True)
        disks.link(name, disks.disk / target)
    assert disks.followed() == [f"{disks.disk}/u1"]


def test_no_more_are_followed_than_can_be_looked_after(disks: Disks) -> None:
    for number in range(MOST_FOLLOWED + 5):
        (home := disks.disk / f"h{number:03}").mkdir()
        disks.link(f"c{number:03}", home)
    assert len(disks.followed()) == MOST_FOLLOWED


@pytest.mark.parametrize(
    ("path", "expected"), [("bert/www", "disk/u1/www"), ("bert", "disk/u1"), ("anna/www", "customers/anna/www")]
)
def test_a_web_servers_path_goes_through_the_link_of_a_home(disks: Disks, path: str, expected: str) -> None:
    disks.link("bert", disks.disk / "u1")
    found = through_home_link(os.fsencode(disks.top / path), os.fsencode(disks.top))
    assert found == os.fsencode(disks.folder / expected)


def test_and_not_through_a_customers_own(disks: Disks) -> None:
    link = disks.link("bert", disks.disk / "u1", owner=CUSTOMER)
    assert through_home_link(os.fsencode(link / "www"), os.fsencode(disks.top)) == os.fsencode(link / "www")


def test_and_not_where_a_customer_can_change_what_a_link_of_roots_leads_to(disks: Disks) -> None:
    (disks.disk / "neighbour").mkdir()
    os.chown(disks.disk / "u1", CUSTOMER, CUSTOMER)
    (disks.disk / "u1/web").symlink_to(disks.disk / "neighbour")
    link = disks.link("bert", disks.disk / "u1/web")
    assert through_home_link(os.fsencode(link / "www"), os.fsencode(disks.top)) == os.fsencode(link / "www")
