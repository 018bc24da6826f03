"""From a Verdict to a Decision. Pure: everything it needs comes in, nothing happens here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.verdicts import Verdict, VerdictKind


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What the hoster set in [policy]."""

    enforce: bool
    storm_customers: int
    measures_per_hour: int


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true around this upload at this moment."""

    overruled: bool
    """A named person restored the same content of the same customer before."""
    customers: int
    """Customers that have this content, this one included."""
    measures_last_hour: int
    """Automatic measures begun in the last hour."""


class Action(StrEnum):
    """What a decision asks the desk to do."""

    NOTHING = "nothing"
    OVERRULED = "overruled"
    OBSERVE = "observe"
    HOLD = "hold"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Decision:
    """An action with its reason in plain words."""

    action: Action
    reason: str


def decide(verdict: Verdict, rules: HouseRules, around: Circumstances) -> Decision:
    """Known content is taken offline; the brake holds what looks like a wrong list (promise G5), and never drops it."""
    if verdict.kind not in {VerdictKind.KNOWN, VerdictKind.NEAR}:
        return Decision(Action.NOTHING, "")
    if around.overruled:
        return Decision(Action.OVERRULED, "a person restored this content of this customer before")
    held = _brake(verdict, rules, around)
    if not rules.enforce:
        return Decision(Action.OBSERVE, f"would be held: {held}" if held else "would be taken offline")
    return Decision(Action.HOLD, held) if held else Decision(Action.QUARANTINE, "known to " + _sources(verdict))


def _brake(verdict: Verdict, rules: HouseRules, around: Circumstances) -> str:
    """Why a person must look first; empty when nobody must."""
    if verdict.kind is VerdictKind.NEAR:
        return "near, not the same: a person decides"
    if around.customers >= rules.storm_customers:
        return f"storm brake: the same content at {around.customers} customers (storm_customers)"
    if around.measures_last_hour >= rules.measures_per_hour:
        return f"storm brake: {around.measures_last_hour} measures in the last hour (measures_per_hour)"
    return ""


def _sources(verdict: Verdict) -> str:
    return ", ".join(sorted({match.source for match in verdict.matches}))
