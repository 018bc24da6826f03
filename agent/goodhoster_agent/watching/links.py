"""Links at the top of watched trees, and links that lead to one.

A watched path may be a link that an administrator switches to another disk, and a customer's home may be a link to
one. Links are never followed on the way to a file: what lies behind one is covered only where a tree says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster.linux.path_steps import steps_to
from goodhoster.linux.real_paths import real_path
from goodhoster.model.uploads import display
from goodhoster.uploads.linked_homes import home_links
from goodhoster.uploads.trees import Tree

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LinkedHomes:
    """Links of root's at the top of a tree that lead to what is not watched."""

    tree: bytes
    links: tuple[tuple[bytes, bytes], ...]
    """Each with where it leads."""

    def __str__(self) -> str:
        first = ", ".join(f"{display(link)} to {display(target)}" for link, target in self.links[:_SHOWN])
        return (
            f"{len(self.links)} links at the top of {display(self.tree)} lead to what is not watched ({first}): "
            "nothing there is checked; name it in a [[watch]]"
        )


def linked_homes(root: bytes, watched: Sequence[bytes]) -> LinkedHomes | None:
    """Root's links at the top of a tree that lead to what is not watched; None: there are none.

    Targets are not looked at, so that a disk that hangs keeps nobody waiting. May raise OSError.
    """
    found = [
        (each.path, each.target)
        for each in home_links(root)
        if not any(lies_at_or_below(each.target, tree) for tree in watched)
    ]
    return LinkedHomes(root, tuple(found)) if found else None


@dataclass(frozen=True, slots=True)
class SwitchedTree:
    """A watched path that leads elsewhere than when it was read."""

    tree: Tree
    target: bytes
    """Empty where a link to a home is gone."""
    trusted: bool
    """Only root, or we ourselves, made the links on the way, and a directory is there."""

    def __str__(self) -> str:
        path, root, target = map(display, (self.tree.path, self.tree.root, self.target))
        named = f"the link {path}" if self.tree.is_linked_home else f"[[watch]] {path}"
        if not self.target:
            return f"{named} is gone: {root} is not watched any more"
        if self.trusted:
            return f"{named} leads to {target} now: it is watched there, and {root} no longer"
        return f"ALARM: {named} leads to {target} now, and not by root's links to a directory: {root} is watched"


def switched(tree: Tree) -> SwitchedTree | None:
    """The change of where a tree's path leads; None where it leads there as before."""
    if not tree.path:
        return None
    if tree.is_linked_home and not os.path.lexists(tree.path) and os.path.isdir(os.path.dirname(tree.path)):
        return SwitchedTree(tree, b"", trusted=True)
    target = real_path(tree.path)
    if target is None or target == tree.root:
        return None
    return SwitchedTree(tree, target, _is_by_our_links(tree.path) and os.path.isdir(target))


def _is_by_our_links(path: bytes) -> bool:
    """Whether root, or we ourselves, made all links on the way, and it ends."""
    try:
        return all(step.found.st_uid in {0, os.geteuid()} for step in steps_to(path) if step.is_link)
    except OSError:
        return False
