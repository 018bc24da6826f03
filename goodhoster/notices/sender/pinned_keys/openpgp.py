"""OpenPGP signatures (RFC 3156) against pinned keys, by the program gpgv.

gpgv ends with 0 also for an expired or a revoked key, and for any digest it knows: what it tells line by line is read
(GnuPG, doc/DETAILS), not how it ends. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from goodhoster.notices.sender.pinned_keys.checks import Check, CheckInput
from goodhoster.notices.sender.pinned_keys.openpgp_packets import SIGNATURE, binary_of, keys_of, tags_of
from goodhoster.notices.sender.pinned_keys.program_files import run_over
from goodhoster.notices.sender.pinned_keys.signed_part import SignedPart

_GPGV = ("gpgv", "--homedir", "/nonexistent", "--status-fd", "1", "--keyring", "{pinned}", "{signature}", "{content}")
_TOLD = "[GNUPG:] "
_DIGESTS = {"8": "SHA-256", "9": "SHA-384", "10": "SHA-512", "12": "SHA3-256", "14": "SHA3-512"}
_OF_A_DOCUMENT = frozenset({"00", "01"})
_PROBLEMS = {"EXPSIG": "the signature has expired", "EXPKEYSIG": "the key has expired", "REVKEYSIG": "it was revoked"}


@dataclass(frozen=True, slots=True)
class _Valid:
    """Content of gpgv's line VALIDSIG."""

    fingerprint: str
    signed_at: datetime
    digest: str


def check(part: SignedPart, keys: bytes, given: CheckInput) -> Check:
    """Check an OpenPGP signature.

    MissingProgramError without gpgv; OSError or TimeoutError when it could not do its work.
    """
    found = Check(given)
    signature, keyring = _one_signature(part.signature), binary_of(keys)
    if not found.rule("one", passed=bool(signature), why="one signature" if signature else "not exactly one signature"):
        return found
    ended = run_over(_GPGV, {"pinned": keyring, "signature": signature, "content": part.content}, given.search)
    told = [line.removeprefix(_TOLD).split() for line in ended.out.decode("utf-8", "replace").splitlines()]
    if (valid := _valid(told)) is None or ended.code != 0:
        found.rule("match", passed=False, why="it matches none of the pinned keys, or not this text")
        return found
    found.rule("match", passed=True, why=f"the signature matches the pinned key {valid.fingerprint}")
    found.signed_at, found.content = valid.signed_at, part.content
    why = valid.digest or "not by SHA-256 or better"
    if found.rule("digest", passed=bool(valid.digest), why=why) and _good_key(found, keyring, valid, told):
        found.is_recent()
    return found


def _one_signature(written: bytes) -> bytes:
    """Signature without armor; empty unless it is exactly one signature packet."""
    try:
        packets = binary_of(written)
        return packets if tags_of(packets) == [SIGNATURE] else b""
    except (ValueError, IndexError):
        return b""


def _valid(told: Sequence[Sequence[str]]) -> _Valid | None:
    lines = [words[1:] for words in told if words[:1] == ["VALIDSIG"]]
    if len(lines) != 1:
        return None
    fingerprint, _, made, _, _, _, _, digest, kind, *_ = lines[0]
    if kind not in _OF_A_DOCUMENT:
        return None
    return _Valid(fingerprint, datetime.fromtimestamp(int(made), UTC), _DIGESTS.get(digest, ""))


def _good_key(found: Check, keyring: bytes, valid: _Valid, told: Sequence[Sequence[str]]) -> bool:
    words = {line[0] for line in told if line}
    problem = next((why for word, why in _PROBLEMS.items() if word in words), "")
    if problem or "GOODSIG" not in words:
        return found.rule("key", passed=False, why=problem or "gpgv does not call it good")
    key = keys_of(keyring).get(valid.fingerprint)
    strong = key is not None and key.strong
    why = "strong, neither expired nor revoked" if strong else "RSA under 2048 bits, or of a kind that is not known"
    return found.rule("key", passed=strong, why=why)
