"""The house rules in words, so that who wrote them can see what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from goodhoster.model.customers.house_rules import CustomerRules, RungRules, UploadGate
from goodhoster.model.customers.standing import Rung

_HOUR = 3600


def explained(rules: CustomerRules) -> tuple[str, ...]:
    """One sentence for each rule."""
    return tuple(_sentences(rules))


def span(time: timedelta) -> str:
    """A time span in words, such as "30 days"."""
    seconds = int(time.total_seconds())
    for size, unit in ((86400, "day"), (_HOUR, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"


def _sentences(rules: CustomerRules) -> Iterator[str]:
    if rules.enforce:
        yield "Mode enforce: gates answer no, and steps of the ladder are taken."
    else:
        yield "Mode observe: every gate answers yes and says what it would answer; no step of the ladder is taken."
    yield from _of_gate(rules.upload)
    ladder = rules.ladder
    yield (
        f"An incident is what happens within {span(ladder.incident)} of its first confirmed fact; it counts for "
        f"{span(ladder.decay)}. What is held, undone, disputed or could not be checked never counts."
    )
    if ladder.silence:
        yield "A contact that lets the time of a drill or a forwarded notice pass is a fact, where our letter arrived."
    else:
        yield "A contact's silence is not a fact."
    for rung in Rung:
        yield _of_rung(rung, ladder.rungs[rung])
    yield (
        "A reseller is measured by the share of its customers with an incident, once there are "
        f"{ladder.reseller_customers} of them; its own incidents count as anybody's."
    )
    yield (
        "No step is skipped, and each rests on an incident after the customer was told of the step before. "
        "An open appeal stops the ladder."
    )
    yield (
        f"A customer may appeal for {rules.appeals.months} months from the day it was informed; a person decides "
        f"within {span(rules.appeals.decide_within)}."
    )


def _of_gate(gate: UploadGate) -> Iterator[str]:
    if gate.vetted:
        yield "Uploads: only for customers who passed vetting. Unknown is unchecked, and does not pass."
    if gate.hash_check_within is not None:
        yield (
            "Uploads: customers on servers that we have no access to must have used our hash check in the last "
            f"{span(gate.hash_check_within)}."
        )
    if gate.contact_proven:
        yield "Uploads: the abuse contact must be proven."
    if gate.contact_answers_within is not None:
        yield f"Uploads: the abuse contact must answer within {span(gate.contact_answers_within)}."
    if gate == UploadGate(vetted=False, hash_check_within=None, contact_proven=False, contact_answers_within=None):
        yield "Uploads: nothing is asked of anybody beside good standing."


def _of_rung(rung: Rung, rule: RungRules) -> str:
    when = [f"at {rule.incidents} {'incident' if rule.incidents == 1 else 'incidents'}"] if rule.incidents else []
    when += [f"for a reseller at {100 * rule.share:g} % of its customers"] if rule.share is not None else []
    if not when:
        return f"{rung}: not used."
    notice = f"announced {span(rule.notice)} before" if rule.notice else "not announced before"
    who = "a person decides, with a reason" if rule.person else "taken by itself"
    undone = f"undone so: {rung.inverse}" if rung.inverse else "it cannot be undone"
    return f"{rung}: {', '.join(when)}; {notice}; {who}. {_capital(rung.measure)}; {undone}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
