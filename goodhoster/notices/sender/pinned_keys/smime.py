"""S/MIME signatures (RFC 8551) against pinned certificates, by the program openssl.

Nothing is fetched, and no authority is believed: the signer's own certificate must be one of the pinned ones, so that
no chain, CRL or OCSP answer matters. openssl does not mind SHA-1 in a signature, so its digest is looked at here.
"""

from __future__ import annotations

import re

from goodhoster.notices.sender.pinned_keys.checks import Check, CheckInput
from goodhoster.notices.sender.pinned_keys.cms_signers import CmsSigner, signer_of
from goodhoster.notices.sender.pinned_keys.program_files import run_over
from goodhoster.notices.sender.pinned_keys.signed_part import SignedPart

_KEY_PROBLEM = re.compile(rb"Verify error: ?([\w ,-]{1,80})")
_TO_DER = ("openssl", "cms", "-cmsout", "-inform", "DER", "-outform", "DER", "-in", "{signature}")
_PINNED_ONLY = ("-nointern", "-certfile", "{pinned}", "-CAfile", "{pinned}", "-no-CApath", "-no-CAstore")
_STRONG = ("-partial_chain", "-purpose", "smimesign", "-auth_level", "2")
"""Level 2: RSA from 2048 bits, elliptic curves from 224. A pinned certificate needs no chain."""
_VERIFY = ("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "{signature}", *_PINNED_ONLY, *_STRONG)


def check(part: SignedPart, certificates: bytes, given: CheckInput) -> Check:
    """Check an S/MIME signature.

    MissingProgramError without openssl; OSError or TimeoutError when it could not do its work.
    """
    found = Check(given)
    signer = _signer(part, given)
    if signer is None:
        found.rule("match", passed=False, why="it is not a signature by exactly one signer")
        return found
    found.signed_at = signer.signed_at
    why = signer.digest or "not by SHA-256, SHA-384 or SHA-512"
    if found.rule("digest", passed=bool(signer.digest), why=why) and _matches(found, part, certificates):
        found.is_recent()
    return found


def _signer(part: SignedPart, given: CheckInput) -> CmsSigner | None:
    """Signer as openssl understood it: openssl re-encodes it, and that is what is read here."""
    ended = run_over(_TO_DER, {"signature": part.signature}, given.search)
    try:
        return signer_of(ended.out) if ended.code == 0 else None
    except (ValueError, IndexError):
        return None


def _matches(found: Check, part: SignedPart, certificates: bytes) -> bool:
    inputs = {"signature": part.signature, "pinned": certificates, "content": part.content}
    detached = ("-content", "{content}") if part.content else ()
    moment = ("-attime", str(int(found.given.at.timestamp())))
    ended = run_over((*_VERIFY, *moment, *detached), inputs, found.given.search)
    problem = _KEY_PROBLEM.search(ended.err)
    if ended.code != 0 and problem is None:
        return found.rule("match", passed=False, why="it matches none of the pinned certificates, or not this text")
    if ended.code != 0 and problem is not None:
        return found.rule("key", passed=False, why=problem[1].decode().strip())
    found.content = ended.out
    found.rule("match", passed=True, why="the signature matches a pinned certificate")
    return found.rule("key", passed=True, why="strong, and valid when the mail came")
