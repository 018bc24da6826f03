"""One decision about a storm at a time, and what a crash left of it.

A decision is about hundreds of cases and takes a while. The first person's wins: it is on record, with the number of
the process that carries it out, before the first case is touched, and another is refused until all of it was tried.
When that process dies, `interrupted_decisions` names the decision, and whoever takes it over goes on with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import BusyError, PassingError, PermanentError
from goodhoster.model.cases import Order
from goodhoster.model.storms import Storm, StormState

_log = logging.getLogger(__name__)
_VERB = {StormState.UNDONE: "undo", StormState.RELEASED: "release"}


@contextmanager
def decided(desk: CaseDesk, storm_id: str, state: StormState, order: Order) -> Iterator[list[str]]:
    """Record a person's decision about a storm and its parts; yield the cases to act on.

    A repeated order gets all of them too, and goes on where a process died. BusyError while a decision about it is
    being carried out, or was begun and is another.
    """
    holder = desk.holders.take()
    try:
        with desk.session() as session:
            storms = desk.brake.whole(storm_id)
            expect_free(desk, storms, state)
            for storm in storms:
                session.brake.record_decision(storm, state, order, holder)
        yield concerned(desk, storms, state)
        _completed(desk, storms, holder)
    finally:
        desk.holders.give_back(holder)


def interrupted_decisions(desk: CaseDesk) -> list[Storm]:
    """Storms about which a decision was begun by a process that has died."""
    return [storm for storm in desk.brake.storms.being_decided() if not desk.holders.is_held(storm.decision_holder)]


@contextmanager
def taken_over(desk: CaseDesk, storm: Storm) -> Iterator[list[str]]:
    """Take over an interrupted decision; yield the cases that it concerned when it was given.

    An empty list where another process took it over before.
    """
    holder = desk.holders.take()
    try:
        with desk.session() as session:
            found = session.brake.storms.get(storm.id)
            ours = found == storm and not desk.holders.is_held(storm.decision_holder)
            if ours:
                session.brake.storms.replace(replace(storm, decision_holder=holder))
        yield _known_then(desk, storm) if ours else []
        _completed(desk, [storm], holder)
    finally:
        desk.holders.give_back(holder)


def concerned(desk: CaseDesk, storms: Iterable[Storm], state: StormState) -> list[str]:
    """Cases that a decision about a storm and its parts concerns, each once."""
    return list(dict.fromkeys(case_id for storm in storms for case_id in _concerned(desk, storm, state)))


def _concerned(desk: CaseDesk, storm: Storm, state: StormState) -> list[str]:
    """Cases of one storm that a decision concerns.

    To undo, all of the content that a match took or held, before the storm too; to release, those that the storm itself
    held. What rests on another reason, above all a notice, waits for its own decision: that a list is wrong says
    nothing of what a hotline reported, nor that it is right of what a stranger did.
    """
    cases, held = desk.brake.cases_of(storm), set(desk.brake.held_by(storm))
    if state is StormState.RELEASED:
        return [case_id for case_id in cases if case_id in held]
    return [case_id for case_id in cases if case_id in held or not desk.store.get(case_id).notice]


def _known_then(desk: CaseDesk, storm: Storm) -> list[str]:
    cases = map(desk.store.get, _concerned(desk, storm, storm.state))
    return [case.id for case in cases if storm.decided_at is None or case.opened_at <= storm.decided_at]


def _completed(desk: CaseDesk, storms: Sequence[Storm], holder: int) -> None:
    """Record that all of a decision was tried, unless another is carried out by now.

    What cannot be recorded is an interrupted decision, and tried again: what became of each case is told all the same.
    """
    try:
        with desk.session() as session:
            for storm in storms:
                now = session.brake.storms.get(storm.id)
                if now.decision_holder == holder:
                    session.brake.storms.replace(replace(now, decision_holder=0))
    except (PermanentError, PassingError) as error:
        _log.error("storm %s was decided, but that it is over cannot be recorded: %s", storms[0].id, error)


def expect_free(desk: CaseDesk, storms: Sequence[Storm], state: StormState) -> None:
    """Raise BusyError while a decision about these, or their contents, is carried out."""
    related = [other for storm in storms for other in desk.brake.of_this_content(storm)]
    for storm in (*storms, *related):
        if not storm.decision_holder:
            continue
        alive = desk.holders.is_held(storm.decision_holder)
        if alive or storm.state is not state:
            since = f" since {storm.decided_at:%H:%M:%S} UTC" if storm.decided_at else ""
            message = f"storm {storm.id} is being {storm.state} by {storm.actor}{since}: {storm.decision_reason}"
            on = "it goes on" if alive else f"that was interrupted: finish it by goodhoster storms {_VERB[storm.state]}"
            raise BusyError(message, hint=f"{on}; decide otherwise when it is done, if that is still wanted")
