"""Answers to applications that ask before they store an upload.

`UploadAttempts.check` is the whole procedure, whatever door the question came through.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING

from goodhoster.cases.attempts import TooManyAttempts, contradicts, open_attempt, report_attempt, reports_of
from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import GoodhosterError, RefusedError, StaleVerdictError, UncheckedError
from goodhoster.examination import Examined, Examiner
from goodhoster.model.attempts import Attempt, AttemptOutcome
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.digests import Algorithm, Digest, Digests
from goodhoster.model.uploads import Content, FileState
from goodhoster.model.verdicts import ContentKind, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import Clock
from goodhoster.ports.common import utc_now
from goodhoster.uploads.opening import OpenedUpload

if TYPE_CHECKING:
    from goodhoster.cases.sealing import AttemptSealing  # brings the library that encrypts, which not every host has

_log = logging.getLogger(__name__)
_TRIES = 3
"""How often a verdict is brought to the case desk; each but the first was just asked for."""


SEND_CONTENT = "send-content"
"""Reason of what a source knows by a digest that is too short to decide about."""
PARTIAL = "partial"
"""Reason of a content that is only the beginning of a picture: no part of a file is known to anybody."""
_SIZE_UNKNOWN = -1
_KEEP_EVERY = 1.0  # seconds


class AttemptDecision(StrEnum):
    """What an application is told."""

    CLEAR = "clear"
    """It may store it: no source knows it, or the house rules let it pass."""
    HELD = "held"
    """It may store it, and a person decides about the match."""
    REFUSED = "refused"
    UNCHECKED = "unchecked"
    """Nobody could tell."""


@dataclass(frozen=True, slots=True)
class AttemptAnswer:
    """The answer to an application."""

    decision: AttemptDecision
    verdict: Verdict
    reference: str = ""
    """The case, for the hoster's desk; empty where there is none.

    It says nothing of the content.
    """
    reason: str = ""
    """Short stable code of what could not be checked; empty unless unchecked."""


class AttemptCounts:
    """Answers by what they said, since the start and by day.

    An attempt that could not be checked leaves no file behind: it is counted here, and kept at once. The others are
    kept once a second while questions come, and at the end.
    """

    def __init__(
        self, keep: Callable[[date, Mapping[str, int]], None] = lambda _day, _counts: None, clock: Clock = utc_now
    ) -> None:
        self._keep = keep
        self._clock = clock
        self._counts: Counter[AttemptDecision] = Counter()
        self._pending: defaultdict[date, Counter[str]] = defaultdict(Counter)
        self._kept_at = 0.0
        self._lock = Lock()

    def add(self, decision: AttemptDecision) -> None:
        """Count one more."""
        with self._lock:
            self._counts[decision] += 1
            self._pending[self._clock().date()][decision.value] += 1
            if decision is AttemptDecision.UNCHECKED or time.monotonic() - self._kept_at >= _KEEP_EVERY:
                self._flush()

    def of(self, decision: AttemptDecision) -> int:
        """Number of answers of this process that said this."""
        return self._counts[decision]

    def close(self) -> None:
        """Keep what is not kept yet."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        """Write the counts; what cannot be written now is kept for the next time."""
        self._kept_at = time.monotonic()
        try:
            for day in list(self._pending):
                self._keep(day, self._pending[day])
                del self._pending[day]
        except GoodhosterError as error:
            _log.error("the counts of the doors cannot be written now: %s", error)


@dataclass(frozen=True, slots=True)
class UploadAttempts:
    """Answers to applications. Threads may share it."""

    examiner: Examiner
    """Not by name: there is no place of ours that a name could be beside."""
    desk: CaseDesk
    counts: AttemptCounts = field(default_factory=AttemptCounts)
    rules: Callable[[], HouseRules] | None = None
    """The house rules of the moment; None: always the desk's.

    A person may stop all measures, or let them go on, while the process runs.
    """
    sealing: AttemptSealing | None = None
    """Seals what is refused; None: nothing is."""

    def check(self, content: bytes | int, attempt: Attempt, *, partial: bool = False) -> AttemptAnswer:
        """Examine what an application wants to store, decide, record, and only then answer.

        `content`: the bytes, or the descriptor of a regular file, which stays the caller's. Never raises for what the
        content is or for what fails: that is *unchecked*. In mode observe nothing is refused; what would have been is
        recorded. What was refused or held is durable in the audit log and in the record before this returns, and so is
        the sealed copy of what was refused: the application deletes it. Where it cannot be sealed it is refused all the
        same, and an alarm is raised. `partial`: it is a part only, which may be known, but is never clear.
        """

        def answer() -> AttemptAnswer:
            with _opened(content, attempt) as opened:
                examined = self.examiner.examine_opened(opened)
                found = self._decide(attempt, examined)
                if self.sealing and found.decision is AttemptDecision.REFUSED:
                    self.sealing.seal(found.reference, opened.fd)
            if partial and found.decision is AttemptDecision.CLEAR and not found.reference:
                return _unchecked(PARTIAL, "it is only the beginning of a picture")
            return found

        return self._counted(attempt, answer)

    def clear_at_once(self, content: bytes, attempt: Attempt) -> AttemptAnswer | None:
        """The answer about a small content that is clear by lists on this machine alone.

        None for everything else, and where anything fails: `check` answers then. Nothing is recorded of what is clear,
        and so nothing is waited for.
        """
        try:
            verdict = self.examiner.clear_at_once(content, attempt.place)
        except Exception:  # noqa: BLE001 - `check` meets it again, and says so
            return None
        if verdict is None:
            return None
        self.counts.add(AttemptDecision.CLEAR)
        return AttemptAnswer(AttemptDecision.CLEAR, verdict)

    def check_digest(self, digest: Digest, attempt: Attempt) -> AttemptAnswer:
        """Answer by a digest alone, as `check` does.

        Altered copies and members of archives are not found so.

        What a source knows is decided and recorded where the digest is a SHA-256. By a shorter one cases and storms
        cannot be told apart: it is *unchecked* (`send-content`), and `check` decides.
        """
        content = Content(Digests.only(digest), ContentKind.IMAGE, _SIZE_UNKNOWN)

        def answer() -> AttemptAnswer:
            examined = Examined(self._ask(attempt, content), content=content, asked_services=True)
            if examined.verdict.matches and digest.algorithm is not Algorithm.SHA256:
                return AttemptAnswer(AttemptDecision.UNCHECKED, examined.verdict, reason=SEND_CONTENT)
            return self._decide(attempt, examined)

        return self._counted(attempt, answer)

    def _ask(self, attempt: Attempt, content: Content) -> Verdict:
        return self.examiner.ask(content, ask_services=True, live=False, place=attempt.place)

    def report(self, reference: str, outcome: AttemptOutcome, reporter: str, customer: str = "") -> Case:
        """Record what an application did about its attempt, and return the case.

        RefusedError where there is no such attempt, or it is none of that customer's.
        """
        with self.desk.session() as session:
            case = session.get(reference)
            if customer and case.upload.customer != customer:
                raise RefusedError(f"there is no case {reference}")  # as for one that is not there at all
            before = reports_of(case)
            reported = report_attempt(session, case, outcome, reporter)
        if outcome is AttemptOutcome.KEPT and case.state is CaseState.REFUSED:
            _log.error("%s kept what it was told to refuse: case %s", reporter, case.id)
        if contradicts(before, outcome):
            told = ", ".join(before)
            _log.error("%s reports %s about case %s, and before: %s", reporter, outcome.value, case.id, told)
        return reported

    def _counted(self, attempt: Attempt, work: Callable[[], AttemptAnswer]) -> AttemptAnswer:
        """The answer, whatever fails; each is counted."""
        try:
            answer = work()
        except UncheckedError as error:
            answer = _unchecked(error.reason, str(error))
        except OSError as error:
            answer = _unchecked("unreadable", f"it cannot be read: {error.strerror}")
        except GoodhosterError as error:
            _log.error("an attempt of %s could not be recorded and is unchecked: %s", attempt.customer, error)
            answer = _unchecked("not-recorded", str(error))
        except Exception as error:  # noqa: BLE001 - an application must get an answer, and this one is never "clear"
            _log.exception("an attempt of %s failed; it is unchecked", attempt.customer)
            answer = _unchecked("internal-error", type(error).__name__)
        self.counts.add(answer.decision)
        return answer

    def _decide(self, attempt: Attempt, examined: Examined) -> AttemptAnswer:
        content, verdict = examined.content, examined.verdict
        if content is None or not verdict.matches:
            return _answer_of(verdict, None)
        for _ in range(_TRIES):
            with suppress(StaleVerdictError):
                return _answer_of(verdict, self._open(attempt, content, verdict))
            verdict = self.examiner.ask(content, ask_services=examined.asked_services, live=True, place=attempt.place)
        return _unchecked("late", "its sources answered too long ago")

    def _open(self, attempt: Attempt, content: Content, verdict: Verdict) -> Case | None:
        with self.desk.session(self.rules() if self.rules else None) as session:
            case = open_attempt(session, attempt, content, verdict)
        if isinstance(case, TooManyAttempts):
            message = f"customer {case.customer} had {case.most} attempts recorded in the last hour"
            raise UncheckedError(message, reason="too-many")
        if case is not None and case.state is CaseState.HELD:
            self.desk.deliver_alerts()
        return case


_DECISIONS = {CaseState.REFUSED: AttemptDecision.REFUSED, CaseState.HELD: AttemptDecision.HELD}


def _answer_of(verdict: Verdict, case: Case | None) -> AttemptAnswer:
    if verdict.kind is VerdictKind.UNCHECKED:
        return AttemptAnswer(AttemptDecision.UNCHECKED, verdict, reason=verdict.reason)
    if case is None:
        return AttemptAnswer(AttemptDecision.CLEAR, verdict)
    return AttemptAnswer(_DECISIONS.get(case.state, AttemptDecision.CLEAR), verdict, case.id)


def _unchecked(reason: str, detail: str) -> AttemptAnswer:
    verdict = Verdict(VerdictKind.UNCHECKED, reason=reason, detail=detail)
    return AttemptAnswer(AttemptDecision.UNCHECKED, verdict, reason=reason)


@contextmanager
def _opened(content: bytes | int, attempt: Attempt) -> Iterator[OpenedUpload]:
    """The content as an open file."""
    if isinstance(content, int):
        found = os.fstat(content)
        if not stat.S_ISREG(found.st_mode):
            raise UncheckedError("it is not a regular file", reason="no-file")
        yield OpenedUpload(content, attempt.place, FileState.of(found))
        return
    fd = os.memfd_create("attempt", os.MFD_CLOEXEC)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
        yield OpenedUpload(fd, attempt.place, FileState.of(os.fstat(fd)))
    finally:
        os.close(fd)
