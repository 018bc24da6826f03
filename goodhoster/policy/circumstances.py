"""The facts around an upload at the moment of the decision, gathered so that it is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from goodhoster.model.storms import FILE_CAPS, CapKinds, Cause, Storm


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a source said yes among all contents that were asked about."""

    matches: int = 0
    checks: int = 0


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What one source caused lately."""

    measures_last_hour: int = 0
    """Contents that went offline by it, each once a customer, and of one customer no more than its share; since a
    person last released a storm of this source.
    """
    recent: Rate = Rate()
    """The last hour, counted likewise."""
    past: Rate = Rate()
    """The four weeks that ended a day ago: what built up within a day is no past."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true around this upload at this moment."""

    content: str
    """SHA-256, hexadecimal."""
    overruled: bool = False
    """A named person restored the same content of the same customer before."""
    customer: str = ""
    """Whose upload it is."""
    customers: int = 1
    """Customers that have a file of this content, this one included; of an attempt, those who asked about it."""
    customer_measures_last_hour: int = 0
    """Contents of this customer that went offline by themselves, since a person last released a storm of it."""
    sources: Mapping[str, SourceRecord] = field(default_factory=dict)
    caps: CapKinds = FILE_CAPS
    """What counts together with it."""
    storms: Mapping[Cause, Storm] = field(default_factory=dict)
    """The newest storm of each cause that this upload could belong to."""
