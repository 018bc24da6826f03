"""Cases about attempts: what an application asked about before it stored it.

There is no file of ours, so nothing is carried out. What is decided is in the audit log and in the record before the
application gets its answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from goodhoster.cases.session import CaseSession
from goodhoster.errors import RefusedError
from goodhoster.model.attempts import Attempt, AttemptOutcome
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState, Order
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.ids import new_id
from goodhoster.model.storms import ATTEMPT_CAPS, OF_ATTEMPTS, Counted, StormKind
from goodhoster.model.uploads import Content, FileState, Upload, visible
from goodhoster.model.verdicts import Verdict
from goodhoster.policy.decide import WOULD_BE_TAKEN, Action, Decision
from goodhoster.ports import CaseQuery

_RETRIES_WITHIN = timedelta(hours=1)
_OWN_CASES = 20
"""So many tries of one content within that time are cases of their own; the later ones are counted in the last."""
_EACH_LOGGED = 100
_CAPS_RECORDED = 10
"""So many times the hourly cap of one customer are recorded of it in an hour: nobody fills the record and the log."""
_RECORDED, _LIMITED = "attempts-recorded", "attempts-limited"
_LONGEST_STATEMENT = 200
"""Characters of what an application says of itself."""
_OUTCOMES = {
    Action.QUARANTINE: (CaseState.REFUSED, MeasureState.DONE),
    Action.HOLD: (CaseState.HELD, MeasureState.PROPOSED),
    Action.OBSERVE: (CaseState.OBSERVED, MeasureState.PROPOSED),
}


_ASKED_BY = "asked by "
_TIMES = re.compile(r"; (\d+) times\Z")
_SAID = "; the application says: "
_THEN = ", then "
_MOST_WORDS = 8
"""Reports of one attempt that are kept; an application that says yet another thing is refused."""


@dataclass(frozen=True, slots=True)
class TooManyAttempts:
    """A match that is not recorded.

    This customer had as many in the last hour as are recorded of one.
    """

    customer: str
    most: int


def open_attempt(
    session: CaseSession, attempt: Attempt, content: Content, verdict: Verdict
) -> Case | TooManyAttempts | None:
    """Decide about a match of what an application wants to store.

    Returns the case, or None when there is nothing to do. A retry is a case of its own; the last one counts what the
    same customer asks about ever again at the same door within an hour. StaleVerdictError when it would be refused on a
    verdict that is not fresh: nothing was done, ask again.
    """
    upload = _upload_of(session, attempt, content.size)
    if attempt.proven and _recorded(session, attempt) < _most_recorded(session):
        session.brake.note_asker(attempt.customer, content.digests)
    decision = session.decide(upload, content.digests, verdict, ATTEMPT_CAPS)
    if decision.action not in _OUTCOMES:
        return None
    before = _asked_before(session, attempt, content.digests, decision)
    if decision.action is Action.QUARANTINE or (before and before.state is CaseState.REFUSED):
        session.expect_fresh(verdict)
    session.queue_reports(verdict)
    if before is not None:
        return _count_again(session, before, attempt)
    if too_many := _over_limit(session, attempt):
        return too_many
    storm = session.brake.begin(decision, verdict.matches)
    case = replace(
        _case_of(session, upload, content.digests, decision),
        measures=(_refusal_of(attempt, decision),),
        matches=verdict.matches,
        answered=verdict.answered,
    )
    session.brake.note(case, storm)
    session.log("attempt.decided", **about(case, attempt), outcome=case.state, reason=case.reason)
    session.store(case)
    return case


def _asked_before(session: CaseSession, attempt: Attempt, digests: Digests, decision: Decision) -> Case | None:
    """Newest case of this content, customer and door with this outcome.

    None where the last hour has not enough of them.

    What was refused already stays so over a cap of attempts: these count contents, and it is not one more.
    """
    states = {_OUTCOMES[decision.action][0]}
    capped = decision.storm is not None and decision.storm.kind in OF_ATTEMPTS - {StormKind.ATTEMPT_CONTENT}
    if capped:
        states.add(CaseState.REFUSED)
    query = CaseQuery(
        states=frozenset(states),
        customer=attempt.customer,
        digest=digests.of(Algorithm.SHA256),
        opened_since=session.now() - _RETRIES_WITHIN,
    )
    found = [case for case in session.find(query) if case.is_attempt and _is_of_door(case, attempt.door)]
    return found[-1] if found and (capped or len(found) >= _OWN_CASES) else None


def _count_again(session: CaseSession, case: Case, attempt: Attempt) -> Case:
    """Count one more attempt in its case.

    The first hundred have a line each in the audit log, and after that every hundredth says how many there were.
    """
    times = times_asked(case) + 1
    if times <= _EACH_LOGGED or times % _EACH_LOGGED == 0:
        session.log("attempt.repeated", **about(case, attempt), outcome=case.state, times=str(times))
    counted = replace(case, measures=tuple(_with_times(measure, times) for measure in case.measures))
    session.replace(counted, case)
    return counted


def times_asked(case: Case) -> int:
    """How often an attempt was made within its hour."""
    details = (measure.detail for measure in case.measures if measure.kind is MeasureKind.REFUSAL)
    found = _TIMES.search(next(details, "").partition(_SAID)[0])
    return int(found[1]) if found else 1


def _with_times(measure: Measure, times: int) -> Measure:
    if measure.kind is not MeasureKind.REFUSAL:
        return measure
    asked, *said = measure.detail.partition(_SAID)
    return replace(measure, detail="".join((_TIMES.sub("", asked), f"; {times} times", *said)))


def _is_of_door(case: Case, door: str) -> bool:
    asked = (measure.detail.partition(_SAID)[0] for measure in case.measures if measure.kind is MeasureKind.REFUSAL)
    parts = _TIMES.sub("", next(asked, "")).removeprefix(_ASKED_BY).split(", ")
    return not door or door in parts


def _over_limit(session: CaseSession, attempt: Attempt) -> TooManyAttempts | None:
    """Text for a customer who had as many cases in an hour as are recorded of one.

    The audit log says it once an hour.
    """
    ledger, now, most = session.brake.ledger, session.now(), _most_recorded(session)
    if _recorded(session, attempt) < most:
        ledger.count(Counted(_RECORDED, attempt.customer, secrets.token_bytes(32), now))
        return None
    if not ledger.counted(_LIMITED, attempt.customer, now):
        session.log("attempt.limited", customer=attempt.customer, door=attempt.door, peer=attempt.peer, most=str(most))
        ledger.count(Counted(_LIMITED, attempt.customer, bytes(32), now))
    return TooManyAttempts(attempt.customer, most)


def _recorded(session: CaseSession, attempt: Attempt) -> int:
    """Cases that were opened about this customer's attempts in the last hour."""
    return session.brake.ledger.counted(_RECORDED, attempt.customer, session.now())


def _most_recorded(session: CaseSession) -> int:
    return _CAPS_RECORDED * session.rules.measures_per_hour


def confirm_attempt(session: CaseSession, case: Case, order: Order) -> Case:
    """Record that a person confirmed the match of an attempt that was accepted."""
    return _ended(session, case, order, CaseState.CONFIRMED)


def overrule_attempt(session: CaseSession, case: Case, order: Order) -> Case:
    """Record that a person overruled the match of an attempt.

    From now on this customer may store that content.
    """
    return _ended(session, case, order, CaseState.RESTORED)


def report_attempt(session: CaseSession, case: Case, outcome: AttemptOutcome, reporter: str) -> Case:
    """Record what an application says it did about its attempt, with all that it said before.

    An upload that it once said it kept counts as refused no more, unless it says that it deleted it: a figure is never
    better than the worst report. RefusedError where the case is no attempt, or had too many reports.
    """
    if not case.is_attempt:
        raise RefusedError(
            f"case {case.id} is not an attempt of an application", hint="report what `check` referred to"
        )
    before = reports_of(case)
    if before[-1:] == (outcome.value,):
        return case
    if len(before) >= _MOST_WORDS:
        raise RefusedError(f"case {case.id} had {len(before)} reports that differ", hint="look at what reports them")
    contradicted = {"before": ", ".join(before)} if contradicts(before, outcome) else {}
    session.log(
        "attempt.outcome",
        case=case.id,
        outcome=outcome.value,
        reporter=reporter,
        decided=case.state.value,
        **contradicted,
    )
    reported = replace(case, measures=tuple(_with_report(measure, outcome, before) for measure in case.measures))
    session.replace(reported, case)
    return reported


def reports_of(case: Case) -> tuple[str, ...]:
    """Everything the application said it did about its attempt, oldest first."""
    details = (measure.detail for measure in case.measures if measure.kind is MeasureKind.REFUSAL)
    said = next(details, "").partition(_SAID)[2]
    return tuple(said.split(_THEN)) if said else ()


def contradicts(before: Sequence[str], outcome: AttemptOutcome) -> bool:
    """Whether a report contradicts the one before.

    What was kept may be deleted later.
    """
    follows = {AttemptOutcome.DELETED.value: AttemptOutcome.KEPT.value}
    return bool(before) and before[-1] not in {outcome.value, follows.get(outcome.value)}


def _with_report(measure: Measure, outcome: AttemptOutcome, before: Sequence[str]) -> Measure:
    if measure.kind is not MeasureKind.REFUSAL:
        return measure
    detail = measure.detail.partition(_SAID)[0] + _SAID + _THEN.join((*before, outcome.value))
    state = measure.state
    if outcome is AttemptOutcome.KEPT and state is MeasureState.DONE:
        state = MeasureState.FAILED
    elif outcome is AttemptOutcome.DELETED and state is MeasureState.FAILED:
        state = MeasureState.DONE
    return replace(measure, state=state, detail=detail)


def about(case: Case, attempt: Attempt) -> dict[str, str]:
    """Audit log data of the case of an attempt."""
    return {
        "case": case.id,
        "measure": MeasureKind.REFUSAL.value,
        "customer": attempt.customer,
        "application": visible(attempt.application[:_LONGEST_STATEMENT]),
        "name": str(case.upload.place),
        "door": attempt.door,
        "peer": attempt.peer,
        "sha256": case.digests.sha256.hex(),
        "matches": ", ".join(f"{match.source}/{match.algorithm}/{match.category}" for match in case.matches),
        **({"answered": ", ".join(map(str, case.answered))} if case.answered else {}),
    }


def _upload_of(session: CaseSession, attempt: Attempt, size: int) -> Upload:
    """The attempt in the form of an upload, with a state that no other has."""
    now = int(session.now().timestamp() * 1e9)
    state = FileState(dev=0, ino=secrets.randbits(63), size=size, mtime_ns=now, ctime_ns=now)
    return Upload(attempt.place, attempt.customer, state)


def _refusal_of(attempt: Attempt, decision: Decision) -> Measure:
    asked = ", ".join(
        visible(part[:_LONGEST_STATEMENT]) for part in (attempt.application, attempt.door, attempt.peer) if part
    )
    _, state = _OUTCOMES[decision.action]
    return Measure(MeasureKind.REFUSAL, state, _ASKED_BY + asked if asked else "")


def _case_of(session: CaseSession, upload: Upload, digests: Digests, decision: Decision) -> Case:
    """The case without matches and measures."""
    now, (state, _) = session.now(), _OUTCOMES[decision.action]
    return Case(
        id=new_id(now),
        state=state,
        upload=upload,
        digests=digests,
        matches=(),
        opened_at=now,
        closed_at=now if state.closed else None,
        reason="would be refused" if decision.reason == WOULD_BE_TAKEN else decision.reason,
    )


def _reversed(measure: Measure) -> Measure:
    """What never was refused is not undone either."""
    return replace(measure, state=MeasureState.UNDONE) if measure.state is MeasureState.DONE else measure


def _ended(session: CaseSession, case: Case, order: Order, state: CaseState) -> Case:
    session.log(f"attempt.{state}", case=case.id, actor=order.actor, reason=order.reason)
    after = replace(case, state=state, actor=order.actor, reason=order.reason)
    if state is CaseState.RESTORED:
        after = replace(after, measures=tuple(_reversed(measure) for measure in case.measures))
    return session.record(after, case)
