"""Every match has one proven outcome: record, log and quarantine are real, and each is made to lie in turn."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.evidence.quarantine.survey import quarantined
from goodhoster.model.attempts import AttemptOutcome
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.ports import CaseQuery
from goodhoster.reports.outcomes import (
    ComparedRecords,
    KnownFile,
    OutcomeComparison,
    OutcomeProblem,
    compare,
    confirmed,
    trails_of,
)
from goodhoster.testing.suites.hash_source import made_up
from tests.unit.cases.test_desk import EVE, KNOWN, Services
from tests.unit.test_upload_attempts import ATTEMPT, ORDER, PICTURE, Log, World

pytestmark = pytest.mark.usefixtures("unlocked")
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.store.close()


def compared(services: Services, known: tuple[KnownFile, ...] = (), now: datetime = LATER) -> OutcomeComparison:
    names = set(quarantined(os.fsencode(services.tree)))
    cases = services.store.find(CaseQuery())
    return compare(ComparedRecords(trails_of(services.audit.entries()), cases, names, known), now)


def problems(comparison: OutcomeComparison) -> list[tuple[OutcomeProblem, str]]:
    return [(finding.problem, finding.case) for finding in comparison.findings]


def rewrite(services: Services, case: Case) -> None:
    services.store.replace(case, expected=services.store.get(case.id).state)


def offline(services: Services, name: str = "anna/a.jpg") -> Case:
    return services.receive(services.upload(name))


def test_every_way_a_match_ends_is_one_proven_outcome(services: Services) -> None:
    offline(services)
    restored = services.receive(services.upload("anna/b.jpg", "b"), "b")
    services.desk().restore(restored.id, EVE)
    again = services.upload("anna/copy-of-b.jpg", "b")
    assert services.desk().open(again, made_up("b").digests, KNOWN) is None  # overruled
    offline(services, "bob/a.jpg")
    assert offline(services, "cleo/a.jpg").state is CaseState.HELD
    gone = services.upload("dora/g.jpg", "g")
    (services.tree / "dora/g.jpg").unlink()
    services.receive(gone, "g")
    comparison = compared(services)
    assert comparison.findings == ()
    assert comparison.outcomes == {"offline": 2, "restored": 1, "overruled": 1, "held": 1, "gone": 1}
    assert comparison.matches == 6


def test_a_restored_case_that_is_confirmed_after_all_is_offline(services: Services) -> None:
    case = offline(services)
    services.desk().restore(case.id, EVE)
    services.desk().confirm(case.id, EVE)
    assert compared(services).findings == ()


def test_a_case_of_which_the_log_knows_nothing(services: Services) -> None:
    case = offline(services)
    services.audit = FileAuditLog(services.folder / "another.log")
    assert problems(compared(services)) == [(OutcomeProblem.NOT_IN_LOG, case.id)]


def test_a_record_that_says_something_else_than_the_log(services: Services) -> None:
    case = offline(services)
    rewrite(services, replace(case, state=CaseState.RESTORED))
    assert (OutcomeProblem.LOG_DIFFERS, case.id) in problems(compared(services))


def test_a_lost_record(services: Services) -> None:
    case = offline(services)
    services.store.close()
    services.store = SqliteCaseStore(services.folder / "new.sqlite")
    assert problems(compared(services)) == [
        (OutcomeProblem.NOT_IN_RECORD, case.id),
        (OutcomeProblem.UNKNOWN_IN_QUARANTINE, case.id),
    ]


def test_a_file_that_is_not_in_quarantine_any_more(services: Services) -> None:
    case = offline(services)
    names = {case.id} - {case.id}
    evidence = ComparedRecords(trails_of(services.audit.entries()), services.store.find(CaseQuery()), names)
    assert problems(compare(evidence, LATER)) == [(OutcomeProblem.NOT_IN_QUARANTINE, case.id)]
    unreadable = replace(evidence, quarantined=None)
    assert compare(unreadable, LATER).findings == ()  # nothing can be said: the caller says so


def test_a_measure_that_never_ends(services: Services) -> None:
    case = replace(offline(services), state=CaseState.OPEN, id="case-2")
    place = replace(case.upload.place, path=b"anna/other.jpg")
    services.store.add(replace(case, upload=replace(case.upload, place=place)))
    services.audit.append(AuditEvent("measure.intended", {"case": "case-2", "measure": "quarantine"}))
    assert problems(compared(services)) == [(OutcomeProblem.UNDER_WAY, "case-2")]
    assert compared(services, now=datetime.now(UTC) + timedelta(minutes=59)).findings == ()


def test_a_measure_that_failed(services: Services) -> None:
    case = offline(services)
    rewrite(services, replace(case, state=CaseState.FAILED))
    assert (OutcomeProblem.FAILED, case.id) in problems(compared(services))


def test_a_copy_of_which_the_log_does_not_say_that_it_was_taken(services: Services) -> None:
    case = offline(services)
    copy = Copy(replace(case.upload, place=replace(case.upload.place, path=b"anna/copy.jpg")), b"2" * 32)
    more = Measure(MeasureKind.QUARANTINE, MeasureState.DONE, copy=copy)
    rewrite(services, replace(case, measures=(*case.measures, more)))
    (finding,) = compared(services).findings
    assert (finding.problem, finding.path.rpartition("/")[2]) == (OutcomeProblem.LOG_DIFFERS, "copy.jpg")


def test_a_measure_done_twice(services: Services) -> None:
    case = offline(services)
    services.audit.append(AuditEvent("measure.done", {"case": case.id, "measure": "quarantine"}))
    assert problems(compared(services)) == [(OutcomeProblem.DONE_TWICE, case.id)]


def test_a_file_that_a_source_knows_and_no_case_is_about(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"), verdict=Verdict(VerdictKind.KNOWN, KNOWN.matches))
    known = KnownFile("anna", "/srv/x.jpg", case.digests.sha256.hex())
    stranger = replace(known, customer="bob")
    comparison = compared(services, (known, stranger))
    assert [(f.problem, f.customer) for f in comparison.findings] == [(OutcomeProblem.NO_OUTCOME, "bob")]
    assert comparison.outcomes["none"] == 1


def test_what_was_just_being_done_is_no_finding(services: Services) -> None:
    offline(services)
    fine = compared(services)
    services.audit = FileAuditLog(services.folder / "another.log")
    bad = compared(services)
    assert bad.findings
    assert confirmed(bad, fine).findings == ()
    assert confirmed(fine, bad).findings == ()
    assert confirmed(bad, bad) == bad


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path)) as world:
        yield world


def of_attempts(world: World, known: tuple[KnownFile, ...] = ()) -> OutcomeComparison:
    return compare(
        ComparedRecords(trails_of(world.audit.entries()), world.store.find(CaseQuery()), set(), known), LATER
    )


def every_attempt(world: World) -> None:
    """Refused, overruled, held, confirmed and clear."""
    world.know(PICTURE)
    world.ask()
    world.ask(attempt=replace(ATTEMPT, customer="bert"))
    held = [world.ask(attempt=replace(ATTEMPT, customer=name)).reference for name in ("carl", "dora", "eve")]
    world.toolkit.confirm([held[0]], ORDER)
    world.toolkit.restore([held[1]], ORDER)
    world.attempts.report(held[2], AttemptOutcome.KEPT, "token gallery")


def test_every_way_an_attempt_ends_is_one_proven_outcome(attempts: World) -> None:
    every_attempt(attempts)
    comparison = of_attempts(attempts)
    assert comparison.findings == ()
    assert comparison.outcomes == {"refused": 2, "confirmed": 1, "restored": 1, "held": 1}


def test_an_attempt_that_was_only_observed_is_an_outcome(tmp_path: Path) -> None:
    with closing(World(tmp_path, enforce=False)) as world:
        world.know(PICTURE)
        world.ask()
        assert (of_attempts(world).findings, of_attempts(world).outcomes) == ((), {"observed": 1})


def test_an_attempt_of_which_the_log_knows_nothing(attempts: World, tmp_path: Path) -> None:
    every_attempt(attempts)
    attempts.audit = Log(tmp_path / "another.log")
    assert [finding.problem for finding in of_attempts(attempts).findings] == [OutcomeProblem.NOT_IN_LOG] * 5


def test_an_attempt_that_the_record_has_otherwise_or_not_at_all(attempts: World, tmp_path: Path) -> None:
    attempts.know(PICTURE)
    case = attempts.store.get(attempts.ask().reference)
    attempts.store.replace(replace(case, state=CaseState.CONFIRMED), expected=case.state)
    assert problems(of_attempts(attempts)) == [(OutcomeProblem.LOG_DIFFERS, case.id)]
    attempts.store.close()
    attempts.store = SqliteCaseStore(tmp_path / "new.sqlite")
    (finding,) = of_attempts(attempts).findings
    assert (finding.problem, finding.case, finding.path) == (OutcomeProblem.NOT_IN_RECORD, case.id, "me.png")


def test_a_refused_attempt_is_no_outcome_of_a_file_on_disk(attempts: World) -> None:
    attempts.know(PICTURE)
    case = attempts.store.get(attempts.ask().reference)
    known = KnownFile("anna", "/srv/x.png", case.digests.sha256.hex())
    assert [finding.problem for finding in of_attempts(attempts, (known,)).findings] == [OutcomeProblem.NO_OUTCOME]


def test_a_file_in_quarantine_under_the_id_of_an_attempt_is_found(attempts: World) -> None:
    attempts.know(PICTURE)
    case_id = attempts.ask().reference
    cases = attempts.store.find(CaseQuery())
    evidence = ComparedRecords(trails_of(attempts.audit.entries()), cases, {case_id})
    assert problems(compare(evidence, LATER)) == [(OutcomeProblem.UNKNOWN_IN_QUARANTINE, case_id)]
