"""A fingerprinter that is not PhotoDNA and nothing like it.

For tests of what carries fingerprints of one that is.
"""

from __future__ import annotations

from goodhoster.model.fingerprints import Pixels

_SIDE = 6
"""Pixels that are looked at in each direction."""


class NotPhotoDna:
    """A `LicensedFingerprinter` for tests: the colours of a few pixels.

    No service knows it, and altered copies are not alike.
    """

    def fingerprint(self, picture: Pixels) -> bytes:
        """The fingerprint of a picture; none of one with fewer pixels than are looked at."""
        if min(picture.width, picture.height) < _SIDE:
            return b""
        places = ((row * picture.height // _SIDE, column * picture.width // _SIDE) for row, column in _GRID)
        pixels = (3 * (row * picture.width + column) for row, column in places)
        return b"".join(picture.rgb[at : at + 3] for at in pixels)


_GRID = [(row, column) for row in range(_SIDE) for column in range(_SIDE)]
