"""Every error of ours is in one tree, and the tree is told."""

import ast
import inspect
from pathlib import Path

from goodhoster import errors

CHECKOUT = Path(__file__).parents[2]
STANDALONE = {"NotVerifiedError", "NotCheckedError"}
"""Of the verifier, which runs without the rest."""


def test_the_tree_in_the_docstring_has_every_error() -> None:
    told = set((errors.__doc__ or "").split())
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    assert [name for name, found in classes.items() if issubclass(found, Exception) and name not in told] == []
    assert all(issubclass(found, errors.GoodhosterError) for found in classes.values() if issubclass(found, Exception))


def test_no_error_grows_beside_the_tree() -> None:
    roots = {"Exception", "ValueError", "RuntimeError"}  # one of the system's own kind (OSError) is read as such
    beside = {
        node.name
        for package in ("goodhoster", "agent")
        for path in (CHECKOUT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and roots & {base.id for base in node.bases if isinstance(base, ast.Name)}
    }
    assert beside - {"GoodhosterError"} == STANDALONE
