"""Licensed libraries that are installed beside goodhoster.

They are found here, and loaded where pictures are opened.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from goodhoster.errors import ConfigurationError
from goodhoster.model.fingerprints import Pixels
from goodhoster.ports import LicensedFingerprinter

GROUP = "goodhoster.fingerprinters"
"""Entry points in this group make a `LicensedFingerprinter` when they are called without arguments."""


def expect_installed(name: str) -> None:
    """Check that a library of that name is installed, without loading any.

    ConfigurationError when none is.
    """
    known = sorted({point.name for point in entry_points(group=GROUP)})
    if name not in known:
        hint = f"install it beside goodhoster; there are: {', '.join(known) or 'none'}"
        raise ConfigurationError(f"[hashing] photodna: no library {name[:80]!r} is in the group {GROUP}", hint=hint)


def library_named(name: str) -> LicensedFingerprinter:
    """Load the library into this process.

    One that cannot be loaded reports that for each picture.
    """
    try:
        (point,) = entry_points(group=GROUP, name=name)
        make: Callable[[], LicensedFingerprinter] = point.load()
        return make()
    except Exception as error:  # noqa: BLE001 - somebody else's code: pictures are opened without it
        return _Broken(error)


class _Broken:
    """A placeholder for a library that could not be loaded."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def fingerprint(self, _picture: Pixels) -> bytes:
        """Raise the error that loading the library raised."""
        raise self._error
