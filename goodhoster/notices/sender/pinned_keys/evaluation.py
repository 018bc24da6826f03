"""Evaluation of a mail by its signed part (S/MIME, OpenPGP).

It is believed for the key that a notifier's profile pins, whatever address it comes from, and then only that part of
it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from goodhoster.model.notices import Belief, Carrier, Notifier, RawNotice, SeenMail, TrustFinding, TrustLevel, TrustRule
from goodhoster.notices.sender.dkim_evaluation import TrustContext, level_of
from goodhoster.notices.sender.mail_evidence import MailEvidence, mail_evidence_of
from goodhoster.notices.sender.pinned_keys.pool import SignatureCheckPool
from goodhoster.notices.sender.pinned_keys.signature_checks import SignatureResult
from goodhoster.notices.sender.pinned_keys.signed_statement import is_trial_by_subject, statement


@dataclass(frozen=True, slots=True)
class PinnedKeyCheck:
    """`SignatureCheck` by the keys that profiles pin."""

    context: TrustContext
    pool: SignatureCheckPool
    is_final: bool = True

    def belief(self, raw: bytes, mail: SeenMail) -> Belief | None:
        """Evaluate a signed part, and record the mail when it is believed.

        None when nothing in it is signed so, or no profile pins such a key.
        """
        proof = self.pool.prove(raw, mail.at)
        return _belief(self.context, mail_evidence_of(raw), proof, mail) if proof else None


def _belief(context: TrustContext, evidence: MailEvidence, proof: SignatureResult, mail: SeenMail) -> Belief:
    owner = next((notifier for notifier in context.notifiers if notifier.id == proof.notifier), None)
    rules = (*evidence.rules, *proof.rules)
    if owner is None:
        return _not_believed(evidence, rules)
    trial = is_trial_by_subject(evidence, proof.content)
    why = "it says that this is a trial, and nobody signed it" if trial else "it changes nothing of what is signed"
    rules = (*rules, TrustRule("signed.subject", not trial, why))
    if trial:
        return _not_believed(evidence, rules)
    rule, copy_of = _first_time(context, evidence, proof, mail)
    if not rule.passed:
        return _not_believed(evidence, (*rules, rule))
    trust = TrustFinding(level_of(owner), owner.id, proof.kind or "", (*rules, rule), copy_of)
    return Belief(trust, _signed(evidence, proof, owner))


def _first_time(
    context: TrustContext, evidence: MailEvidence, proof: SignatureResult, mail: SeenMail
) -> tuple[TrustRule, str]:
    """Rule on whether the signed part came for the first time.

    The whole mail is recorded, too: sent again as it is, it must not be believed for its DKIM signature instead.
    """
    rule, copy_of = context.first_time(_fingerprint(proof), mail)
    return (rule, copy_of) if copy_of or not rule.passed else context.first_copy(evidence, mail, signed_id=False)


def _signed(evidence: MailEvidence, proof: SignatureResult, owner: Notifier) -> RawNotice:
    return RawNotice(Carrier.MAIL, statement(evidence, proof.content, owner))


def _not_believed(evidence: MailEvidence, rules: tuple[TrustRule, ...]) -> Belief:
    return Belief(TrustFinding(TrustLevel.UNAUTHENTICATED, rules=rules), RawNotice(Carrier.MAIL, evidence.raw))


def _fingerprint(proof: SignatureResult) -> bytes:
    """Fingerprint of what was signed and when.

    A Message-ID outside of it can be changed by anybody, and so can the bytes of some kinds of signature.
    """
    when = proof.signed_at.isoformat() if proof.signed_at else ""
    words = hashlib.sha256(b" ".join(proof.content.split())).digest()
    return hashlib.sha256(b"signed part\0" + when.encode() + b"\0" + words).digest()
