"""Trust in a sender, and the rules it follows from.

Every rule is recorded, passed or failed, for `notices show`.

A mail is believed for its DKIM signature (`dkim_evaluation`), where need be because the hoster's own mail server found
it to match; a request for its API token. Further proofs are optional and come by a port (`ports.SignatureCheck`):
S/MIME and OpenPGP by a pinned key (`pinned_keys`), and ARC of a pinned forwarder (`forwarding`). Not believed, whatever
they say: ARC of others, keys that no profile pins, Authentication-Results of other servers.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import replace

from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Belief, Carrier, RawNotice, SeenMail, TrustFinding, TrustLevel, TrustRule
from goodhoster.notices.sender.dkim_evaluation import DkimEvaluation, TrustContext, level_of
from goodhoster.notices.sender.mail_evidence import MailEvidence, mail_evidence_of
from goodhoster.notices.sender.signed_headers import without_unsigned
from goodhoster.ports import SignatureCheck

_LEVELS = (TrustLevel.UNAUTHENTICATED, TrustLevel.AUTHENTICATED, TrustLevel.AUTHORITY, TrustLevel.PINNED)


class Trust:
    """Evaluation of senders. Threads may share it."""

    def __init__(self, context: TrustContext, checks: Sequence[SignatureCheck] = ()) -> None:
        self._context = context
        self._checks = checks

    def of_notice(self, receipt: Receipt, raw: RawNotice) -> Belief:
        """Evaluate the sender of a notice: a mail by its signatures, a request by its token."""
        if receipt.carrier is Carrier.MAIL:
            return self.of_mail(raw.content, SeenMail(receipt.id, receipt.received_at, receipt.own_server))
        return Belief(self._of_request(receipt), raw)

    def _of_request(self, receipt: Receipt) -> TrustFinding:
        """Finding about a request whose token the door accepted for that of this notifier."""
        notifier = next((one for one in self._context.notifiers if one.id == receipt.notifier), None)
        if notifier is None:
            return unproven("token.known", "it came without the token of a registered notifier")
        rule = TrustRule("token.known", passed=True, why=f"it came with the token of {notifier.id}")
        return TrustFinding(level_of(notifier), notifier.id, "token", (rule,))

    def of_token(self, token: str) -> TrustFinding:
        """Find the notifier with this API token. Compared in constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        for notifier in self._context.notifiers:
            if notifier.token_sha256 and hmac.compare_digest(digest, notifier.token_sha256):
                rule = TrustRule("token.known", passed=True, why=f"the token is that of {notifier.id}")
                return TrustFinding(level_of(notifier), notifier.id, "token", (rule,))
        return unproven("token.known", "the token is not that of a registered notifier")

    def of_mail(self, raw: bytes, mail: SeenMail) -> Belief:
        """Evaluate who signed this mail, and which part of it.

        Our own copy is `mail`: that one may be judged again, another copy of a mail that was believed is not
        believed, but for one that comes shortly after. Looks up keys where they are not pinned.
        """
        evidence, whole = mail_evidence_of(raw), RawNotice(Carrier.MAIL, raw)
        if not evidence.sound:
            return Belief(TrustFinding(TrustLevel.UNAUTHENTICATED, rules=evidence.rules), whole)
        final: list[Belief] = []
        for check in self._checks:
            if check.is_final and (belief := check.belief(raw, mail)) is not None:
                if belief.trust.notifier:
                    return belief
                final.append(belief)
        return _best(evidence, [*final, *self._by_dkim(evidence, mail), *self._by_others(raw, mail)])

    def _by_dkim(self, evidence: MailEvidence, mail: SeenMail) -> Iterator[Belief]:
        """The best of its signatures."""
        signed = [
            (DkimEvaluation(self._context, evidence, signature).finding(mail), signature)
            for signature in evidence.signatures
        ]
        if signed:
            trust, signature = max(signed, key=lambda way: _trust_rank(way[0]))
            yield Belief(trust, RawNotice(Carrier.MAIL, without_unsigned(evidence.raw, signature.signed)))

    def _by_others(self, raw: bytes, mail: SeenMail) -> Iterator[Belief]:
        found = (check.belief(raw, mail) for check in self._checks if not check.is_final)
        yield from (belief for belief in found if belief is not None)


def _best(evidence: MailEvidence, ways: Sequence[Belief]) -> Belief:
    """The best proof of the mail; where none succeeded, the rules of all."""
    whole = RawNotice(Carrier.MAIL, evidence.raw)
    if not ways:
        return Belief(_unsigned(evidence.rules), whole)
    best = max(ways, key=lambda way: _trust_rank(way.trust))
    if best.trust.level is not TrustLevel.UNAUTHENTICATED:
        return best
    rules = tuple(dict.fromkeys(rule for way in ways for rule in way.trust.rules))
    return Belief(replace(best.trust, rules=rules), whole)


def unproven(rule: str, why: str) -> TrustFinding:
    """Finding about a sender without any proof."""
    return _unsigned((), TrustRule(rule, passed=False, why=why))


def _unsigned(
    before: tuple[TrustRule, ...],
    rule: TrustRule = TrustRule("dkim.signed", passed=False, why="no usable signature"),  # noqa: B008
) -> TrustFinding:
    return TrustFinding(TrustLevel.UNAUTHENTICATED, rules=(*before, rule))


def _trust_rank(finding: TrustFinding) -> tuple[int, bool, int]:
    """Sort key for findings: the further believed the better.

    Among equals, one that may yet improve is better, then one that failed later.
    """
    return _LEVELS.index(finding.level), finding.passing, len(finding.rules)
