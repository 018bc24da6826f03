"""What content management systems make of a picture, by the rules of their own paths."""

import pytest

from goodhoster.model.derivatives import derived_from, originals_of

DRUPAL = b"anna/web/sites/default/files/2026-03/a.jpg"
MEDIAWIKI = b"anna/w/images/a/ab/Rug.jpg"
MAGENTO = b"anna/pub/media/catalog/product/r/u/rug.jpg"
WEBPC = b"anna/wp-content/uploads/2026/03/rug.jpg"
HASH = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("derived", "original"),
    [
        (b"anna/web/sites/default/files/styles/large/public/2026-03/a.jpg", DRUPAL),
        (b"anna/web/sites/default/files/styles/large/public/2026-03/a.jpg.webp", DRUPAL),
        (b"anna/w/images/thumb/a/ab/Rug.jpg/120px-Rug.jpg", MEDIAWIKI),
        (b"anna/pub/media/catalog/product/cache/" + HASH + b"/r/u/rug.jpg", MAGENTO),
        (b"anna/wp-content/uploads-webpc/uploads/2026/03/rug.jpg.webp", WEBPC),
    ],
)
def test_what_is_made_tells_its_original(derived: bytes, original: bytes) -> None:
    assert original in originals_of(derived)
    assert any(
        len(wanted) == len(derived.split(b"/"))
        and all(want in {None, name} for want, name in zip(wanted, derived.split(b"/"), strict=True))
        for wanted in derived_from(original)
    )


@pytest.mark.parametrize(
    "path",
    [
        DRUPAL,
        MEDIAWIKI,
        b"anna/www/rug-160x230.jpg",
        b"anna/www/rug-scaled.jpg",
        b"anna/www/files/styles/a.jpg",
        b"anna/www/files/styles/large/public",
        b"anna/www/images/thumb/rug.jpg",
        b"anna/www/images/thumb/x/yz/Rug.jpg/120px-Rug.jpg",
    ],
)
def test_no_other_path_tells_one(path: bytes) -> None:
    assert originals_of(path) == []


def test_of_what_was_made_nothing_more_is_made() -> None:
    assert derived_from(b"anna/files/styles/large/public/a.jpg") == []
