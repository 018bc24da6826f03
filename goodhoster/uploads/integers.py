"""Large numbers in SQLite, where integers are signed and have 64 bits."""

from __future__ import annotations

_HALF = 1 << 63


def signed(number: int) -> int:
    """Fold an integer into the signed 64-bit range.

    Inode numbers go up to 2**64, and an owner may set a file's time to the year 2445. States that fold into one are
    584 years apart.
    """
    return number if -_HALF <= number < _HALF else (number + _HALF) % (1 << 64) - _HALF


def unsigned(number: int) -> int:
    """The inverse, for what is never negative."""
    return number + (1 << 64) if number < 0 else number
