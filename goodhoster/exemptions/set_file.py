"""One exemption set as a file: a line with the checksum of the rest, then readable JSON.

    goodhoster exemptions 1 <SHA-256 of all that follows>
    {"name": …, "version": …, "origin": …, "made_at": …, "made_by": …, "contents": [[md5, sha1, sha256], …]}

One file a set, so that a set is replaced as a whole. A digest that was not taken is an empty text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from datetime import datetime

from goodhoster.model.digests import Digests
from goodhoster.model.exemptions import ExemptionSet

_MAGIC = b"goodhoster exemptions 1 "


def pack(made: ExemptionSet) -> bytes:
    """Encode the whole file."""
    told = {
        "name": made.name,
        "version": made.version,
        "origin": made.origin,
        "made_at": made.made_at.isoformat(),
        "made_by": made.made_by,
        "contents": [[each.hex() for each in astuple(content)] for content in made.contents],
    }
    body = json.dumps(told, ensure_ascii=False, indent=0).encode()
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpack(data: bytes) -> ExemptionSet:
    """Decode what `pack` encoded; ValueError says what is wrong with it."""
    head, _, body = data.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ValueError("not an exemption set, or one of another goodhoster")
    if head.removeprefix(_MAGIC) != hashlib.sha256(body).hexdigest().encode():
        raise ValueError("it is not as it was written")
    told = json.loads(body)
    return ExemptionSet(
        name=told["name"],
        version=told["version"],
        origin=told["origin"],
        made_at=datetime.fromisoformat(told["made_at"]),
        made_by=told["made_by"],
        contents=tuple(Digests(*map(bytes.fromhex, content)) for content in told["contents"]),
    )
