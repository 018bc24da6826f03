"""The legal basis register: on what ground which source is asked about which tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date

from goodhoster.errors import recording
from goodhoster.model.audit import AuditEvent
from goodhoster.model.customers.legal_basis import LegalBasis
from goodhoster.model.uploads import display
from goodhoster.policy.legal_basis import CheckBasis, checks
from goodhoster.ports import AuditLog, Clock, LegalBasisStore

_FRESH = 5.0
"""Seconds for which what was read counts: another process may change it."""


class LegalBasisRegister:
    """The register. Threads may share it."""

    def __init__(
        self, store: LegalBasisStore, audit: AuditLog, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._audit, self._clock, self._monotonic = store, audit, clock, monotonic
        self._kept: tuple[float, Sequence[LegalBasis]] | None = None

    def decide(self, basis: LegalBasis) -> None:
        """Record a decision; the audit log has it before and after, with what stood there before."""
        before = next((e for e in self._store.entries() if (e.tree, e.source) == (basis.tree, basis.source)), None)
        data = {
            "tree": basis.tree,
            "source": basis.source,
            "basis": basis.basis,
            "until": basis.until.isoformat() if basis.until else None,
            "actor": basis.decided_by,
            "before": before.basis if before else None,
            "before_until": before.until.isoformat() if before and before.until else None,
        }
        self._audit.append(AuditEvent("legal-basis.intended", data))
        self._store.put(basis)
        self._kept = None
        with recording(f"the legal basis of {basis.tree} by {basis.source} is set"):
            self._audit.append(AuditEvent("legal-basis.set", data))

    def checks(self, trees: Sequence[bytes], sources: Sequence[str]) -> tuple[CheckBasis, ...]:
        """What the check of each tree by each source rests on today."""
        return checks(self._entries(), map(display, trees), sources, self.today)

    def ended_sources(self, tree: bytes, sources: Sequence[str]) -> frozenset[str]:
        """The sources that must not be asked about the files of a tree any more."""
        return frozenset(check.source for check in self.checks((tree,), sources) if check.state == "ended")

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self._clock().astimezone(UTC).date()

    def _entries(self) -> Sequence[LegalBasis]:
        kept = self._kept
        if kept is None or self._monotonic() - kept[0] > _FRESH:
            kept = self._kept = self._monotonic(), tuple(self._store.entries())
        return kept[1]
