"""Storms at the desk, on real files: what is held, what is told, and what a person's word undoes or lets go on."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.storms import StormBrake
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import BusyError, PassingError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.storms import CountedCase, StormKind, StormState
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.testing.brake import MadeUpCensus
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1),))
EVE = Order("eve", "a picture of WordPress")

pytestmark = pytest.mark.usefixtures("unlocked")


class Services:
    """One machine with its record, its brake and a pager."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir(exist_ok=True)
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), FileAuditLog(folder / "audit.log")
        self.storms, self.census, self.pager = SqliteStormStore(self.store.record), MadeUpCensus(), MemoryPager()
        rules, audit = HouseRules(enforce=True, storm_customers=3, measures_per_hour=5), self.audit
        watch = StormBrake(
            self.storms, self.storms, self.census, self.store, audit, self.pager, rules, lambda: self.now
        )
        quarantine = LocalQuarantine((os.fsencode(self.tree),))
        lock, holders = FileLock(folder / "desk.lock"), HolderLocks(folder / "desk.holders")
        self.desk = CaseDesk(self.store, audit, quarantine, rules, lock, holders, lambda: self.now, watch)
        self.police = MemorySource({}, name="police")
        self.toolkit = toolkit_over((self.police,), self.store, audit, self.desk, DirectHasher(ReadingLimits()))

    def receive(self, name: str, text: str = "logo", verdict: Verdict = KNOWN) -> Case | None:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        upload = Upload(place, name.partition("/")[0], FileState.of(path.stat()))
        digests = made_up(text).digests
        self.police.known[digests.of(Algorithm.SHA1)] = Category.UNSPECIFIED
        return self.desk.open(upload, digests, verdict)

    def state(self, name: str, text: str = "logo", verdict: Verdict = KNOWN) -> CaseState | None:
        case = self.receive(name, text, verdict)
        return case.state if case else None

    def contents(self) -> list[str]:
        return sorted(path.read_text() for path in self.tree.glob("[!.]*/*"))

    def events(self, kind: str) -> int:
        return sum(entry.event.kind == kind for entry in self.audit.entries())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.store.close()


def storm_of_a_logo(services: Services) -> str:
    """At four customers; returns the storm's id."""
    assert [services.state(f"{name}/logo.png") for name in "abcd"] == [CaseState.OFFLINE] * 2 + [CaseState.HELD] * 2
    (storm,) = services.storms.braking()
    return storm.id


def test_one_alert_that_lists_the_measures_taken_before(services: Services) -> None:
    storm = services.storms.get(storm_of_a_logo(services))
    offline = services.store.find(CaseQuery(states=frozenset({CaseState.OFFLINE})))
    assert set(storm.measures) == {case.id for case in offline}
    ((subject, text),) = services.pager.pages
    assert storm.id in subject
    assert "2 measures were ordered before" in text
    assert storm.alert_delivered


def test_three_pictures_of_one_list_are_one_alert_and_one_undo(services: Services) -> None:
    storm_of_a_logo(services)
    for text in ("smiley", "arrow"):
        states = [services.state(f"{name}/{text}.png", text) for name in "abcd"]
        assert states.count(CaseState.HELD) >= 2
    assert len(services.pager.pages) == 1
    (storm,) = services.storms.braking()
    orders = services.toolkit.undo_storm(storm.id, EVE)
    assert orders.refused == ()
    assert services.contents() == ["arrow"] * 4 + ["logo"] * 4 + ["smiley"] * 4


@pytest.mark.parametrize("state", [StormState.UNDONE, StormState.RELEASED])
def test_a_word_about_one_picture_leaves_the_storm_of_the_others_open(services: Services, state: StormState) -> None:
    """They hid behind the one that was looked at: `storms list` and `status` had nothing more to show."""
    storm_of_a_logo(services)
    for text in ("smiley", "arrow"):
        for name in "abcd":
            services.receive(f"{name}/{text}.png", text)
    services.toolkit.rule(made_up("logo").digests.of(Algorithm.SHA1), state, EVE)
    (still,) = services.desk.brake.open()
    assert still.cause.about == made_up("smiley").digests.sha256.hex()
    assert made_up("arrow").digests.sha256.hex() in {part.cause.about for part in services.desk.brake.whole(still.id)}
    assert services.state("newcomer/smiley.png", "smiley") is CaseState.HELD
    assert len(services.pager.pages) == 1
    services.toolkit.undo_storm(still.id, EVE)
    assert services.contents().count("smiley") == 5
    assert services.contents().count("arrow") == 4
    assert services.desk.brake.open() == []


def test_what_a_person_undid_is_held_from_then_on_everywhere(services: Services) -> None:
    services.toolkit.undo_storm(storm_of_a_logo(services), EVE)
    assert services.state("newcomer/logo.png") is CaseState.HELD
    assert services.state("a/again.png") is None  # overruled at this very customer
    assert len(services.pager.pages) == 1


def test_a_digest_that_was_in_no_storm_yet_can_be_ruled_on(services: Services) -> None:
    case = services.receive("a/logo.png")
    assert case
    services.toolkit.rule(case.digests.of(Algorithm.MD5), StormState.UNDONE, EVE)
    assert services.state("b/logo.png") is CaseState.HELD
    assert services.pager.pages == []


def test_a_release_lets_everything_go_on(services: Services) -> None:
    orders = services.toolkit.release_storm(storm_of_a_logo(services), EVE)
    assert len(orders.done) == 2
    assert services.contents() == []
    assert services.state("newcomer/logo.png") is CaseState.OFFLINE


def test_a_content_that_lies_at_many_customers_already_is_held_at_once(services: Services) -> None:
    services.census.having[made_up("logo").digests.sha256] = frozenset("abc")
    assert services.state("a/logo.png") is CaseState.HELD
    assert services.pager.pages[0][1].count("no file was touched before") == 1


def test_over_its_cap_a_customer_is_held_until_a_person_lets_it_go_on(services: Services) -> None:
    states = [services.state(f"a/{n}.png", f"{n}") for n in range(8)]
    assert states == [CaseState.OFFLINE] * 5 + [CaseState.HELD] * 3
    services.now += timedelta(days=2)
    assert services.state("a/later.png", "later") is CaseState.HELD
    assert len(services.pager.pages) == 1
    (storm,) = services.storms.braking()
    assert (storm.cause.kind, storm.cause.about) == (StormKind.CUSTOMER_CAP, "a")
    assert "Further matches of this customer are held" in services.pager.pages[0][1]
    services.toolkit.release_storm(storm.id, EVE)
    assert services.contents() == []
    assert services.state("a/after.png", "after") is CaseState.OFFLINE


def test_one_customer_holds_up_no_other(services: Services) -> None:
    """However much known material it has: neither by the caps nor by the rate of the source."""
    for n in range(40):
        services.receive(f"a/{n}.png", f"{n}")
    assert [services.state(f"{name}/x.png", f"of {name}") for name in "bcd"] == [CaseState.OFFLINE] * 3
    assert [storm.cause.kind for storm in services.storms.braking()] == [StormKind.CUSTOMER_CAP]


def test_copies_of_one_picture_at_one_customer_are_one(services: Services) -> None:
    """101 of them switched enforcement off for everybody."""
    assert {services.state(f"a/{n}.png", "one") for n in range(20)} == {CaseState.OFFLINE}
    assert services.state("b/x.png", "another") is CaseState.OFFLINE
    assert services.storms.braking() == []


def test_a_source_over_its_cap_is_held_and_another_is_not(services: Services) -> None:
    assert [services.state(f"{n}/x.png", f"{n}") for n in range(7)] == [CaseState.OFFLINE] * 5 + [CaseState.HELD] * 2
    (storm,) = services.storms.braking()
    assert (storm.cause.kind, storm.cause.about) == (StormKind.SOURCE_CAP, "police")
    assert len(services.pager.pages) == 1
    other = Verdict(VerdictKind.KNOWN, (Match("hotline", Algorithm.SHA1),))
    assert services.state("z/y.png", "theirs", other) is CaseState.OFFLINE


def test_a_clock_that_was_ahead_holds_nothing_for_a_year(services: Services) -> None:
    services.now += timedelta(days=365)
    for n in range(2):
        services.receive(f"a/{n}.png", f"{n}")
        services.receive(f"{n}/x.png", f"at {n}")
    services.receive("y/x.png", "logo")
    services.receive("x/x.png", "logo")
    services.now -= timedelta(days=365)
    assert [services.state(f"a/now{n}.png", f"now {n}") for n in range(4)] == [CaseState.OFFLINE] * 4
    assert services.state("z/x.png", "logo") is CaseState.OFFLINE


def test_customers_of_two_years_ago_make_no_storm(services: Services) -> None:
    for name in "ab":
        services.receive(f"{name}/x.png", "one")
    services.now += timedelta(days=700)
    assert services.state("c/x.png", "one") is CaseState.OFFLINE
    assert services.state("d/x.png", "one") is CaseState.OFFLINE
    assert services.state("e/x.png", "one") is CaseState.HELD


def test_a_storm_stops_measures_that_wait(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same source, decided before it began; a person lets them go on, or undoes them, with the others."""
    with monkeypatch.context() as patch:
        for name in ("take_offline", "recover"):
            patch.setattr(LocalQuarantine, name, _away)
        waiting = services.receive("a/waits.png", "waits")
        assert waiting is not None
        assert waiting.state is CaseState.OPEN
        for n in range(5):
            services.receive(f"{n}/x.png", f"{n}")
    assert [storm.cause.kind for storm in services.storms.braking()] == [StormKind.SOURCE_CAP]
    services.desk.recover()
    held = services.store.get(waiting.id)
    assert held.state is CaseState.HELD
    assert held.reason == "storm brake: 5 contents by police in the last hour (measures_per_hour)"
    assert "waits" in services.contents()
    assert services.events("case.held") == 5
    (storm,) = services.storms.braking()
    services.toolkit.release_storm(storm.id, EVE)
    assert services.store.get(waiting.id).state is CaseState.OFFLINE
    assert services.contents() == []


def _away(*_: object) -> object:
    raise PassingError("the mover is away")


def test_a_held_file_that_is_rewritten_is_no_second_case(services: Services) -> None:
    storm_of_a_logo(services)
    before = services.store.find(CaseQuery())
    assert services.state("c/logo.png") is CaseState.HELD
    assert services.state("d/logo.png") is CaseState.HELD
    assert [case.id for case in services.store.find(CaseQuery())] == [case.id for case in before]
    (storm,) = services.storms.braking()
    assert services.toolkit.release_storm(storm.id, EVE).refused == ()
    assert services.contents() == []


def test_an_undone_cap_puts_back_exactly_what_the_hour_took(services: Services) -> None:
    before = [services.state(f"a/{n}.png", f"{n}") for n in range(7)]
    assert before.count(CaseState.OFFLINE) == 5
    (storm,) = services.storms.braking()
    assert len(services.toolkit.undo_storm(storm.id, EVE).done) == 7
    assert services.contents() == [f"{n}" for n in range(7)]


def test_an_alert_that_reached_nobody_is_tried_again(services: Services) -> None:
    services.pager.down = True
    storm_of_a_logo(services)
    assert services.events("storm.alerted") == 0
    services.pager.down = False
    services.desk.deliver_alerts()
    services.desk.deliver_alerts()
    assert len(services.pager.pages) == services.events("storm.alerted") == 1


def test_the_log_has_the_storm_and_the_persons_word(services: Services) -> None:
    storm = storm_of_a_logo(services)
    services.toolkit.undo_storm(storm, EVE)
    entries = {entry.event.kind: entry.event.data for entry in services.audit.entries()}
    assert entries["storm.begun"]["storm"] == entries["storm.undone"]["storm"] == storm
    assert entries["storm.undone"]["reason"] == EVE.reason


def test_a_repeated_undo_finishes_what_was_left(services: Services) -> None:
    storm = storm_of_a_logo(services)
    with services.desk.session() as session:
        session.brake.record_decision(services.storms.get(storm), StormState.UNDONE, EVE)  # and the power went
    assert len(services.toolkit.undo_storm(storm, EVE).done) == 4
    assert services.contents() == ["logo"] * 4


def test_of_two_decisions_one_wins_and_the_other_is_told_so(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were carried out, interleaved: some files went offline and some came back, and both persons read success."""
    storm = storm_of_a_logo(services)
    told: list[str] = []
    restore = CaseDesk.restore

    def meanwhile(desk: CaseDesk, case_id: str, order: Order, seen: Case | None) -> Case:
        bob = Order("bob", "it is real")
        for decide in (
            lambda: services.toolkit.release_storm(storm, bob),
            lambda: services.toolkit.undo_storm(storm, bob),
            lambda: services.toolkit.rule(made_up("logo").digests.of(Algorithm.SHA256), StormState.RELEASED, bob),
        ):
            with pytest.raises(BusyError) as refused:
                decide()
            told.append(str(refused.value))
        return restore(desk, case_id, order, seen)

    monkeypatch.setattr(CaseDesk, "restore", meanwhile)
    assert len(services.toolkit.undo_storm(storm, EVE).done) == 4
    assert set(told) == {f"storm {storm} is being undone by eve since 12:00:00 UTC: {EVE.reason}"}
    assert services.contents() == ["logo"] * 4
    assert (services.events("storm.undone"), services.events("storm.released")) == (1, 0)
    monkeypatch.undo()
    services.toolkit.release_storm(storm, Order("bob", "a new order"))
    assert services.storms.get(storm).state is StormState.RELEASED


def test_a_storms_id_may_be_shortened_when_it_is_over_too(services: Services) -> None:
    storm = storm_of_a_logo(services)
    services.toolkit.release_storm(storm, EVE)
    assert services.storms.complete(storm.partition("-")[2][:4]) == storm
    with pytest.raises(RefusedError, match="no storm"):
        services.storms.complete("zzzz")


def test_of_two_orders_about_the_same_cases_each_case_follows_the_first(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cases restore --all` and `cases confirm --all` at once: both were carried out, one after the other."""
    storm_of_a_logo(services)
    held = [case.id for case in services.store.find(CaseQuery(states=frozenset({CaseState.HELD})))]
    assert len(held) == 2
    bob, restore = Order("bob", "it is real"), CaseDesk.restore

    def meanwhile(desk: CaseDesk, case_id: str, order: Order, seen: Case | None) -> Case:
        if case_id == held[0]:
            monkeypatch.undo()
            assert services.toolkit.confirm(held, bob).done == (*held,)
        return restore(desk, case_id, order, seen)

    monkeypatch.setattr(CaseDesk, "restore", meanwhile)
    orders = services.toolkit.restore(held, EVE)
    assert orders.done == ()
    assert all("is offline now, by bob" in refusal.why for refusal in orders.refused)
    assert services.contents() == []
    assert services.toolkit.restore(held, EVE).done == (*held,), "a new order, by who has seen it"


@pytest.mark.parametrize("undo", [True, False])
def test_the_decision_that_won_goes_on_after_a_crash(
    services: Services, monkeypatch: pytest.MonkeyPatch, *, undo: bool
) -> None:
    storm = storm_of_a_logo(services)
    decide, other = services.toolkit.undo_storm, services.toolkit.release_storm
    if not undo:
        decide, other = other, decide
    with monkeypatch.context() as patch:
        patch.setattr(CaseDesk, "restore" if undo else "confirm", _dying)
        with pytest.raises(KeyboardInterrupt):
            decide(storm, EVE)
    with pytest.raises(BusyError, match="by eve") as refused:
        other(storm, Order("bob", "otherwise"))
    assert "interrupted" in refused.value.hint
    assert services.toolkit.recover_storms() == [storm]
    assert services.contents() == (["logo"] * 4 if undo else [])
    assert services.toolkit.recover_storms() == []
    other(storm, Order("bob", "otherwise"))


def test_a_storm_can_be_undone_although_a_crash_left_a_case_that_was_never_opened(services: Services) -> None:
    """It could never be undone then, in versions that kept storms in a file of their own."""
    storm = storm_of_a_logo(services)
    services.storms.note(CountedCase("20260301-nothing", ("police",), services.now, automatic=False, storm=storm))
    assert services.toolkit.undo_storm(storm, EVE).refused == ()
    assert services.contents() == ["logo"] * 4


def test_a_crash_in_between_leaves_no_storm_without_its_cases(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storm, counts and case are one change of the record."""
    with monkeypatch.context() as patch:
        patch.setattr(SqliteCaseStore, "add", _dying)
        with pytest.raises(KeyboardInterrupt):
            services.receive("a/logo.png")
    assert services.storms.measured("police", services.now, services.now, 9) == ()
    assert services.storms.counted("", "a", services.now) == 0


def _dying(*_: object) -> None:
    raise KeyboardInterrupt


def test_releasing_a_storm_leaves_what_is_held_for_another_reason(services: Services) -> None:
    near = Verdict(VerdictKind.NEAR, (Match("police", "pdq", distance=8),))
    other = services.receive("near/logo.png", verdict=near)
    assert other is not None
    assert other.state is CaseState.HELD
    for name in "abcd":
        services.receive(f"{name}/logo.png")
    (storm,) = services.storms.braking()
    assert services.toolkit.release_storm(storm.id, EVE).done
    assert services.store.get(other.id).state is CaseState.HELD
    assert services.contents() == ["logo"]


def test_undoing_a_storm_leaves_what_a_notice_took_offline(services: Services) -> None:
    """A person's word that a list is wrong says nothing of a notice, and never puts back what a hotline reported."""
    reported = services.receive("reported/logo.png")
    assert reported is not None
    with services.store.record.changing() as db:
        db.execute("UPDATE cases SET notice = 'N20260301-abcdefg' WHERE id = ?", (reported.id,))
    services.now += timedelta(days=40)
    assert len(services.toolkit.undo_storm(storm_of_a_logo(services), EVE).done) == 4
    assert services.store.get(reported.id).state is CaseState.OFFLINE
    assert services.contents() == ["logo"] * 4
