"""Statistics of removal: intervals of shares, medians that open items do not distort. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

_Z = 1.959963984540054
"""Of the normal distribution, for 95 %."""
_HALF = 0.5
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the confidence interval for 95 % (Wilson 1927)."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        """In percent; None of nothing."""
        return 100 * self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound in percent; None of nothing."""
        n = self.whole
        if not n:
            return None
        p, z2 = self.part / n, _Z * _Z
        middle = p + z2 / (2 * n)
        spread = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        low, high = (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)
        return 100 * (0.0 if self.part == 0 else low), 100 * (1.0 if self.part == n else high)


class Duration(NamedTuple):
    """How long something took, or has been going on without an end yet."""

    hours: float
    ended: bool


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Kaplan-Meier estimate of the share that is still there after so many hours.

    What has no end yet counts for as long as it was watched, and not as an end.
    """

    steps: tuple[tuple[float, float], ...]
    """Hours and the share from then on; begins with (0, 1)."""

    @property
    def median(self) -> float | None:
        """The hours after which half is gone; None where that cannot be told yet."""
        return next((hours for hours, share in self.steps if share <= _HALF + _ROUNDING), None)

    def at(self, hours: float) -> float:
        """The share that is still there at that time."""
        return self.steps[bisect_right(self.steps, hours, key=itemgetter(0)) - 1][1]


def survival(durations: Iterable[Duration]) -> SurvivalCurve:
    """The curve of these durations.

    At the same hour ends come before what is only watched so long.
    """
    ordered = sorted(durations)
    at_risk, share, steps, place = len(ordered), 1.0, [(0.0, 1.0)], 0
    while place < len(ordered):
        hours, begin, ends = ordered[place].hours, place, 0
        while place < len(ordered) and ordered[place].hours == hours:
            ends += ordered[place].ended
            place += 1
        if ends:
            share *= 1 - ends / at_risk
            steps.append((hours, share))
        at_risk -= place - begin
    return SurvivalCurve(tuple(steps))
