"""May this customer host uploads? Pure: what is known comes in, an answer with reasons out.

What is not known never passes: it is *unchecked*, and no stays no whatever else is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from goodhoster.model.customers.gates import GateAnswer, GateFacts, GateFinding, UploadAnswer
from goodhoster.model.customers.house_rules import CustomerRules


def may_upload(facts: GateFacts, rules: CustomerRules, now: datetime) -> UploadAnswer:
    """Answer whether a customer may host uploads."""
    findings = [finding for finding in _findings(facts, rules, now) if finding.answer is not GateAnswer.YES]
    answer = _worst(findings)
    reasons = tuple(finding.reason for finding in findings)
    if rules.enforce or answer is GateAnswer.YES:
        return UploadAnswer(answer, reasons)
    return UploadAnswer(GateAnswer.YES, reasons, observed=answer)


def _worst(findings: list[GateFinding]) -> GateAnswer:
    answers = {finding.answer for finding in findings}
    if GateAnswer.NO in answers:
        return GateAnswer.NO
    return GateAnswer.UNCHECKED if GateAnswer.UNCHECKED in answers else GateAnswer.YES


def _findings(facts: GateFacts, rules: CustomerRules, now: datetime) -> Iterator[GateFinding]:
    gate = rules.upload
    if facts.ended:
        yield GateFinding(GateAnswer.NO, facts.ended)
    if facts.restricted:
        yield GateFinding(GateAnswer.NO, facts.restricted)
    if gate.vetted:
        yield GateFinding(facts.vetting.answer, f"identity: {facts.vetting.reason}")
    if gate.hash_check_within is not None:
        yield _hash_check(facts, gate.hash_check_within, now)
    if gate.contact_proven:
        yield GateFinding(facts.contact.answer, f"abuse contact: {facts.contact.reason}")
    if gate.contact_answers_within is not None:
        yield _answers(facts, gate.contact_answers_within)


def _hash_check(facts: GateFacts, within: timedelta, now: datetime) -> GateFinding:
    """Obligatory where we cannot look ourselves: there the customer must use our relay."""
    if facts.inspectable is None:
        return GateFinding(GateAnswer.UNCHECKED, "hash check: it is not known whether we have access to its servers")
    if facts.inspectable:
        return GateFinding(GateAnswer.YES, "hash check: ours")
    if not facts.relay_known:
        return GateFinding(GateAnswer.UNCHECKED, "hash check: the relay's figures cannot be read")
    if facts.relay_used_at is None:
        return GateFinding(GateAnswer.NO, "hash check: our relay was never used")
    if now - facts.relay_used_at > within:
        return GateFinding(GateAnswer.NO, f"hash check: our relay was last used on {facts.relay_used_at:%Y-%m-%d}")
    return GateFinding(GateAnswer.YES, "hash check: by our relay")


def _answers(facts: GateFacts, within: timedelta) -> GateFinding:
    hours = within.total_seconds() / 3600
    if facts.contact_silent:
        return GateFinding(GateAnswer.NO, "abuse contact: it did not answer when it was last asked")
    if facts.answered_within is None:
        return GateFinding(GateAnswer.UNCHECKED, "abuse contact: whether it answers was never tried (customers drill)")
    took = facts.answered_within.total_seconds() / 3600
    if facts.answered_within > within:
        return GateFinding(GateAnswer.NO, f"abuse contact: it took {took:.0f} h to answer, {hours:.0f} h are agreed")
    return GateFinding(GateAnswer.YES, "abuse contact: it answers")
