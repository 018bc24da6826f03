"""Evaluation of a mail by the pinned forwarder that passed it on.

Such a forwarder, for example the hoster's own helpdesk, changed the mail and so broke its signature, but sealed (ARC)
that it had matched. Everybody else's ARC is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from goodhoster.errors import PassingError
from goodhoster.model.notices import (
    Belief,
    Carrier,
    Forwarder,
    RawNotice,
    SeenMail,
    TrustFinding,
    TrustLevel,
    TrustRule,
)
from goodhoster.notices.sender.arc import Chain, chain_of, holds
from goodhoster.notices.sender.authentication_results import sealed_passes
from goodhoster.notices.sender.dkim_evaluation import ALGORITHMS, TrustContext, level_of
from goodhoster.notices.sender.dkim_signatures import public_key
from goodhoster.notices.sender.domains import same_organisation
from goodhoster.notices.sender.mail_evidence import SIGNED_ONCE, MailEvidence, mail_evidence_of
from goodhoster.notices.sender.signed_headers import why_encoding_is_ambiguous, without_unsigned


@dataclass(frozen=True, slots=True)
class ForwarderCheck:
    """`SignatureCheck` by the seals (ARC) of pinned forwarders."""

    context: TrustContext
    is_final: bool = False

    def belief(self, raw: bytes, mail: SeenMail) -> Belief | None:
        """Evaluate a forwarded mail, and record it when it is believed.

        None when no forwarder is pinned, or the mail was not passed on with ARC.
        """
        evidence = mail_evidence_of(raw)
        if not self.context.forwarders or evidence.mail.message.get("ARC-Seal") is None:
            return None
        forwarding = _Forwarding(self.context, evidence, list(evidence.rules))
        chain = chain_of(evidence.mail.message)
        if chain is None:
            forwarding.rule(
                "chain", passed=False, why="its sets are not whole, not numbered in order, or more than ten"
            )
            return Belief(forwarding.found(), RawNotice(Carrier.MAIL, raw))
        says = without_unsigned(raw, chain.message.signed)
        return Belief(forwarding.finding(chain, mail), RawNotice(Carrier.MAIL, says))


@dataclass(slots=True)
class _Forwarding:
    """The rules tried so far."""

    context: TrustContext
    evidence: MailEvidence
    rules: list[TrustRule]
    records: dict[str, str] = field(default_factory=dict)
    passing: bool = False

    def rule(self, name: str, *, passed: bool, why: str) -> bool:
        self.rules.append(TrustRule(f"arc.{name}", passed, why))
        return passed

    def found(self, level: TrustLevel = TrustLevel.UNAUTHENTICATED, notifier: str = "") -> TrustFinding:
        return TrustFinding(level, notifier, "arc" if notifier else "", tuple(self.rules), passing=self.passing)

    def finding(self, chain: Chain, mail: SeenMail) -> TrustFinding:
        forwarder = self._forwarder(chain)
        if forwarder is None or not (self._covers_enough(chain) and self._is_verified(chain, forwarder)):
            return self.found()
        author = self.evidence.author
        passed = sealed_passes(chain.results, self.evidence.mail.message)
        vouched = [one.domain for one in passed if same_organisation(one.domain, author)]
        owners = [owner for domain in vouched if (owner := self.context.owner(domain))]
        why = f"{forwarder.domain} found a signature of {author} to match" if vouched else f"none of {author} matched"
        if not self.rule("results", passed=bool(vouched), why=why):
            return self.found()
        registered = TrustRule("notifier.registered", bool(owners), f"{vouched[0]} and the profiles of notifiers")
        self.rules.append(registered)
        if not owners:
            return self.found()
        rule, copy_of = self.context.first_copy(self.evidence, mail)
        self.rules.append(rule)
        if not rule.passed:
            return self.found()
        return TrustFinding(level_of(owners[0]), owners[0].id, "arc", tuple(self.rules), copy_of)

    def _forwarder(self, chain: Chain) -> Forwarder | None:
        """The last sealer, if it is pinned and signed the message as it is now."""
        sealed, signed = chain.seals[-1].domain, chain.message.domain
        pinned = (forwarder for forwarder in self.context.forwarders if forwarder.domain == sealed == signed)
        forwarder = next(pinned, None)
        known = "is" if forwarder else "is not"
        self.rule("forwarder", passed=forwarder is not None, why=f"{sealed} sealed last and {known} a pinned forwarder")
        return forwarder

    def _covers_enough(self, chain: Chain) -> bool:
        """Whether the forwarder signed enough, as for DKIM."""
        signed = chain.message
        unsigned = [name for name in SIGNED_ONCE if name not in signed.signed]
        encoding = why_encoding_is_ambiguous(self.evidence.mail, self.evidence.raw, signed.signed)
        algorithms = {signed.tags["a"].lower(), chain.seals[-1].tags["a"].lower()}
        whole = signed.covers_whole_body
        why = "not signed: " + ", ".join(unsigned) if unsigned else "every header that matters is signed"
        return (
            self.rule("whole-body", passed=whole, why="all of it is signed" if whole else "l=: text may be appended")
            and self.rule("headers", passed=not unsigned, why=why)
            and self.rule("encoding", passed=not encoding, why=encoding or "the body has one reading")
            and self.rule("algorithm", passed=algorithms <= ALGORITHMS, why=", ".join(sorted(algorithms))[:80])
        )

    def _is_verified(self, chain: Chain, forwarder: Forwarder) -> bool:
        names = {chain.seals[-1].key_name, chain.message.key_name}
        try:
            for name in names:
                self._fetch(name, self.context.records(forwarder.keys, name))
            for seal in chain.seals[:-1]:
                self._fetch(seal.key_name, self.context.keys.texts(seal.key_name))
        except PassingError as error:
            self.passing = True
            return self.rule("key", passed=False, why=f"{error}; asked again later")
        return self._has_strong_keys(names) and self._holds()

    def _fetch(self, name: str, texts: tuple[str, ...]) -> None:
        if len(texts) == 1:
            self.records[name.lower()] = texts[0]

    def _has_strong_keys(self, names: set[str]) -> bool:
        keys = [public_key(self.records.get(name.lower(), "")) for name in sorted(names)]
        usable = [key for key in keys if key is not None]
        weak = [f"{key.kind}, {key.bits} bits" for key in usable if not key.strong]
        trial = any(key.on_trial for key in usable)
        return (
            self.rule("key", passed=len(usable) == len(keys), why=f"{len(usable)} of {len(keys)} keys can be used")
            and self.rule("strong-key", passed=not weak, why="; ".join(weak) or "strong")
            and self.rule(
                "earnest",
                passed=not trial,
                why="t=y: only a test" if trial else "the key is not marked as a test (t=y)",
            )
        )

    def _holds(self) -> bool:
        whole = holds(self.evidence.raw, self.records)
        why = "every seal is true, and the mail is as it was sealed" if whole else "the chain is broken, or says so"
        return self.rule("chain", passed=whole, why=why)
