"""Common input and result of every check of a signed part, of either signature type."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from goodhoster.model.notices import TrustRule

_OLDEST = timedelta(days=7)
"""A mail may lie in queues that long; what is older was sent by somebody who had kept it."""
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CheckInput:
    """Common input of every check."""

    at: datetime
    """When we received the mail: keys must be good then."""
    search: str
    """Where programs are, as PATH."""


@dataclass(slots=True)
class Check:
    """One signature against the keys of one notifier: rules until one fails."""

    given: CheckInput
    rules: list[TrustRule] = field(default_factory=list)
    signed_at: datetime | None = None
    content: bytes = b""
    """What the signature covers, as the program that checked it gave or got it."""

    @property
    def passed(self) -> bool:
        """Whether every rule passed."""
        return all(rule.passed for rule in self.rules)

    def rule(self, name: str, *, passed: bool, why: str) -> bool:
        """Record the result of a rule, and return it."""
        self.rules.append(TrustRule(f"signed.{name}", passed, why))
        return passed

    def is_recent(self) -> bool:
        """Whether it was signed shortly before it came.

        A signature that states no time can be sent again without end.
        """
        signed = self.signed_at
        if signed is None:
            return self.rule("recent", passed=False, why="the signature does not say when it was made")
        recent = -_CLOCKS_DIFFER <= self.given.at - signed <= _OLDEST
        return self.rule("recent", passed=recent, why=f"signed {signed:%Y-%m-%d %H:%M} UTC")
