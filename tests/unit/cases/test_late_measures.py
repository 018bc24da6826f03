"""No measure rests on an old answer: a remembered yes, and a measure that comes late, are asked about again."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache
from goodhoster.adapters.hash_sources.caching import CacheLifetimes, CachingSource
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.reconfirmation import is_late
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import GoodhosterError, PassingError, QuarantineError, SourceUnavailableError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import Case, CaseState, MeasureState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Place, Upload
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.upload_handling import ActionResult

PICTURE = "\x89PNG made up"
KNOWN = made_up(PICTURE).digests.of(Algorithm.SHA1)
DOWN = SourceUnavailableError("police is away", reason="unreachable")
EVE = Order("eve", "seen before")

pytestmark = pytest.mark.usefixtures("unlocked")


class Mover:
    """A quarantine that raises `trouble` instead of taking a file, for as long as it is set."""

    def __init__(self, tree: Path) -> None:
        self._inside = LocalQuarantine((os.fsencode(tree),))
        self.trouble: PassingError | QuarantineError | None = None

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        if self.trouble:
            raise self.trouble
        return self._inside.take_offline(case_id, upload, sha256)

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        if self.trouble:
            return [self.trouble] * len(requests)
        return self._inside.take_all_offline(requests)

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        self._inside.put_back(case_id, upload, moved=moved)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        self._inside.verify_in_place(upload, sha256)

    def destroy(self, case_id: str, upload: Upload) -> None:
        self._inside.destroy(case_id, upload)

    def prepare(self, tree: bytes) -> None:
        self._inside.prepare(tree)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        return self._inside.recover(case_id, upload)


class Services:
    """A toolkit that enforces, over a service that is remembered and a clock that a test moves."""

    def __init__(self, folder: Path, rules: HouseRules) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.police = MemorySource({KNOWN: Category.ILLEGAL}, name="police", local=False)
        self.mover = Mover(self.tree)
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), FileAuditLog(folder / "audit.log")
        brake = brake_in_memory(self.store, self.audit, rules, self.clock)
        lock, holders = FileLock(folder / "lock"), HolderLocks(folder / "holders")
        self.desk = CaseDesk(self.store, self.audit, self.mover, rules, lock, holders, self.clock, brake)
        keeping = CacheLifetimes(yes=900, no=3600, clock=self.seconds)
        source = CachingSource(CountedSource(self.police, self.clock), AnswerCache(folder / "answers"), keeping)
        self.checked_again: list[Upload] = []
        hasher = DirectHasher(ReadingLimits())
        self.toolkit = toolkit_over(
            (source,), self.store, self.audit, self.desk, hasher, check_again=self.checked_again.extend
        )

    def clock(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def later(self, seconds: float = 600) -> None:
        self.now += timedelta(seconds=seconds)

    def upload(self, name: str, *, seconds_to_act: float = 0) -> ActionResult:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PICTURE)
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        with self.toolkit.examine(place) as checked:
            self.later(seconds_to_act)
            return self.toolkit.act(name.partition("/")[0], place, checked)

    def state_of(self, name: str) -> CaseState:
        case = self.upload(name).case
        assert case
        return case.state

    def waiting(self, name: str = "anna/a.png") -> Case:
        """A measure that nobody can carry out, and that has become late."""
        self.mover.trouble = PassingError("the mover is away")
        case = self.upload(name).case
        assert case
        assert case.state is CaseState.OPEN
        self.mover.trouble = None
        self.later()
        self.police.asked.clear()
        return case

    def caught_up(self) -> Case:
        """The one late case, asked about again."""
        (late,) = self.toolkit.late()
        return self.toolkit.proceed(late)

    def online(self, name: str = "anna/a.png") -> bool:
        return (self.tree / name).exists()

    def events(self) -> list[str]:
        return [entry.event.kind for entry in self.audit.entries()]


@pytest.fixture
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    rules = HouseRules(enforce=True, storm_customers=9, measures_per_hour=100)
    services = Services(tmp_path, replace(rules, **getattr(request, "param", {})))
    yield services
    services.store.close()


def with_rules(**rules: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("services", [rules], indirect=True)


class TestARememberedYes:
    def test_a_fresh_one_is_asked_about_once_and_acted_on(self, services: Services) -> None:
        assert services.state_of("anna/a.png") is CaseState.OFFLINE
        assert len(services.police.asked) == 1

    def test_is_asked_about_again_before_the_measure(self, services: Services) -> None:
        assert [services.state_of(f"{name}/a.png") for name in ("anna", "bob")] == [CaseState.OFFLINE] * 2
        assert [question.live for question in services.police.asked] == [False, True]

    def test_that_was_withdrawn_costs_nobody_a_file(self, services: Services) -> None:
        services.upload("anna/a.png")
        services.police.known.clear()
        acted = services.upload("bob/a.png")
        assert (acted.case, acted.verdict.kind) == (None, VerdictKind.CLEAR)
        assert services.online("bob/a.png")
        assert services.upload("carl/a.png").verdict.kind is VerdictKind.CLEAR
        assert len(services.police.asked) == 2, "and by now the no is remembered"

    def test_is_unchecked_while_the_source_cannot_be_asked(self, services: Services) -> None:
        services.upload("anna/a.png")
        services.police.trouble = DOWN
        acted = services.upload("bob/a.png")
        assert (acted.case, acted.verdict.kind, acted.verdict.reason) == (None, VerdictKind.UNCHECKED, "unreachable")
        assert services.online("bob/a.png")

    @with_rules(storm_customers=1)
    def test_is_enough_to_hold_a_file(self, services: Services) -> None:
        assert [services.state_of(f"{name}/a.png") for name in ("anna", "bob")] == [CaseState.HELD] * 2
        assert len(services.police.asked) == 1

    @with_rules(enforce=False)
    def test_is_enough_to_observe_it(self, services: Services) -> None:
        assert [services.state_of(f"{name}/a.png") for name in ("anna", "bob")] == [CaseState.OBSERVED] * 2
        assert len(services.police.asked) == 1


def test_who_waits_long_for_his_turn_asks_again(services: Services) -> None:
    acted = services.upload("anna/a.png", seconds_to_act=31)
    assert acted.case
    assert acted.case.state is CaseState.OFFLINE
    assert len(services.police.asked) == 2
    services.police.known.clear()
    assert services.upload("bob/a.png", seconds_to_act=-5).verdict.kind is VerdictKind.CLEAR, "the clock was put back"


@with_rules(answers_count_for=-1.0)
def test_who_comes_too_late_each_time_is_tried_again(services: Services) -> None:
    acted = services.upload("anna/a.png")
    assert (acted.case, acted.verdict.kind, acted.verdict.reason) == (None, VerdictKind.UNCHECKED, "late")
    assert services.online()


class TestALateMeasure:
    def test_is_not_gone_on_with_before_its_sources_were_asked(self, services: Services) -> None:
        services.waiting()
        assert [case.state for case in (*services.desk.recover(retry_failed=False), *services.desk.recover())] == [
            CaseState.OPEN
        ]
        assert services.online()
        (case,) = services.toolkit.late()
        assert "its sources must be asked again" in case.measures[0].detail
        assert services.events() == ["measure.intended", "measure.waits", "measure.waits"], "said once"

    def test_is_carried_out_when_they_still_know_it(self, services: Services) -> None:
        services.waiting()
        assert services.caught_up().state is CaseState.OFFLINE
        assert not services.online()
        assert [question.live for question in services.police.asked] == [True]
        assert services.toolkit.late() == []

    def test_is_withdrawn_when_they_do_not_and_the_case_says_by_whom(self, services: Services) -> None:
        waiting = services.waiting()
        services.police.known.clear()
        case = services.caught_up()
        assert (case.id, case.state, case.measures[0].state) == (waiting.id, CaseState.WITHDRAWN, MeasureState.REFUSED)
        assert case.reason.startswith("withdrawn by police")
        assert case.closed_at == services.now
        assert services.online()
        assert services.events()[-1] == "case.withdrawn"
        assert services.checked_again == [case.upload], "the index must not call it known"
        assert services.toolkit.late() == []

    def test_waits_while_they_cannot_be_asked(self, services: Services) -> None:
        case = services.waiting()
        services.police.trouble = DOWN
        assert services.caught_up() == case
        assert services.online()
        services.police.trouble = None
        assert services.caught_up().state is CaseState.OFFLINE

    def test_is_held_when_they_say_something_lighter(self, services: Services) -> None:
        services.waiting()
        services.police.known[KNOWN] = Category.OTHER
        case = services.caught_up()
        assert (case.state, case.matches[0].category) == (CaseState.HELD, Category.OTHER)
        assert case.measures[0].state is MeasureState.PROPOSED
        assert services.online()

    def test_of_a_file_that_changed_meanwhile_is_none(self, services: Services) -> None:
        services.waiting()
        (services.tree / "anna/a.png").write_text("another picture")
        assert services.caught_up().state is CaseState.GONE
        assert services.online()

    def test_that_a_crash_left_done_is_found_so_without_asking(self, services: Services) -> None:
        case = services.waiting()
        services.mover.take_offline(case.id, case.upload, case.digests.sha256)
        services.police.trouble = DOWN
        (after,) = services.desk.recover()
        assert (after.state, after.measures[0].detail) == (CaseState.OFFLINE, "found done after a crash")

    @pytest.mark.parametrize("trouble", [PassingError("the mover is away"), QuarantineError("no room")])
    @pytest.mark.parametrize("seconds", [0, 600])
    def test_is_not_carried_out_once_the_mode_is_observe(
        self, services: Services, trouble: PassingError | QuarantineError, seconds: float
    ) -> None:
        services.mover.trouble = trouble
        before = services.state_of("anna/a.png")
        services.mover.trouble = None
        services.later(seconds)
        observing = replace(services.desk, rules=replace(services.desk.rules, enforce=False))
        observing.recover()
        observing.recover(retry_failed=False)
        assert observing.late() == []
        place = Place(os.fsencode(services.tree), b"anna/a.png")
        toolkit = replace(services.toolkit, desk=observing)
        with toolkit.examine(place) as checked:
            toolkit.act("anna", place, checked)
        assert services.online()
        (case,) = services.store.find(CaseQuery())
        assert case.state is before
        services.desk.recover()
        for late in services.toolkit.late():
            services.toolkit.proceed(late)
        assert not services.online()

    def test_that_failed_is_tried_again_when_they_still_know_it(self, services: Services) -> None:
        services.mover.trouble = QuarantineError("no room")
        assert services.state_of("anna/a.png") is CaseState.FAILED
        services.later()
        assert services.desk.recover() == []
        assert services.caught_up().state is CaseState.FAILED
        services.mover.trouble = None
        assert services.caught_up().state is CaseState.OFFLINE
        assert len(services.police.asked) == 3
        assert services.events() == ["measure.intended", "measure.failed", "measure.done"]

    def test_is_gone_on_with_by_a_check_too(self, services: Services) -> None:
        services.waiting()
        place = Place(os.fsencode(services.tree), b"anna/a.png")
        services.later(3600)
        with services.toolkit.examine(place) as checked:
            acted = services.toolkit.act("anna", place, checked)
        assert acted.case
        assert acted.case.state is CaseState.OFFLINE
        assert len(services.police.asked) == 1

    def test_a_persons_word_and_a_notice_do_not_age(self, services: Services) -> None:
        case, rules = services.waiting(), services.desk.rules
        assert is_late(case, services.now, rules)
        for grown in (replace(case, actor="eve"), replace(case, notice="N1"), replace(case, matches=())):
            assert not is_late(grown, services.now, rules)


def test_what_a_source_has_again_is_taken_then(services: Services) -> None:
    services.waiting()
    services.police.known.clear()
    assert services.caught_up().state is CaseState.WITHDRAWN
    services.later(7200)
    services.police.known[KNOWN] = Category.ILLEGAL
    place = Place(os.fsencode(services.tree), b"anna/a.png")
    with services.toolkit.examine(place) as checked:
        acted = services.toolkit.act("anna", place, checked)
    assert acted.case
    assert acted.case.state is CaseState.OFFLINE
    assert services.events()[-3:] == ["case.reopened", "measure.intended", "measure.done"]


@with_rules(storm_customers=1)
class TestAPersonsWord:
    def held(self, services: Services) -> Case:
        case = services.upload("anna/a.png").case
        assert case
        assert case.state is CaseState.HELD
        services.later()
        return case

    def test_is_carried_out_when_the_sources_still_know_it(self, services: Services) -> None:
        case = self.held(services)
        assert services.toolkit.confirm([case.id], EVE).done == (case.id,)
        assert not services.online()
        assert [question.live for question in services.police.asked] == [False, True]

    def test_is_refused_when_they_do_not(self, services: Services) -> None:
        case = self.held(services)
        services.police.known.clear()
        ((case_id, why),) = services.toolkit.confirm([case.id], EVE).refused
        assert case_id == case.id
        assert "withdrawn by police" in why
        assert services.online()
        assert services.store.get(case.id).state is CaseState.WITHDRAWN
        assert services.checked_again == [case.upload]
        for orders in (services.toolkit.confirm([case.id], EVE), services.toolkit.restore([case.id], EVE)):
            assert "there is nothing to" in orders.refused[0][1]

    def test_is_enough_when_they_cannot_be_asked_and_the_log_says_so(self, services: Services) -> None:
        case = self.held(services)
        services.police.trouble = DOWN
        assert services.toolkit.confirm([case.id], EVE).done == (case.id,)
        assert not services.online()
        [told] = [entry.event.data for entry in services.audit.entries() if entry.event.kind == "case.confirmed"]
        assert (told["actor"], told["not_asked_again"]) == ("eve", "police is away")

    def test_about_a_whole_storm_is_not(self, services: Services) -> None:
        case = self.held(services)
        (storm,) = services.desk.brake.open()
        services.police.trouble = DOWN
        ((_, why),) = services.toolkit.release_storm(storm.id, EVE).refused
        assert "cannot be asked again now: police is away" in why
        assert (services.online(), services.store.get(case.id).state) == (True, CaseState.HELD)
        services.police.trouble = None
        assert services.toolkit.release_storm(storm.id, EVE).done == (case.id,)
        assert not services.online()
