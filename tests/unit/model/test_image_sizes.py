"""Which files are, by their names, sizes of one picture."""

import pytest

from goodhoster.model.image_sizes import are_sizes, beginning
from goodhoster.model.uploads import Place


@pytest.mark.parametrize(
    "name",
    [
        *(b"p-150x150.jpg", b"p-scaled.JPG", b"p-rotated.jpeg", b"p-e1712345678901.png"),
        *(b"p@2x.jpg", b"p.webp", b"p.jpg.avif", b"p-150x150.jpg.webp"),
    ],
)
def test_as_a_cms_names_them(name: bytes) -> None:
    assert are_sizes(Place(b"/srv", b"anna/p.jpg"), Place(b"/srv", b"anna/" + name))
    assert are_sizes(Place(b"/srv", b"anna/" + name), Place(b"/srv", b"anna/p.jpg"))


@pytest.mark.parametrize(
    "path",
    [
        *(b"anna/p.jpg", b"anna/p-1.jpg", b"anna/pp.jpg", b"anna/p.txt", b"anna/p", b"anna/q-150x150.jpg"),
        *(b"bert/p-150x150.jpg", b"p-150x150.jpg", b"anna/p-150x150.jpg/p-150x150.jpg"),
    ],
)
def test_what_is_none(path: bytes) -> None:
    assert not are_sizes(Place(b"/srv", b"anna/p.jpg"), Place(b"/srv", path))


def test_not_in_another_tree() -> None:
    assert not are_sizes(Place(b"/srv", b"anna/p.jpg"), Place(b"/home", b"anna/p-150x150.jpg"))


def test_how_all_of_them_begin() -> None:
    assert beginning(Place(b"/srv", b"anna/\xff-150x150.jpg")) == Place(b"/srv", b"anna/\xff")
    assert beginning(Place(b"/srv", b"anna/letter.txt")) is None
