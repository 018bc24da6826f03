"""Messages between the pool and a worker: an open file one way, what is inside as JSON back.

No digest of the file itself: the pool takes those, for a worker may have been captured by a file that it opened before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from goodhoster.linux.frames import decode, encode
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import ContentKind

_LONGEST_MESSAGE = 1 << 20
_MEMBER = 200


def longest(members: int) -> int:
    """The most bytes of one answer, for so many members.

    A worker that sends more is not one of ours.
    """
    return _LONGEST_MESSAGE + members * _MEMBER


_LARGEST_NUMBER = 1 << 40
_WORDS = 300
"""Characters of what a worker says in words."""


def encode_order(content: Content) -> bytes:
    """What goes to a worker with the open file."""
    return encode([content.kind, content.size])


def decode_order(text: bytes) -> Content:
    """A content of which nothing is known but its kind and its size."""
    kind, size = decode(text)
    return Content(Digests(b"", b"", b""), ContentKind(kind), size)


def encode_inside(content: Content) -> bytes:
    """A worker's answer."""
    fault = content.fault
    return encode(
        {
            "fingerprints": [str(fingerprint) for fingerprint in content.fingerprints],
            "pixels": content.pixels,
            "members": [[each.md5.hex(), each.sha1.hex(), each.sha256.hex()] for each in content.members],
            "left_out": content.left_out,
            "fault": None if fault is None else [fault.reason, fault.detail],
        }
    )


def decode_inside(text: bytes, content: Content) -> Content:
    """The content with what `encode_inside` encoded. ValueError for anything else."""
    try:
        values = decode(text)
        return replace(
            content,
            fingerprints=tuple(map(Fingerprint.parse, values["fingerprints"])),
            pixels=None if values["pixels"] is None else _decode_size(*values["pixels"]),
            members=tuple(_decode_member(*member) for member in values["members"]),
            left_out=_count(values["left_out"]),
            fault=None if values["fault"] is None else _decode_fault(*values["fault"]),
        )
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(text[:80]) from error


def _words(value: Any) -> str:  # noqa: ANN401 - what JSON can say
    """The text on one line, without control sequences, as the file's author may have chosen it."""
    printable = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(printable.split())[:_WORDS]


def _decode_member(*told: str) -> Digests:
    digests = Digests(*map(bytes.fromhex, told))
    if any(len(digests.of(algorithm).value) != algorithm.width for algorithm in Algorithm):
        raise ValueError("a digest of another length")
    return digests


def _decode_fault(reason: Any, detail: Any) -> Fault:  # noqa: ANN401 - what JSON can say
    fault = Fault(_words(reason), _words(detail))
    if not fault.reason:
        raise ValueError("a fault without a reason")
    return fault


def _decode_size(width: Any, height: Any) -> tuple[int, int]:  # noqa: ANN401 - what JSON can say
    return _count(width), _count(height)


def _count(value: Any) -> int:  # noqa: ANN401 - what JSON can say
    if not isinstance(value, int) or not 0 <= value < _LARGEST_NUMBER:
        raise ValueError("a number out of range")
    return value
