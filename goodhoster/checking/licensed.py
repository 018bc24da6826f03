"""The fingerprint of a picture by a licensed library that the hoster provides (PhotoDNA).

It is loaded by `licensed_libraries`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goodhoster.errors import UncheckedError
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind, Pixels

if TYPE_CHECKING:  # a process that opens files carries no more than that takes
    from goodhoster.ports import LicensedFingerprinter

MOST_FINGERPRINT_BYTES = 4096
"""Bytes of a fingerprint."""
NOT_TAKEN = "no-licensed-fingerprint"
"""Reason of a fault: the library broke over the picture, or altogether."""


def fingerprint_by(library: LicensedFingerprinter, picture: Pixels) -> Fingerprint:
    """The licensed library's fingerprint of a picture.

    UncheckedError (`no-licensed-fingerprint`) when the library returns none.
    """
    try:
        value: Any = library.fingerprint(picture)  # somebody else's code may not keep to its types
    except MemoryError:
        raise
    except Exception as error:  # nor to anything, over an outsider's bytes
        raise UncheckedError(f"the licensed library failed: {error!r}"[:200], reason=NOT_TAKEN) from error
    if not isinstance(value, bytes) or len(value) > MOST_FINGERPRINT_BYTES:
        raise UncheckedError("the licensed library gave no fingerprint", reason=NOT_TAKEN)
    return Fingerprint(FingerprintKind.PHOTODNA, value, 100 if value else 0)
