"""Checks of S/MIME and OpenPGP signatures in a separate process.

Signatures are as hostile as any mail.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from datetime import datetime

from goodhoster.linux.child_process import USUAL, Children, PoolLimits
from goodhoster.model.notices import Notifier, TrustRule
from goodhoster.notices.reading.mail import LARGEST_MAIL
from goodhoster.notices.sender.pinned_keys.signature_checks import SignatureResult
from goodhoster.notices.sender.pinned_keys.signed_part import may_be_signed

SEARCH = os.pathsep.join((os.defpath, "/usr/local/bin"))
"""Where its programs (openssl, gpgv) are looked for, as PATH."""


class SignatureCheckPool:
    """Child process for signature checks, shared by threads.

    Each thread waits for the child to be free. No child is started before it is needed.
    """

    def __init__(self, notifiers: Sequence[Notifier], limits: PoolLimits = USUAL, search: str = SEARCH) -> None:
        self._pins = [_pin(notifier) for notifier in notifiers if notifier.smime_certificates or notifier.openpgp_keys]
        self._search = search
        self._children = Children("goodhoster.notices.sender.pinned_keys.child", limits)

    def prove(self, raw: bytes, at: datetime) -> SignatureResult | None:
        """Find the pinned key that signed this mail, received at that time.

        None when nothing in it is signed so, or no profile pins such a key. A check that broke a limit is a
        rule that failed.
        """
        if not self._pins or len(raw) > LARGEST_MAIL or not may_be_signed(raw):
            return None
        asked = {"raw": _text(raw), "pins": self._pins, "at": at.isoformat(), "search": self._search}
        try:
            return self._children.ask(json.dumps(asked).encode(), _proof)
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"checking it failed or took too long ({type(error).__name__})"
            return SignatureResult((TrustRule("signed.program", passed=False, why=why),))

    def close(self) -> None:
        """End every child. May be called twice."""
        self._children.close()


def _pin(notifier: Notifier) -> dict[str, str]:
    return {
        "notifier": notifier.id,
        "smime": _text(notifier.smime_certificates),
        "openpgp": _text(notifier.openpgp_keys),
    }


def _proof(answer: bytes) -> SignatureResult | None:
    told = json.loads(answer)
    if told is None:
        return None
    signed_at = datetime.fromisoformat(told["signed_at"]) if told["signed_at"] else None
    rules = tuple(TrustRule(**rule) for rule in told["rules"])
    return SignatureResult(rules, told["kind"], told["notifier"], signed_at, base64.b64decode(told["content"]))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
