"""From a Verdict to a Decision. Pure: everything it needs comes in, nothing happens here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.storms import Cause
from goodhoster.model.verdicts import NOTICED, OTHER_SIZE, Match, Verdict, VerdictKind
from goodhoster.policy.brake import Braked, brake, exempted
from goodhoster.policy.circumstances import Circumstances
from goodhoster.policy.rules import HouseRules, Treatment

WOULD_BE_TAKEN = "would be taken offline"
"""Reason of what is only observed, and would be acted on."""
_NOTHING_SAID = frozenset({VerdictKind.CLEAR, VerdictKind.UNCHECKED})


class Action(StrEnum):
    """What a decision asks the desk to do."""

    NOTHING = "nothing"
    OVERRULED = "overruled"
    OBSERVE = "observe"
    """Write a case down and touch nothing."""
    HOLD = "hold"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Decision:
    """An action with its reason in plain words."""

    action: Action
    reason: str
    storm: Cause | None = None
    """The storm that holds it."""
    begun: tuple[Braked, ...] = ()
    """Storms that begin with this decision."""


def decide(verdict: Verdict, rules: HouseRules, around: Circumstances) -> Decision:
    """Decide about a match: known content is taken offline, a likely wrong list is held.

    The brake (promise G5) holds and never drops.
    """
    if verdict.kind in _NOTHING_SAID:
        return Decision(Action.NOTHING, "")
    if around.overruled:
        return Decision(Action.OVERRULED, "a person restored this content of this customer before")
    wanted = _decision_if_enforced(verdict, rules, around)
    return wanted if rules.enforce else _only_observed(wanted)


def _decision_if_enforced(verdict: Verdict, rules: HouseRules, around: Circumstances) -> Decision:
    """What the house rules say, whether they are enforced or not."""
    if not verdict.acting:
        return _exempt(verdict, around)
    treatment = rules.heaviest(verdict.acting)
    matches = [match for match in verdict.acting if rules.treatment_of(match) is treatment]
    match treatment:
        case Treatment.RECORD:
            return Decision(Action.OBSERVE, f"recorded only: {_matches_text(matches)}")
        case Treatment.HOLD:
            return Decision(Action.HOLD, f"a person decides: {_matches_text(matches)}")
        case Treatment.ACT:
            return _decision_with_brake(matches, rules, around)


def _decision_with_brake(matches: Sequence[Match], rules: HouseRules, around: Circumstances) -> Decision:
    braking = brake(sorted({match.source for match in matches}), rules, around)
    if braking.held:
        held = braking.held
        return Decision(Action.HOLD, f"storm brake: {held.reason}", held.cause, braking.begun)
    return Decision(Action.QUARANTINE, f"known to {_sources(matches)}", begun=braking.begun)


def _exempt(verdict: Verdict, around: Circumstances) -> Decision:
    """Whatever the treatment of its category: never acted on, and never passed over."""
    exemption = "; ".join(sorted({str(match.exemption) for match in verdict.matches}))
    braking = exempted(sorted({match.source for match in verdict.matches}), exemption, around)
    reason = f"exempt ({exemption}), and yet known to {_sources(verdict.matches)}"
    return Decision(Action.HOLD, reason, braking.held.cause if braking.held else None, braking.begun)


def _only_observed(wanted: Decision) -> Decision:
    """Mode observe: no storm begins where nothing is done."""
    match wanted.action:
        case Action.HOLD:
            return Decision(Action.OBSERVE, f"would be held: {wanted.reason}")
        case Action.QUARANTINE:
            return Decision(Action.OBSERVE, WOULD_BE_TAKEN)
        case _:
            return wanted


def _sources(matches: Sequence[Match]) -> str:
    return ", ".join(sorted({match.source for match in matches}))


def _matches_text(matches: Sequence[Match]) -> str:
    """The matches in words, such as "near in police (illegal)"."""
    return ", ".join(sorted({f"{_how(match)} ({match.category})" for match in matches}))


def _how(match: Match) -> str:
    if match.algorithm == OTHER_SIZE:
        return "by its name another size of a picture that is offline"
    if match.algorithm == NOTICED:
        return "the same bytes as a file that a notice took offline"
    return f"{'near' if match.near else 'known'} in {match.source}"
