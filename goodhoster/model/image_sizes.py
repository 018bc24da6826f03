"""Names of other sizes of a picture, as content management systems make them.

WordPress: `name-300x200.jpg`, `name-scaled.jpg`, `name-rotated.jpg`, `name-e1712345678901.jpg`; for dense screens
`name@2x.jpg`; in another format `name.jpg.webp`, `name-300x200.webp`.
"""

from __future__ import annotations

import os
import re

from goodhoster.model.uploads import Place

_SUFFIX = rb"(?:-\d{1,5}x\d{1,5}|-scaled|-rotated|-e\d{10,13}|@[23]x)"
_FORMATS = rb"(?:jpe?g|png|gif|webp|avif|bmp|heic|jxl)"
_NAME = re.compile(rb"(?P<stem>.+?)%s*\.%s(?:\.(?:webp|avif))?" % (_SUFFIX, _FORMATS), re.IGNORECASE | re.DOTALL)


def stem_of(name: bytes) -> bytes | None:
    """What all sizes of one picture have in common; None for what is no picture by its name."""
    found = _NAME.fullmatch(name)
    return found["stem"] if found else None


def beginning(place: Place) -> Place | None:
    """The common prefix of the paths of all sizes of a picture; None for what is no picture."""
    folder, name = os.path.split(place.path)
    stem = stem_of(name)
    return None if stem is None else Place(place.tree, os.path.join(folder, stem))


def ranges(place: Place) -> list[tuple[bytes, bytes]]:
    """The ranges of paths, in sorted order, that contain all sizes of a picture.

    From the first, before the last; other files may be in them, too. Empty if its name is no picture's.
    """
    start = beginning(place)
    return [(start.path + b"-", start.path + b"/"), (start.path + b"@", start.path + b"A")] if start else []


def are_sizes(one: Place, other: Place) -> bool:
    """Two files, by their names two sizes of one picture."""
    return one != other and beginning(one) is not None and beginning(one) == beginning(other)


def variants(name: bytes, names: list[bytes]) -> list[bytes]:
    """The other names that are sizes of the same picture."""
    stem = stem_of(name)
    return [other for other in names if other != name and stem is not None and stem_of(other) == stem]
