"""Evaluation of one signature on one mail, rule by rule until one fails.

A matching DKIM signature is necessary and not sufficient. All of these must hold: a signer of the author's
organisation; the whole body and the headers that matter signed, by an algorithm of today; a strong key that is not on
trial; a match; a profile that lists the signer; no copy of the mail believed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from goodhoster.errors import PassingError
from goodhoster.model.notices import (
    DkimKey,
    Forwarder,
    Notifier,
    NotifierKind,
    SeenMail,
    TrustFinding,
    TrustLevel,
    TrustRule,
)
from goodhoster.notices.sender.authentication_results import own_passes
from goodhoster.notices.sender.dkim_signatures import PublicKey, Signature, matches, public_key
from goodhoster.notices.sender.domains import same_organisation, within
from goodhoster.notices.sender.mail_evidence import SIGNED_ONCE, MailEvidence
from goodhoster.notices.sender.signed_headers import why_encoding_is_ambiguous
from goodhoster.ports import KeyRecords, SeenMails

_COPIES_WITHIN = timedelta(hours=1)
"""Copies that come within this are taken for one mail to several of our addresses (a mail server may have kept one
waiting): believed, but never acted on by themselves.
"""
ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})


@dataclass(frozen=True, slots=True)
class TrustContext:
    """Common context of all evaluations."""

    notifiers: Sequence[Notifier]
    keys: KeyRecords
    seen: SeenMails
    authserv_id: str = ""
    """The name that our own mail server writes into Authentication-Results; empty: its results are not used."""
    forwarders: Sequence[Forwarder] = ()

    def owner(self, domain: str) -> Notifier | None:
        """Notifier with this signing domain or one above it in its profile."""
        return next((notifier for notifier in self.notifiers if within(domain, notifier.domains)), None)

    def first_time(self, fingerprint: bytes, mail: SeenMail) -> tuple[TrustRule, str]:
        """Rule on whether the mail is no replay, and the receipt of the mail it is a copy of.

        The receipt is that of the very same mail. Sent to two of our addresses, a mail comes twice; whoever
        sends it again later wants it to be done again.
        """
        first = self.seen.first(fingerprint, mail)
        if first.receipt == mail.receipt:
            return TrustRule("mail.first-time", passed=True, why="no copy of this mail was believed before"), ""
        if mail.at - first.at > _COPIES_WITHIN:
            why = "a copy of this mail was believed before: a replay"
            return TrustRule("mail.first-time", passed=False, why=why), ""
        why = f"the same mail as {first.receipt}, shortly after it"
        return TrustRule("mail.first-time", passed=True, why=why), first.receipt

    def first_copy(self, evidence: MailEvidence, mail: SeenMail, *, signed_id: bool = True) -> tuple[TrustRule, str]:
        """Rule on whether this is the first copy of the whole mail, and which one it is a copy of.

        A forwarder changes a mail's text, each time in another way: where one is pinned, a mail is recognised
        by its Message-ID alone, whichever way it comes. A Message-ID that nobody signed says nothing.
        """
        rule, copy_of = self.first_time(evidence.fingerprint, mail)
        by_id = self.first_time(evidence.fingerprint_by_id, mail)  # noted in any case: one may be pinned later
        telling = signed_id and self.forwarders and rule.passed and not copy_of
        return by_id if telling else (rule, copy_of)

    def records(self, pinned: Sequence[DkimKey], name: str) -> tuple[str, ...]:
        """Texts of a key's DNS records; only pinned ones where there are any.

        PassingError when no server answered.
        """
        if not pinned:
            return self.keys.texts(name)
        own = (key for key in pinned if f"{key.selector}._domainkey.{key.domain}".lower() == name.lower())
        return tuple(key.record for key in own)


@dataclass(slots=True)
class DkimEvaluation:
    """The rules tried so far on one signature."""

    context: TrustContext
    evidence: MailEvidence
    signature: Signature
    rules: list[TrustRule] = field(default_factory=list)
    passing: bool = False
    proof: Literal["dkim", "authserv", ""] = ""
    copy_of: str = ""

    def finding(self, mail: SeenMail) -> TrustFinding:
        """Evaluate how far this signature makes the mail trusted.

        May look up a key, and records a mail that is believed.
        """
        self.rules = list(self.evidence.rules)
        if not (self._covers_enough() and self._is_verified(mail)):
            return self._found(TrustLevel.UNAUTHENTICATED)
        owner = self.context.owner(self.signature.domain)
        if owner is None:
            self._rule("notifier.registered", passed=False, why=f"{self.signature.domain} is in no notifier's profile")
            return self._found(TrustLevel.AUTHENTICATED)
        self._rule("notifier.registered", passed=True, why=f"{self.signature.domain} is in the profile of {owner.id}")
        if not self._is_no_replay(mail):
            return self._found(TrustLevel.UNAUTHENTICATED)
        return self._found(level_of(owner), owner.id)

    def _is_no_replay(self, mail: SeenMail) -> bool:
        rule, self.copy_of = self.context.first_copy(self.evidence, mail)
        self.rules.append(rule)
        return rule.passed

    def _found(self, level: TrustLevel, notifier: str = "") -> TrustFinding:
        proof = "" if level is TrustLevel.UNAUTHENTICATED else self.proof
        return TrustFinding(level, notifier, proof, tuple(self.rules), self.copy_of, self.passing)

    def _rule(self, name: str, *, passed: bool, why: str) -> bool:
        self.rules.append(TrustRule(name, passed, why))
        return passed

    def _covers_enough(self) -> bool:
        """Whether the signature covers enough, if it verifies.

        Asked before any key is fetched.
        """
        signature, author = self.signature, self.evidence.author
        unsigned = [name for name in SIGNED_ONCE if name not in signature.signed]
        encoding = why_encoding_is_ambiguous(self.evidence.mail, self.evidence.raw, signature.signed)
        algorithm = signature.tags["a"].lower()
        return (
            self._rule(
                "dkim.aligned",
                passed=same_organisation(signature.domain, author),
                why=f"signed by {signature.domain}, written by {author}",
            )
            and self._rule(
                "dkim.whole-body",
                passed=signature.covers_whole_body,
                why="all of the body is signed" if signature.covers_whole_body else "l=: text may have been appended",
            )
            and self._rule(
                "dkim.headers",
                passed=not unsigned,
                why="not signed: " + ", ".join(unsigned) if unsigned else "every header that matters is signed",
            )
            and self._rule("dkim.encoding", passed=not encoding, why=encoding or "the body has one reading")
            and self._rule("dkim.algorithm", passed=algorithm in ALGORITHMS, why=f"a={algorithm[:40]}")
        )

    def _is_verified(self, mail: SeenMail) -> bool:
        """Whether the signature matches, by a key that is strong and not on trial."""
        key = self._key()
        if key is None:
            return False
        strong = self._rule("dkim.strong-key", passed=key.strong, why=f"{key.kind}, {key.bits} bits")
        why = "t=y: its owner only tests it" if key.on_trial else "the key is not marked as a test (t=y)"
        return strong and self._rule("dkim.earnest", passed=not key.on_trial, why=why) and self._matches(key, mail)

    def _key(self) -> PublicKey | None:
        name = self.signature.key_name
        owner = self.context.owner(self.signature.domain)
        pinned = owner.dkim_keys if owner else ()
        try:
            records = self.context.records(pinned, name)
        except PassingError as error:
            self.passing = True
            self._rule("dkim.key", passed=False, why=f"{name}: {error}; asked again later")
            return None
        key = public_key(records[0]) if len(records) == 1 else None
        where = "the profile" if pinned else "DNS"
        self._rule("dkim.key", passed=key is not None, why=f"{len(records)} records for {name} in {where}")
        return key

    def _matches(self, key: PublicKey, mail: SeenMail) -> bool:
        if matches(self.evidence.raw, self.signature, key):
            self.proof = "dkim"
            return self._rule("dkim.match", passed=True, why="the signature matches")
        if mail.own_server and self._matched_before():
            self.proof = "authserv"
            why = f"it matched when {self.context.authserv_id} received it"
            return self._rule("authserv.match", passed=True, why=why)
        return self._rule("dkim.match", passed=False, why="the signature does not match this message")

    def _matched_before(self) -> bool:
        """Whether our own server found this very signature to match.

        Where it does not show which signature, there may be only one: a weak one that matches must not stand
        for another.
        """
        message, signature = self.evidence.mail.message, self.signature
        alone = [other.domain for other in self.evidence.signatures].count(signature.domain) == 1
        all_known = len(self.evidence.signatures) == len(message.get_all("DKIM-Signature", []))
        return any(
            passed.domain == signature.domain
            and passed.selector in {"", signature.tags["s"].lower()}
            and (signature.tags["b"].startswith(passed.begins) if passed.begins else alone and all_known)
            for passed in own_passes(message, self.context.authserv_id)
        )


def level_of(owner: Notifier) -> TrustLevel:
    """Trust level of a proven notifier."""
    if owner.kind is NotifierKind.AUTHORITY:
        return TrustLevel.AUTHORITY
    trusted = owner.kind in {NotifierKind.HOTLINE, NotifierKind.TRUSTED_FLAGGER}
    return TrustLevel.PINNED if trusted else TrustLevel.AUTHENTICATED
