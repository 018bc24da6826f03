"""The house rules as data: what the hoster set in [policy]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from goodhoster.model.verdicts import NOTICED, OTHER_SIZE, Category, Match


class Treatment(StrEnum):
    """What happens to a file of which a source said yes."""

    RECORD = "record"
    """A case is written down and nothing is done."""
    HOLD = "hold"
    """A person decides."""
    ACT = "act"
    """Taken offline at once, unless the brake holds it."""

    @property
    def weight(self) -> int:
        """The heavier one prevails over the others."""
        return _LIGHTEST_FIRST.index(self)


_LIGHTEST_FIRST = tuple(Treatment)

DEFAULT_TREATMENTS: Mapping[Category, Treatment] = MappingProxyType(
    {
        Category.BASELINE: Treatment.ACT,
        Category.ILLEGAL: Treatment.ACT,
        Category.UNSPECIFIED: Treatment.ACT,
        Category.INVESTIGATIVE: Treatment.HOLD,
        # What police and hotline keep under "other" need not be illegal: it caused the storm of 2021.
        Category.OTHER: Treatment.RECORD,
    }
)


_CUSTOMERS_OF_A_WRONG_LIST = 10


@dataclass(frozen=True, slots=True)
class HouseRules:
    """The house rules as data, made from [policy].

    A changed rule is a changed value, never a changed program.
    """

    enforce: bool
    storm_customers: int
    """The same content at so many customers is a storm."""
    measures_per_hour: int
    """So many contents of one source, or of one customer, that go offline by themselves in an hour are a storm."""
    source_measures_per_hour: int | None = None
    """So many contents of one source that go offline by themselves in an hour are; None: `measures_per_hour`."""
    rate_times: int = 10
    """A source that says yes so many times as often as it used to is a storm."""
    rate_matches: int = 20
    """Fewer matches in an hour say nothing about a rate."""
    treatments: Mapping[Category, Treatment] = field(default_factory=lambda: DEFAULT_TREATMENTS)
    near: Treatment = Treatment.HOLD
    """The most that a match by fingerprint alone may lead to."""
    answers_count_for: float = 30.0
    """Seconds; before a measure that comes later than that after its sources answered, they are asked again."""

    def treatment_of(self, match: Match) -> Treatment:
        """The treatment that this match alone leads to.

        That of its category, and no more than `near` for a fingerprint. `other` never acts, whatever was set,
        and neither does a name. What has the bytes of what a notice took is a person's, always.
        """
        if match.algorithm == NOTICED:
            return Treatment.HOLD
        limits = [self.treatments[match.category]]
        if match.near:
            limits.append(self.near)
        if match.category is Category.OTHER or match.algorithm == OTHER_SIZE:
            limits.append(Treatment.HOLD)
        return min(limits, key=lambda treatment: treatment.weight)

    def heaviest(self, matches: Iterable[Match]) -> Treatment:
        """What these matches lead to together: there must be one at least."""
        return max(map(self.treatment_of, matches), key=lambda treatment: treatment.weight)

    @property
    def source_cap(self) -> int:
        """Contents that one source may take offline in an hour."""
        return self.measures_per_hour if self.source_measures_per_hour is None else self.source_measures_per_hour

    @property
    def share(self) -> int:
        """The most measures of one customer that count against a source.

        One customer with very much known material is no wrong list, and must not keep the source from the
        others.
        """
        return max(1, self.source_cap // _CUSTOMERS_OF_A_WRONG_LIST)
