"""Signatures of webhooks.

HMAC over the raw bytes, compared in constant time before anything is read.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from goodhoster.errors import RefusedError
from goodhoster.ports import Clock

TOLERANCE = 300
"""Seconds by which a signed time may differ from ours, as Stripe has it."""
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_TIME = re.compile(r"[0-9]{1,12}")
_MOST_HEADER_PARTS = 16  # parts of a header


def header(headers: Mapping[str, str], name: str) -> str:
    """The header of that name, whatever its case; RefusedError where it is missing."""
    for each, value in headers.items():
        if each.lower() == name.lower():
            return value
    raise RefusedError(f"the message has no {name}", hint="is it the provider's? its signature is needed")


def verify_body(headers: Mapping[str, str], name: str, body: bytes, secret: str) -> None:
    """Compare a header with the HMAC-SHA256 of the body in hexadecimal.

    RefusedError where it is another.
    """
    given = header(headers, name).strip()
    if not _is_right(given, body, secret):
        raise _wrong(name)


def verify_timed(given_header: tuple[str, str], body: bytes, secret: str, clock: Clock) -> datetime:
    """Verify a header (name, value) `t=SECONDS,v1=HEX[,v1=HEX…]` over `SECONDS.body`.

    The time that was signed.

    Several v1 are there while a secret is replaced; one that is right is enough.
    """
    name, value = given_header
    parts = [part.strip().partition("=") for part in value.split(",")[:_MOST_HEADER_PARTS]]
    times = [each for key, _, each in parts if key == "t" and _TIME.fullmatch(each)]
    given = [each for key, _, each in parts if key == "v1"]
    if len(times) != 1:
        raise _wrong(name)
    signed = times[0].encode() + b"." + body
    if not any([_is_right(each, signed, secret) for each in given]):  # noqa: C419 - all of them: no early end to time
        raise _wrong(name)
    now = clock()
    if abs(now.timestamp() - int(times[0])) > TOLERANCE:
        raise RefusedError("the message was signed too long ago, or in the future", hint="compare the clocks")
    return datetime.fromtimestamp(int(times[0]), now.tzinfo)


def sign(body: bytes, secret: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def _is_right(given: str, body: bytes, secret: str) -> bool:
    return bool(_HEX.fullmatch(given)) and hmac.compare_digest(given.lower(), sign(body, secret))


def _wrong(name: str) -> RefusedError:
    return RefusedError(f"{name} is not the provider's signature", hint="compare the secret with the provider's page")
