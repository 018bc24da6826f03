"""Which names beside a picture are other sizes of it, as content management systems make them.

WordPress: `name-300x200.jpg`, `name-scaled.jpg`, `name-rotated.jpg`, `name-e1712345678901.jpg`; for dense screens
`name@2x.jpg`; in another format `name.jpg.webp`, `name-300x200.webp`.
"""

from __future__ import annotations

import re

_SUFFIX = rb"(?:-\d{1,5}x\d{1,5}|-scaled|-rotated|-e\d{10,13}|@[23]x)"
_FORMATS = rb"(?:jpe?g|png|gif|webp|avif|bmp|heic|jxl)"
_NAME = re.compile(rb"(?P<stem>.+?)%s*\.%s(?:\.(?:webp|avif))?" % (_SUFFIX, _FORMATS), re.IGNORECASE | re.DOTALL)


def stem_of(name: bytes) -> bytes | None:
    """What all sizes of one picture have in common; None for what is no picture by its name."""
    found = _NAME.fullmatch(name)
    return found["stem"] if found else None


def variants(name: bytes, names: list[bytes]) -> list[bytes]:
    """The other names that are sizes of the same picture."""
    stem = stem_of(name)
    return [other for other in names if other != name and stem is not None and stem_of(other) == stem]
