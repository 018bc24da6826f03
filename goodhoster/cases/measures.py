"""Carrying a case's measures out and undoing them, file by file; what came of each stands in the case returned.

The desk records the case; the audit log has each intention before its deed. Every function may be called again after a
crash at any point: what is found done is not done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goodhoster.errors import GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, Measure, MeasureKind, MeasureState
from goodhoster.model.quarantine import Whereabouts
from goodhoster.ports import AuditLog, Quarantine


@dataclass(frozen=True, slots=True)
class Measures:
    """Does and undoes."""

    quarantine: Quarantine
    audit: AuditLog

    def carry_out(self, case: Case, *, after_crash: bool = False) -> Case:
        """Take every file of the case offline that is not. Never raises for one that cannot be, or not now: that one
        stays intended. AuditError stops.
        """
        done = [
            measure if measure.state is MeasureState.DONE else self._take_offline(case, number, after_crash=after_crash)
            for number, measure in enumerate(case.measures)
        ]
        return replace(case, measures=tuple(done))

    def undo(self, case: Case) -> tuple[Case, GoodhosterError | None]:
        """Put every file of the case back that is in quarantine; the first refusal is returned, the others go on.
        PassingError when that cannot be done now.
        """
        refusal: GoodhosterError | None = None
        measures = list(case.measures)
        for number in range(len(measures)):
            try:
                measures[number] = self._put_back(case, number)
            except (RefusedError, QuarantineError) as error:
                refusal = refusal or error
        return replace(case, measures=tuple(measures)), refusal

    def _take_offline(self, case: Case, number: int, *, after_crash: bool) -> Measure:
        measure, copy, name = case.measures[number], case.about(number), case.quarantine_id(number)
        try:
            if after_crash and self.quarantine.settle(name, copy.upload) is Whereabouts.QUARANTINE:
                return self._done(case, number, "found done after a crash", event="measure.found-done")
            if measure.state is not MeasureState.FAILED:  # said before its first try
                self._log("measure.intended", **about(case, number), reason=case.reason)
            return self._done(case, number, self.quarantine.take_offline(name, copy.upload, copy.sha256))
        except PassingError as error:
            return self._waits(case, number, f"waits: {error}")
        except RefusedError as error:
            self._log("measure.refused", **_names(case, number), reason=str(error))
            return replace(measure, state=MeasureState.REFUSED, detail=str(error))
        except QuarantineError as error:
            if measure.detail != str(error):  # the same again: said once
                self._log("measure.failed", **_names(case, number), reason=str(error))
            return replace(measure, state=MeasureState.FAILED, detail=str(error))

    def _waits(self, case: Case, number: int, detail: str) -> Measure:
        measure = case.measures[number]
        if measure.detail != detail:  # the same again: said once
            self._log("measure.waits", **_names(case, number), reason=detail)
        return replace(measure, state=MeasureState.INTENDED, detail=detail)

    def _done(self, case: Case, number: int, detail: str, *, event: str = "measure.done") -> Measure:
        """A crash after the entry and before the record finds it done: that is said as such, not as done twice."""
        self._log(event, **_names(case, number), detail=detail)
        return replace(case.measures[number], state=MeasureState.DONE, detail=detail)

    def _put_back(self, case: Case, number: int) -> Measure:
        measure, upload, name = case.measures[number], case.about(number).upload, case.quarantine_id(number)
        if self.quarantine.settle(name, upload) is Whereabouts.QUARANTINE:
            try:
                self.quarantine.put_back(name, upload)
            except QuarantineError:
                if self.quarantine.settle(name, upload) is Whereabouts.QUARANTINE:
                    raise
        return replace(measure, state=MeasureState.UNDONE) if measure.state is MeasureState.DONE else measure

    def _log(self, event: str, **data: str) -> None:
        self.audit.append(AuditEvent(event, data))


def about(case: Case, number: int = 0) -> dict[str, str]:
    """What the audit log says of a case, or of one file of it."""
    copy = case.about(number) if case.measures else None
    upload, sha256 = (copy.upload, copy.sha256) if copy else (case.upload, case.digests.sha256)
    return {
        **_names(case, number),
        "customer": upload.customer,
        "path": str(upload.place),
        "sha256": sha256.hex(),
        "matches": ", ".join(f"{match.source}/{match.algorithm}/{match.category}" for match in case.matches),
        **({"notice": case.notice, "notifier": case.notifier} if case.notice else {}),
    }


def planned(files: Sequence[Measure]) -> tuple[Measure, ...]:
    """The same measures, under way."""
    return tuple(replace(m, state=MeasureState.INTENDED) if m.state is not MeasureState.DONE else m for m in files)


def _names(case: Case, number: int) -> dict[str, str]:
    names = {"case": case.id, "measure": MeasureKind.QUARANTINE.value}
    return names if number == 0 else names | {"copy": str(number)}
