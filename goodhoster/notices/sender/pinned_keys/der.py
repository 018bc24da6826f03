"""DER (ITU-T X.690), as far as separating the parts of a CMS structure needs it.

Definite lengths only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE, SET, INTEGER, OID, UTC_TIME, GENERALIZED_TIME = 0x30, 0x31, 0x02, 0x06, 0x17, 0x18
_HIGH_TAG, _LONG = 0x1F, 0x80
_LONGEST_LENGTH = 4  # bytes


@dataclass(frozen=True, slots=True)
class DerElement:
    """One value with its tag."""

    tag: int
    content: bytes

    def parts(self) -> list[DerElement]:
        """Elements that it consists of. ValueError when it does not consist of elements."""
        return list(_elements(self.content))

    def expect(self, tag: int) -> DerElement:
        """Return itself; ValueError when it is something else."""
        if self.tag != tag:
            raise ValueError(f"tag {self.tag:#x} where {tag:#x} should be")
        return self


def element_of(der: bytes) -> DerElement:
    """The one element of that encoding; ValueError when it is not exactly one."""
    (found,) = _elements(der)
    return found


def _elements(data: bytes) -> Iterator[DerElement]:
    at = 0
    while at < len(data):
        tag, at = data[at], at + 1
        length, at = _length(data, at)
        if tag & _HIGH_TAG == _HIGH_TAG or at + length > len(data):
            raise ValueError("no element of DER")
        yield DerElement(tag, data[at : at + length])
        at += length


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Read a length, and where its content starts."""
    first = int.from_bytes(data[at : at + 1])
    if first < _LONG:
        return first, at + 1
    count = first - _LONG
    if not 0 < count <= _LONGEST_LENGTH or at + 1 + count > len(data):
        raise ValueError("no definite length of DER")
    return int.from_bytes(data[at + 1 : at + 1 + count]), at + 1 + count
