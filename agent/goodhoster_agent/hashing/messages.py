"""Messages between the pool and a worker: an open file one way, JSON back.

First the exact digests, before anything is opened; then what is inside. A worker that dies in between has told the
digests already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from goodhoster.errors import UncheckedError
from goodhoster.linux.frames import decode, encode
from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import Kind

_LONGEST = 1 << 20
_MEMBER = 200


def longest(members: int) -> int:
    """The most bytes of one answer, for so many members.

    A worker that sends more is not one of ours.
    """
    return _LONGEST + members * _MEMBER


_WORDS = 300
"""Characters of what a worker says in words."""


def encode_digests(content: Content) -> bytes:
    """A worker's first answer."""
    digests = content.digests
    return encode([[digests.md5.hex(), digests.sha1.hex(), digests.sha256.hex()], content.kind, content.size])


def encode_unread(error: UncheckedError) -> bytes:
    """A worker's only answer when the digests could not be taken."""
    return encode([error.reason, str(error)])


def decode_digests(text: bytes) -> Content:
    """The digests that `encode_digests` encoded.

    Raises what `encode_unread` encoded, ValueError for anything else.
    """
    try:
        first, *rest = decode(text)
        if isinstance(first, str):
            raise UncheckedError(_words(rest[0]), reason=_words(first))
        return Content(Digests(*map(bytes.fromhex, first)), Kind(rest[0]), int(rest[1]))
    except (TypeError, IndexError) as error:
        raise ValueError(text[:80]) from error


def encode_inside(content: Content) -> bytes:
    """A worker's second answer."""
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
            pixels=_decode_size(values["pixels"]),
            members=tuple(Digests(*map(bytes.fromhex, member)) for member in values["members"]),
            left_out=int(values["left_out"]),
            fault=None if values["fault"] is None else Fault(*map(_words, values["fault"])),
        )
    except (TypeError, KeyError) as error:
        raise ValueError(text[:80]) from error


def _words(value: Any) -> str:  # noqa: ANN401 - what JSON can say
    """The text on one line, without control sequences, as the file's author may have chosen it."""
    printable = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(printable.split())[:_WORDS]


def _decode_size(value: Any) -> tuple[int, int] | None:  # noqa: ANN401 - what JSON can say
    if value is None:
        return None
    width, height = map(int, value)
    return width, height
