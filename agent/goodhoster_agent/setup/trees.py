"""From document roots to the trees that hold one directory for each customer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import groupby

USUAL_DOCROOTS = ("public_html", "htdocs", "httpdocs", "html", "www", "web", "public", "domains")
"""Names of the directory in which a site's files lie."""
_KNOWN = ("/var/www/vhosts", "/var/www/clients", "/var/www", "/home")
"""Whatever lies below, each directory directly below is one customer's."""
_OF_THE_SYSTEM = (
    "/usr",
    "/etc",
    "/run",
    "/proc",
    "/sys",
    "/dev",
    "/root",
    "/boot",
    "/var/lib",
    "/var/cache",
)
_TOO_WIDE = frozenset({"/", "/var", "/opt", "/mnt", "/media"})


def trees_above(docroots: Iterable[str]) -> tuple[str, ...]:
    """The trees that cover all of these document roots, without those of the system's own pages."""
    found = {os.path.normpath(each) for each in docroots if os.path.isabs(each)}
    customers = sorted(each for each in found if each != "/" and not _below(each, _OF_THE_SYSTEM))
    known = {_known(each) for each in customers}
    others = [each for each in customers if not _known(each)]
    return without_nested([*filter(None, known), *_above(others, depth=1)])


def without_nested(trees: Iterable[str]) -> tuple[str, ...]:
    """The trees without those that lie in another one: a file must not count twice."""
    kept: list[str] = []
    for tree in sorted(set(trees)):
        if not _below(tree, kept):
            kept.append(tree)
    return tuple(kept)


def _known(docroot: str) -> str:
    return next((tree for tree in _KNOWN if docroot.startswith(tree + "/")), "")


def _above(docroots: Sequence[str], depth: int) -> list[str]:
    """One tree for those that share their first directories; more where it were too wide."""
    found: list[str] = []
    for _, group in groupby(docroots, key=lambda each: each.split("/")[1 : 1 + depth]):
        members = list(group)
        tree = _common(members)
        if tree in _TOO_WIDE and len(members) > 1:
            found += _above(members, depth + 1)
        else:
            found.append(tree)
    return found


def _common(docroots: Sequence[str]) -> str:
    if len(docroots) > 1:
        common = os.path.commonpath(docroots)
        return os.path.dirname(common) if common in docroots else common
    (docroot,) = docroots
    parent = os.path.dirname(docroot)
    customer_above = os.path.basename(docroot) in USUAL_DOCROOTS and os.path.dirname(parent) not in _TOO_WIDE
    tree = os.path.dirname(parent) if customer_above else parent
    return docroot if tree in _TOO_WIDE else tree


def _below(path: str, trees: Iterable[str]) -> bool:
    return any(path == tree or path.startswith(tree + "/") for tree in trees)
