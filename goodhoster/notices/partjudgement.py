"""A mail judged by its signed part (S/MIME, OpenPGP): believed for the key that a notifier's profile pins, whatever
address it comes from, and then only that part of it.
"""

from __future__ import annotations

import hashlib

from goodhoster.model.notices import Belief, Carrier, Notifier, RawNotice, SeenMail, TrustFinding, TrustLevel, TrustRule
from goodhoster.notices.judgement import Court, level_of
from goodhoster.notices.letter import Letter
from goodhoster.notices.proving import Proof
from goodhoster.notices.statement import calls_itself_trial, statement


def belief_in_part(court: Court, letter: Letter, mail: SeenMail) -> Belief | None:
    """None when nothing in it is signed so, or no profile pins such a key. Notes a mail that is believed."""
    proof = court.proving.prove(letter.raw, mail.at) if court.proving else None
    if proof is None:
        return None
    owner = next((notifier for notifier in court.notifiers if notifier.id == proof.notifier), None)
    rules = (*letter.rules, *proof.rules)
    if owner is None:
        return _not_believed(letter, rules)
    trial = calls_itself_trial(letter, proof.content)
    why = "it says that this is a trial, and nobody signed it" if trial else "it changes nothing of what is signed"
    rules = (*rules, TrustRule("signed.subject", not trial, why))
    if trial:
        return _not_believed(letter, rules)
    rule, copy_of = _first_time(court, letter, proof, mail)
    if not rule.passed:
        return _not_believed(letter, (*rules, rule))
    trust = TrustFinding(level_of(owner), owner.id, proof.kind or "", (*rules, rule), copy_of)
    return Belief(trust, _signed(letter, proof, owner))


def _first_time(court: Court, letter: Letter, proof: Proof, mail: SeenMail) -> tuple[TrustRule, str]:
    """All of the mail is noted, too: sent again as it is, it must not be believed for its DKIM signature instead."""
    rule, copy_of = court.first_time(_fingerprint(proof), mail)
    return (rule, copy_of) if copy_of or not rule.passed else court.first_copy(letter, mail, signed_id=False)


def _signed(letter: Letter, proof: Proof, owner: Notifier) -> RawNotice:
    return RawNotice(Carrier.MAIL, statement(letter, proof.content, owner))


def _not_believed(letter: Letter, rules: tuple[TrustRule, ...]) -> Belief:
    return Belief(TrustFinding(TrustLevel.UNAUTHENTICATED, rules=rules), RawNotice(Carrier.MAIL, letter.raw))


def _fingerprint(proof: Proof) -> bytes:
    """Of what was signed and when: a Message-ID outside of it can be changed by anybody, and so can the bytes of some
    kinds of signature.
    """
    when = proof.signed_at.isoformat() if proof.signed_at else ""
    words = hashlib.sha256(b" ".join(proof.content.split())).digest()
    return hashlib.sha256(b"signed part\0" + when.encode() + b"\0" + words).digest()
