"""Every error of ours is in one tree, and the tree is told."""

import inspect

from goodhoster import errors


def test_the_tree_in_the_docstring_has_every_error() -> None:
    told = set((errors.__doc__ or "").split())
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    assert [name for name, found in classes.items() if issubclass(found, Exception) and name not in told] == []
    assert all(issubclass(found, errors.GoodhosterError) for found in classes.values() if issubclass(found, Exception))
