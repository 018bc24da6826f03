"""A trial of a licensed library inside the sandbox, with a made-up picture."""

from __future__ import annotations

import tempfile
from contextlib import closing

from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.pictures import made_up_picture
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.worker_handle import Start, start_here


def trouble_with_library(limits: ReadingLimits, start: Start = start_here) -> str:
    """Why the library that the limits name takes no fingerprint of an ordinary picture.

    Empty when it does.
    """
    with closing(HashingPool(limits, 1, start)) as pool, tempfile.TemporaryFile() as picture:
        picture.write(made_up_picture(1))
        picture.flush()
        content = pool.read(picture.fileno())
    if any(each.kind is FingerprintKind.PHOTODNA and each.matchable for each in content.fingerprints):
        return ""
    return content.fault.detail if content.fault else "it takes no fingerprint of an ordinary picture"
