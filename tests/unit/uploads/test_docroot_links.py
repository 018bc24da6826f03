"""What a link below a docroot leads to is served, for as long as the link is there; bounded."""

import os
from pathlib import Path

import pytest

from goodhoster.model.uploads import Place
from goodhoster.uploads.trees import Tree

MESSAGE = b"1700000000.M1P2.mail:2,S"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "anna/Maildir" / name).mkdir(parents=True)
    (tmp_path / "anna/Maildir/cur" / os.fsdecode(MESSAGE)).write_bytes(b"\x89PNG\r\n\x1a\n made up")
    (tmp_path / "anna/.thunderbird/x").mkdir(parents=True)
    (tmp_path / "anna/www").mkdir()
    return Tree(os.fsencode(tmp_path), None)


def link(tree: Tree, name: bytes, target: bytes) -> bytes | None:
    path = os.path.join(tree.root, name)
    os.symlink(target, path)
    return tree.find_link(path)


def covers(tree: Tree) -> bool:
    return tree.covers(Place(tree.root, b"anna/Maildir/cur/" + MESSAGE))


@pytest.mark.parametrize("target", [b"../Maildir/cur", b"../Maildir", b"..", b"../Maildir/cur/" + MESSAGE, b"/"])
def test_what_a_link_leads_to_is_served_while_the_link_is_there(tree: Tree, target: bytes) -> None:
    assert not covers(tree)
    assert link(tree, b"anna/www/pics", target) is not None
    assert covers(tree)
    assert tree.find_link(os.path.join(tree.root, b"anna/www/pics")) is None, "it is known"
    os.unlink(os.path.join(tree.root, b"anna/www/pics"))
    assert not covers(tree)


def test_a_store_that_a_link_leads_into_is_gone_through_as_far_as_it_leads(tree: Tree) -> None:
    assert tree.leaves_alone(b"anna/.thunderbird")
    link(tree, b"anna/www/t", b"../.thunderbird/x")
    assert not tree.leaves_alone(b"anna/.thunderbird")
    assert not tree.leaves_alone(b"anna/.thunderbird/x")
    assert tree.leaves_alone(b"anna/.thunderbird/y")


@pytest.mark.parametrize("target", [b"nowhere/at/all", b"../../bert", b"../../bert/nowhere", b"../www", b"loop"])
def test_other_links_say_nothing(tree: Tree, target: bytes) -> None:
    assert link(tree, b"anna/www/loop", target) is None
    assert not covers(tree)


def test_so_many_links_that_all_a_customer_has_counts_as_served(tree: Tree) -> None:
    served = None
    for number in range(1001):
        os.mkdir(os.path.join(tree.root, b"anna/d%d" % number))
        served = link(tree, b"anna/www/%d" % number, b"../d%d" % number)
    assert served == os.path.join(tree.root, b"anna")
    assert covers(tree)
    assert link(tree, b"anna/www/more", b"../Maildir") is None


def test_with_a_written_reason_links_are_not_looked_at(tree: Tree) -> None:
    assert link(Tree(tree.root, None, "an order"), b"anna/www/pics", b"../Maildir") is None


def test_a_link_that_vanishes_while_it_is_looked_at_leads_nowhere(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer renames it without a pause: each look sees a link that is away when it is read."""
    path = os.path.join(tree.root, b"anna/www/pics")
    away = os.path.join(tree.root, b"anna/www/other")
    os.symlink(b"../Maildir", path)
    real_readlink = os.readlink

    def renamed_just_before(read: bytes) -> bytes:
        if read != path:
            return real_readlink(read)
        os.rename(path, away)
        try:
            return real_readlink(read)
        finally:
            os.rename(away, path)

    monkeypatch.setattr(os, "readlink", renamed_just_before)
    assert tree.find_link(path) is None
    monkeypatch.undo()
    assert tree.find_link(path) is not None
    monkeypatch.setattr(os, "readlink", renamed_just_before)
    assert covers(tree), "what cannot be told is not private"
