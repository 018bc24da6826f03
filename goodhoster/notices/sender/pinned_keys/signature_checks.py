"""Search for the pinned key that signed a mail.

See `smime` and `openpgp`. `pool` runs it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from goodhoster.errors import MissingProgramError, NotWholeError, UnreadableError
from goodhoster.model.notices import TrustRule
from goodhoster.notices.sender.pinned_keys import openpgp, smime
from goodhoster.notices.sender.pinned_keys.checks import Check, CheckInput
from goodhoster.notices.sender.pinned_keys.signed_part import Kind, SignedPart, signed_part


@dataclass(frozen=True, slots=True)
class Pin:
    """The keys that a notifier's profile pins, as its files hold them; either may be empty."""

    notifier: str
    smime: bytes = b""
    openpgp: bytes = b""

    def of(self, kind: Kind) -> bytes:
        """The keys for signatures of that kind."""
        return self.smime if kind == "smime" else self.openpgp


@dataclass(frozen=True, slots=True)
class SignatureResult:
    """Result of checking a signature on a mail."""

    rules: tuple[TrustRule, ...]
    kind: Kind | None = None
    notifier: str = ""
    """Whose pinned key it was; empty unless every rule passed."""
    signed_at: datetime | None = None
    content: bytes = b""
    """The signed part, and nothing else, where every rule passed."""


_CHECKS: dict[Kind, Callable[[SignedPart, bytes, CheckInput], Check]] = {"smime": smime.check, "openpgp": openpgp.check}


def prove(raw: bytes, pins: Sequence[Pin], given: CheckInput) -> SignatureResult | None:
    """Find the pinned key that signed a mail. Never raises for what is in the mail.

    None when nothing in the mail is signed with S/MIME or OpenPGP.
    """
    try:
        part = signed_part(raw)
    except (NotWholeError, UnreadableError) as error:
        return SignatureResult((_rule("whole", passed=False, why=str(error)),))
    if part is None:
        return None
    whole = _rule("whole", passed=True, why="nothing but the signed part is read")
    pinning = [pin for pin in pins if pin.of(part.kind)]
    if not pinning:
        why = f"no notifier's profile pins a key of this kind ({part.kind})"
        return SignatureResult((whole, _rule("pinned", passed=False, why=why)), part.kind)
    try:
        return _best(part, pinning, whole, given)
    except (MissingProgramError, OSError, ValueError, LookupError) as error:
        missing = isinstance(error, MissingProgramError)
        why = f"{error} is not installed here" if missing else f"it could not be checked: {error}"
        return SignatureResult((whole, _rule("program", passed=False, why=why)), part.kind)


def _best(part: SignedPart, pins: Sequence[Pin], whole: TrustRule, given: CheckInput) -> SignatureResult:
    """Proof for the notifier who owns the key; else for the one for whom most rules passed."""
    checks = [(pin, _CHECKS[part.kind](part, pin.of(part.kind), given)) for pin in pins]
    pin, best = max(checks, key=lambda checked: (checked[1].passed, len(checked[1].rules)))
    rules = (whole, *best.rules)
    if not best.passed:
        return SignatureResult(rules, part.kind)
    return SignatureResult(rules, part.kind, pin.notifier, best.signed_at, best.content)


def _rule(name: str, *, passed: bool, why: str) -> TrustRule:
    return TrustRule(f"signed.{name}", passed, why)
