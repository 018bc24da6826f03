"""Checks of sealed evidence: can it be sealed, is all of it sealed, and is it still there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from goodhoster.assembly.evidence_services import evidence_directory, logged_pieces
from goodhoster.assembly.services import Services
from goodhoster.errors import EvidenceError, GoodhosterError
from goodhoster.model.sealed_evidence import EvidenceState
from goodhoster.settings import Settings
from goodhoster_agent.doctor.finding import DoctorFinding

_WHAT = "evidence"
_LEAST_ROOM = 1 << 30


def evidence_findings(settings: Settings) -> Iterator[DoctorFinding]:
    """The findings about sealed evidence; nothing is made where none is configured."""
    configured, directory = settings.evidence.recipients, evidence_directory(settings)
    if not configured and not directory.is_dir():
        detail = "[evidence] recipients is not set: nothing that is taken offline is sealed"
        yield DoctorFinding(_WHAT, ok=True, detail=detail)
        return
    try:
        with Services(settings) as services:
            yield from _stored(services)
            if configured:
                yield from _sealing(services)
    except (GoodhosterError, OSError) as error:
        hint = getattr(error, "hint", "") or "see docs/how-to-evidence.md"
        yield DoctorFinding(_WHAT, ok=False, detail=f"it cannot be checked: {error}", hint=hint)


def _stored(services: Services) -> Iterator[DoctorFinding]:
    store = services.evidence.store
    states: Counter[EvidenceState] = Counter()
    for evidence in store.each(logged_pieces(services.settings)):
        if isinstance(evidence, EvidenceError):
            yield DoctorFinding(_WHAT, ok=False, detail=str(evidence), hint=evidence.hint)
        else:
            states[evidence.state] += 1
    counted = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items())) or "nothing is sealed yet"
    lost = bool(states[EvidenceState.MISSING])
    hint = "goodhoster evidence list --state missing; restore the files from a backup" if lost else ""
    yield DoctorFinding(_WHAT, ok=not lost, detail=f"{store.directory}: {counted}", hint=hint)


def _sealing(services: Services) -> Iterator[DoctorFinding]:
    pending, evidence = services.evidence.pending_seals, services.settings.evidence
    waiting = sum(1 for _ in pending.waiting())
    if waiting and services.rules.enforce:
        hint = "goodhoster status says why; the daemon tries again"
        yield DoctorFinding(_WHAT, ok=False, detail=f"{waiting:,} files in quarantine are not sealed yet", hint=hint)
    if pending.sealer.recipients_differ():
        hint = "two persons order it: goodhoster evidence recipients --reason …"
        yield DoctorFinding(_WHAT, ok=False, detail="others are configured as recipients than are sealed to", hint=hint)
    disk = os.statvfs(services.evidence.store.directory)
    free = disk.f_bavail * disk.f_frsize
    if free < evidence.leave_free + _LEAST_ROOM:
        hint = "make room, or set [evidence] directory to another disk"
        yield DoctorFinding(_WHAT, ok=False, detail=f"only {free:,} bytes are free to seal to", hint=hint)
