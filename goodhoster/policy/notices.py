"""What a notice may lead to. Pure, as `decide` is."""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.model.notices import NotifierCaps
from goodhoster.policy.decide import Action, Decision
from goodhoster.policy.rules import HouseRules


@dataclass(frozen=True, slots=True)
class NoticeCircumstances:
    """What is true around a file or an address that a notice names."""

    doubt: str
    """Why a person must look first (the sender is not proven, the reading is not certain); empty when nobody must."""
    caps: NotifierCaps
    """How much this notifier may set in motion."""
    measures_last_hour: int
    """Automatic measures for this notifier in the last hour."""
    customer_measures_last_hour: int
    """The same at this customer."""
    overruled: bool = False
    """A named person restored the same content of the same customer before."""
    exempt: str = ""
    """The stated exemption that the file falls under, such as a public CMS release; empty when none."""


def decide_notice(rules: HouseRules, around: NoticeCircumstances) -> Decision:
    """Decide about a file that a notice names.

    A proven notice is acted on without judging it (sector code, addendum of December 2018), reversibly and within
    caps; everything else waits for a person (promise G6). Nothing is dropped.
    """
    held = _hold(around)
    if not rules.enforce:
        return Decision(Action.OBSERVE, f"would be held: {held}" if held else "would be taken offline")
    return Decision(Action.HOLD, held) if held else Decision(Action.QUARANTINE, "named by a proven notice")


def _hold(around: NoticeCircumstances) -> str:
    if around.doubt:
        return around.doubt
    if around.overruled:
        return "a person restored this content of this customer before"
    if around.exempt:
        return f"the file is exempt ({around.exempt}): a person decides"
    if around.measures_last_hour >= around.caps.per_hour:
        return f"cap: {around.measures_last_hour} measures for this notifier in the last hour (per_hour)"
    if around.customer_measures_last_hour >= around.caps.per_customer:
        return f"cap: {around.customer_measures_last_hour} measures at this customer in the last hour (per_customer)"
    return ""
