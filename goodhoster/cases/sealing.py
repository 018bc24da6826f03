"""Sealing of what was taken offline, and of what applications are told to refuse.

Sealing never keeps a file online: it comes after the measure, from the quarantine, and is tried again until it is done.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice

from goodhoster.errors import GoodhosterError, PassingError
from goodhoster.evidence.sealing.sealer import Sealer
from goodhoster.linux.disk_pool import DiskPool
from goodhoster.model.alerts import AlertKind
from goodhoster.model.cases import Case, CaseState, MeasureKind, MeasureState
from goodhoster.model.sealed_evidence import SealedEvidenceKind, Subject
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import VerdictKind
from goodhoster.ports import CaseQuery, CaseStore, Pager

_log = logging.getLogger(__name__)
_TAKEN = frozenset({CaseState.OFFLINE, CaseState.FAILED, CaseState.OPEN})
"""States in which some of a case's files may be in quarantine."""
_CASES_PER_PIECE = 200
_REMEMBERED = 10_000
"""Contents of attempts that are known to be sealed."""
_BYTES_A_SECOND = 10_000_000
"""As slowly as a file is read and sealed where nothing hangs."""
_EXTRA_SECONDS = 30.0
"""Seconds that sealing may take longer before the disk is taken to hang."""
_KINDS = {VerdictKind.KNOWN: SealedEvidenceKind.KNOWN, VerdictKind.NEAR: SealedEvidenceKind.NEAR}


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A file in quarantine that is not sealed."""

    subject: Subject
    place: Place
    disk: int
    size: int
    opened_at: datetime
    """When its case was opened."""
    why: str = ""


@dataclass(slots=True)
class PendingSeals:
    """Seals what is in quarantine and not sealed yet, run by run."""

    cases: CaseStore
    sealer: Sealer
    open_quarantined: Callable[[Place, str], int | None]
    """Opens a file in quarantine by its name there; None when it is not there."""
    pool: DiskPool = field(default_factory=lambda: DiskPool(1, _EXTRA_SECONDS))
    _sealed: set[str] = field(default_factory=set)
    """Of cases of which nothing is left to be sealed."""

    def run_once(self, since: datetime | None, stopping: Callable[[], bool]) -> list[Unsealed]:
        """Seal what is not, of cases that were opened since then; returns what could not be."""
        left: list[Unsealed] = []
        waiting = self.waiting(since)
        while not stopping() and (piece := list(islice(waiting, _CASES_PER_PIECE))):
            left += self._seal_all(piece, stopping)
        return left

    def _seal_all(self, piece: Sequence[Unsealed], stopping: Callable[[], bool]) -> Iterator[Unsealed]:
        """Seal these, each in a thread of its disk: one that hangs keeps no other waiting."""
        calls = [(one.disk, self._begin(one, stopping)) for one in piece]
        self.pool.wait_unless_hung(calls)
        for one, (_, call) in zip(piece, calls, strict=True):
            if call.cancelled() or not call.done():
                yield replace(one, why="its disk does not answer")
            elif failed := call.result():
                yield failed

    def waiting(self, since: datetime | None = None) -> Iterator[Unsealed]:
        """What was taken offline and is not sealed."""
        ids = self.cases.ids(CaseQuery(states=_TAKEN, opened_since=since))
        left = [case_id for case_id in ids if case_id not in self._sealed]
        for begin in range(0, len(left), _CASES_PER_PIECE):
            for case in self.cases.get_all(left[begin : begin + _CASES_PER_PIECE]):
                unsealed = [one for one in _subjects(case) if not self.sealer.is_sealed(one.subject.id)]
                if not unsealed and case.state is CaseState.OFFLINE:
                    self._sealed.add(case.id)
                yield from unsealed

    def _begin(self, one: Unsealed, stopping: Callable[[], bool]) -> Future[Unsealed | None]:
        return self.pool.submit(one.disk, partial(self._seal, one, stopping), seconds=one.size / _BYTES_A_SECOND)

    def _seal(self, one: Unsealed, stopping: Callable[[], bool]) -> Unsealed | None:
        """Seal a file; what could not be, with the reason."""
        if stopping():
            return None
        try:
            file = self.open_quarantined(one.place, one.subject.id)
            if file is None:
                return replace(one, why="it is not in quarantine, or its disk is not mounted")
            try:
                self.sealer.seal(one.subject, file)
            finally:
                os.close(file)
        except GoodhosterError as error:
            return replace(one, why=str(error))
        _log.info("evidence %s is sealed", one.subject.id)
        return None


@dataclass(slots=True)
class AttemptSealing:
    """Seals what applications are told to refuse, before they are told so.

    Threads may share it. The same content of the same customer is sealed once while this process runs, however often
    it is tried.
    """

    cases: CaseStore
    sealer: Sealer
    pager: Pager
    _sealed: OrderedDict[tuple[str, bytes], str] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seal(self, case_id: str, file: int) -> str:
        """Seal the bytes of the attempt of that case; returns the evidence that has them.

        It is durable by then. Empty where it could not be done, which raises an alarm: it is refused all the same. The
        descriptor stays the caller's.
        """
        try:
            case = self.cases.get(case_id)
            content = case.upload.customer, case.digests.sha256
            with self._lock:
                known = self._sealed.get(content)
            if known is not None and self.sealer.is_sealed(known):
                return known
            self.sealer.seal(Subject(case.id, case.id, _kind_of(case), case.digests.sha256), file)
        except GoodhosterError as error:
            self._alert(case_id, error)
            return ""
        with self._lock:
            self._sealed[content] = case.id
            if len(self._sealed) > _REMEMBERED:
                self._sealed.popitem(last=False)
        return case.id

    def _alert(self, case_id: str, error: GoodhosterError) -> None:
        """Alert a person once a day; every attempt is in the journal."""
        _log.error("attempt %s is refused, and not sealed: %s; %s", case_id, error, error.hint)
        subject = "goodhoster: what applications are told to refuse is not sealed"
        try:
            about = f"{self.sealer.clock():%Y-%m-%d}"
            self.pager.page(subject, f"case {case_id}: {error}\n{error.hint}\n", AlertKind.ALARM, about)
        except PassingError as problem:
            _log.error("no alert could be delivered: %s (%s)", problem, subject)


def _kind_of(case: Case) -> SealedEvidenceKind:
    return _KINDS.get(case.verdict, SealedEvidenceKind.NOTICE) if case.verdict else SealedEvidenceKind.NOTICE


def _subjects(case: Case) -> Iterator[Unsealed]:
    """The files of a case that are in quarantine."""
    kind = _kind_of(case)
    for number, measure in enumerate(case.measures):
        if measure.kind is MeasureKind.QUARANTINE and measure.state is MeasureState.DONE:
            copy = case.about(number)
            subject = Subject(case.quarantine_id(number), case.id, kind, copy.sha256)
            state = copy.upload.state
            yield Unsealed(subject, copy.upload.place, state.dev, state.size, case.opened_at)
