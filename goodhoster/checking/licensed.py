"""Fingerprints by a licensed library that the hoster brings along (PhotoDNA)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from goodhoster.errors import ConfigurationError, UncheckedError
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind, Pixels
from goodhoster.ports import LicensedFingerprinter

GROUP = "goodhoster.fingerprinters"
"""Entry points in this group make a `LicensedFingerprinter` when they are called without arguments."""
MOST = 4096
"""Bytes of a fingerprint."""
NOT_TAKEN = "no-licensed-fingerprint"
"""Reason of a fault: the library broke over the picture, or altogether."""


def expect_installed(name: str) -> None:
    """ConfigurationError when no library of that name is installed. None is loaded for it."""
    known = sorted({point.name for point in entry_points(group=GROUP)})
    if name not in known:
        hint = f"install it beside goodhoster; there are: {', '.join(known) or 'none'}"
        raise ConfigurationError(f"[hashing] photodna: no library {name[:80]!r} is in the group {GROUP}", hint=hint)


def library_named(name: str) -> LicensedFingerprinter:
    """The library, loaded into this process. One that cannot be loaded says so of each picture."""
    try:
        (point,) = entry_points(group=GROUP, name=name)
        make: Callable[[], LicensedFingerprinter] = point.load()
        return make()
    except Exception as error:  # noqa: BLE001 - somebody else's code: pictures are opened without it
        return _Broken(error)


def fingerprint_by(library: LicensedFingerprinter, picture: Pixels) -> Fingerprint:
    """What the library says of a picture. UncheckedError (`no-licensed-fingerprint`) when that is no fingerprint."""
    try:
        value: Any = library.fingerprint(picture)  # somebody else's code may not keep to its types
    except MemoryError:
        raise
    except Exception as error:  # nor to anything, over an outsider's bytes
        raise UncheckedError(f"the licensed library failed: {error!r}"[:200], reason=NOT_TAKEN) from error
    if not isinstance(value, bytes) or len(value) > MOST:
        raise UncheckedError("the licensed library gave no fingerprint", reason=NOT_TAKEN)
    return Fingerprint(FingerprintKind.PHOTODNA, value, 100 if value else 0)


class _Broken:
    """Stands for a library that could not be loaded."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def fingerprint(self, _picture: Pixels) -> bytes:
        """There is none."""
        raise self._error
