"""How far a sender is believed, and by which rules: every one is told, passed or failed, for `notices show`.

A mail is believed for its DKIM signature (see `judgement`) or because the hoster's own mail server found one to match,
a request for its API token. Not believed, whatever they say: ARC (no forwarder can be pinned yet), S/MIME and PGP (no
profile can pin such a key yet), Authentication-Results of other servers.
"""

from __future__ import annotations

import hashlib
import hmac

from goodhoster.model.notices import SeenMail, TrustFinding, TrustLevel, TrustRule
from goodhoster.notices.judgement import Court, Judgement, level_of
from goodhoster.notices.letter import letter_of

_LEVELS = (TrustLevel.UNAUTHENTICATED, TrustLevel.AUTHENTICATED, TrustLevel.AUTHORITY, TrustLevel.PINNED)


class Trust:
    """Judges senders. Threads may share it."""

    def __init__(self, court: Court) -> None:
        self._court = court

    def of_token(self, token: str) -> TrustFinding:
        """Whose API token is this? Compared in constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        for notifier in self._court.notifiers:
            if notifier.token_sha256 and hmac.compare_digest(digest, notifier.token_sha256):
                rule = TrustRule("token.known", passed=True, why=f"the token is that of {notifier.id}")
                return TrustFinding(level_of(notifier), notifier.id, "token", (rule,))
        return unproven("token.known", "the token is not that of a registered notifier")

    def of_mail(self, raw: bytes, mail: SeenMail) -> TrustFinding:
        """Who signed this mail? `mail` is our own copy: that one may be judged again, another copy of a mail that was
        believed is not believed, but for one that comes shortly after. Looks up keys where they are not pinned.
        """
        letter = letter_of(raw)
        if not letter.sound:
            return TrustFinding(TrustLevel.UNAUTHENTICATED, rules=letter.rules)
        found = [Judgement(self._court, letter, signature).finding(mail) for signature in letter.signatures]
        return max(found, key=_how_good, default=_unsigned(letter.rules))


def unproven(rule: str, why: str) -> TrustFinding:
    """The finding about somebody who showed no proof at all."""
    return _unsigned((), TrustRule(rule, passed=False, why=why))


def _unsigned(
    before: tuple[TrustRule, ...],
    rule: TrustRule = TrustRule("dkim.signed", passed=False, why="no usable signature"),  # noqa: B008
) -> TrustFinding:
    return TrustFinding(TrustLevel.UNAUTHENTICATED, rules=(*before, rule))


def _how_good(finding: TrustFinding) -> tuple[int, bool, int]:
    """Further believed first; among equals one that may yet turn out better, then one that failed later."""
    return _LEVELS.index(finding.level), finding.passing, len(finding.rules)
