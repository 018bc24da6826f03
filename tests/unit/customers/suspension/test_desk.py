"""The suspension desk says in force and lifted only of what was seen to be so, and leads exactly back."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goodhoster.adapters.panels.hestia import HestiaPanel
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.suspensions import SqliteSuspensionStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.suspension.desk import SuspensionDesk, SuspensionOrder, SuspensionParts
from goodhoster.errors import PassingError, PermanentError, RefusedError, UnrecordedError
from goodhoster.linux.programs import Ended
from goodhoster.model.alerts import AlertKind
from goodhoster.model.cases import Order
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.ports.panels import PageSnapshot, SuspensionQuery
from goodhoster.testing.panels.hosting import FakeHosting, made_up_hosting
from goodhoster.testing.panels.programs import FakeHestia
from tests.full_log import LogFullAt

ORDER = Order("carla", "made-up reason")
ANNA = SuspensionTarget("anna")
SHOP = SuspensionTarget("anna", "shop.anna.example")


class Killed(BaseException):
    """What kill -9 leaves: nothing after it runs."""


@dataclass
class World:
    """A desk over a fake panel, whose web server serves what is not suspended."""

    folder: Path
    hosting: FakeHosting = field(default_factory=made_up_hosting)
    now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    paged: list[str] = field(default_factory=list)
    serves_all: bool = False
    fails: Callable[[Sequence[str]], None] = lambda _: None

    def __post_init__(self) -> None:
        self.record = customers_file(self.folder / "customers.sqlite")
        self.store = SqliteSuspensionStore(self.record)
        self.log = FileAuditLog(self.folder / "audit.log")
        self.desk = SuspensionDesk(
            SuspensionParts(
                panels={"web1": HestiaPanel("web1", Path("/x"), self.run)},
                store=self.store,
                audit=self.log,
                pager=self,
                clock=lambda: self.now,
                locks=self.folder / "locks",
                snapshots={"web1": self},
                sleep=lambda _: None,
            )
        )

    def run(self, argv: Sequence[str], _given: bytes = b"") -> Ended:
        self.fails(argv)
        return FakeHestia(self.hosting)(argv)

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:  # noqa: ARG002
        self.paged.append(subject)

    def snapshot(self, host: str) -> Sequence[PageSnapshot]:
        site = self.hosting.site(host)
        shown = b"site" if self.serves_all or not (site and site.suspended) else b"suspended"
        return [PageSnapshot("/", 200, shown), PageSnapshot("/?goodhoster", 200, shown)]

    def suspend(self, target: SuspensionTarget = ANNA) -> Suspension:
        return self.desk.suspend(SuspensionOrder("web1", target, ORDER))

    def only(self) -> Suspension:
        """The only suspension that there ever was."""
        (found,) = self.store.find(SuspensionQuery(panel="web1", account="anna"))
        return found

    def kinds(self) -> list[str]:
        return [entry.event.kind for entry in self.log.entries()]

    def anna_suspended(self) -> bool:
        return any(one.suspended for one in self.hosting.accounts if one.user == "anna")

    def suspended(self) -> list[str]:
        return [site.host for one in self.hosting.accounts for site in one.sites if site.suspended]

    def close(self) -> None:
        self.record.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path)) as world:
        yield world


def test_an_account_is_suspended_seen_and_logged_before_and_after(world: World) -> None:
    found = world.suspend()
    assert found.state is SuspensionState.IN_FORCE
    assert "another than before" in found.detail
    assert world.kinds() == ["suspension.intended", "suspension.in-force"]
    assert world.store.get(found.id) == found
    assert world.paged == []


def test_what_was_suspended_before_stays_so_when_the_account_is_lifted(world: World) -> None:
    world.hosting.switch_site("shop.anna.example", suspended=True)
    found = world.suspend()
    lifted = world.desk.lift(found.id, ORDER)
    assert lifted.state is SuspensionState.LIFTED
    assert world.suspended() == ["shop.anna.example"]
    assert world.anna_suspended() is False


def test_an_account_that_was_suspended_before_stays_so(world: World) -> None:
    world.hosting.switch("anna", suspended=True)
    found = world.suspend()
    assert found.state is SuspensionState.IN_FORCE
    assert world.desk.lift(found.id, ORDER).state is SuspensionState.LIFTED
    assert world.anna_suspended() is True


def test_a_site_suspended_by_us_survives_the_lifting_of_its_account(world: World) -> None:
    site = world.suspend(SHOP)
    account = world.suspend()
    world.desk.lift(account.id, ORDER)
    assert world.suspended() == ["shop.anna.example"]
    assert world.desk.lift(site.id, ORDER).state is SuspensionState.LIFTED
    assert world.suspended() == []


def test_a_site_lifted_while_its_account_is_suspended_comes_back_with_the_account(world: World) -> None:
    site = world.suspend(SHOP)
    account = world.suspend()
    lifted = world.desk.lift(site.id, ORDER)
    assert account.id in lifted.detail
    assert world.suspended() == ["anna.example", "shop.anna.example"]
    world.desk.lift(account.id, ORDER)
    assert world.suspended() == []


def test_a_panel_that_says_ok_and_does_nothing_is_told(world: World) -> None:
    world.hosting.does_nothing = True
    found = world.suspend()
    assert found.state is SuspensionState.INEFFECTIVE
    assert "not suspended" in found.detail
    assert len(world.paged) == 1


def test_a_site_that_is_marked_and_still_served_is_told(world: World) -> None:
    world.serves_all = True
    found = world.suspend(SHOP)
    assert found.state is SuspensionState.INEFFECTIVE
    assert "the same as before" in found.detail
    assert len(world.paged) == 1


def test_what_has_its_effect_late_is_in_force_by_then(world: World) -> None:
    world.serves_all = True
    found = world.suspend()
    world.serves_all = False
    world.now += timedelta(minutes=10)
    assert [one.id for one in world.desk.due()] == [found.id]
    assert world.desk.look_after(found).state is SuspensionState.IN_FORCE


def test_a_suspension_is_looked_at_after_ten_minutes_and_then_daily(world: World) -> None:
    found = world.suspend()
    assert found.check_at == world.now + timedelta(minutes=10)
    world.now += timedelta(minutes=10)
    again = world.desk.look_after(found)
    assert again.check_at == world.now + timedelta(days=1)
    assert world.kinds() == ["suspension.intended", "suspension.in-force"]  # nothing changed: nothing more is said


def test_a_suspension_that_a_payment_lifted_is_told_once(world: World) -> None:
    found = world.suspend()
    world.hosting.switch("anna", suspended=False)
    world.now += timedelta(days=1)
    ended = world.desk.look_after(found)
    assert ended.state is SuspensionState.ENDED_ELSEWHERE
    assert ended.check_at is None
    assert len(world.paged) == 1
    assert world.desk.due() == []


def test_after_it_ended_elsewhere_a_person_may_suspend_again(world: World) -> None:
    first = world.suspend()
    world.hosting.switch("anna", suspended=False)
    world.desk.look_after(first)
    second = world.suspend()
    assert second.state is SuspensionState.IN_FORCE
    assert world.store.get(first.id).state is SuspensionState.LIFTED


def test_a_panel_that_cannot_be_asked_later_changes_nothing(world: World) -> None:
    found = world.suspend()

    def fails(_argv: Sequence[str]) -> None:
        raise TimeoutError("too slow")

    world.fails = fails
    kept = world.desk.look_after(found)
    assert kept.state is SuspensionState.IN_FORCE
    assert "could not be checked" in kept.detail
    assert world.paged == []


def test_an_order_without_an_answer_is_unconfirmed_and_tried_again(world: World) -> None:
    def fails(argv: Sequence[str]) -> None:
        if "v-suspend-user" in argv[0]:
            raise TimeoutError("too slow")

    world.fails = fails
    found = world.suspend()
    assert found.state is SuspensionState.UNCONFIRMED
    world.fails = lambda _: None
    world.now += timedelta(minutes=5)
    assert [world.desk.look_after(one).state for one in world.desk.due()] == [SuspensionState.IN_FORCE]


def test_a_panel_that_cannot_be_asked_at_all_leaves_nothing_behind(world: World) -> None:
    def fails(_argv: Sequence[str]) -> None:
        raise TimeoutError("too slow")

    world.fails = fails
    with pytest.raises(PassingError):
        world.suspend()
    assert world.kinds() == []


def test_a_refusal_is_failed_and_told(world: World) -> None:
    class Refuses(HestiaPanel):
        def suspend(self, target: SuspensionTarget, reason: str) -> None:
            raise PermanentError(f"{target.account}: forbidden, whatever the reason: {reason[-14:]}")

    world.desk._parts.panels["web1"] = Refuses("web1", Path("/x"), world.run)  # type: ignore[index]
    found = world.suspend()
    assert found.state is SuspensionState.FAILED
    assert found.detail == "anna: forbidden, whatever the reason: made-up reason"
    assert len(world.paged) == 1
    assert world.desk.due() == []


@pytest.mark.parametrize("script", ["v-suspend-user", "v-list-user", "v-list-web-domains"])
@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_a_kill_at_any_step_is_continued(world: World, script: str, after: bool) -> None:  # noqa: FBT001 - a parameter
    told = 0

    def fails(argv: Sequence[str]) -> None:
        nonlocal told
        if argv[0].endswith(script):
            told += 1
            if script == "v-suspend-user" or told == 2:  # the first look is before anything is intended
                if after:
                    FakeHestia(world.hosting)(argv)
                raise Killed

    world.fails = fails
    with pytest.raises(Killed):
        world.suspend()
    world.fails = lambda _: None
    (left,) = world.desk.due()
    done = world.desk.look_after(left)
    assert done.state is SuspensionState.IN_FORCE
    assert world.desk.lift(done.id, ORDER).state is SuspensionState.LIFTED
    assert world.suspended() == []


def test_a_kill_while_lifting_is_continued(world: World) -> None:
    world.hosting.switch_site("shop.anna.example", suspended=True)
    found = world.suspend()

    def fails(argv: Sequence[str]) -> None:
        if "v-suspend-web-domain" in argv[0]:  # the account is lifted, and what was suspended before is not yet
            raise Killed

    world.fails = fails
    with pytest.raises(Killed):
        world.desk.lift(found.id, ORDER)
    world.fails = lambda _: None
    (left,) = world.desk.due()
    assert world.desk.look_after(left).state is SuspensionState.LIFTED
    assert world.suspended() == ["shop.anna.example"]


@dataclass
class FragileWorld(World):
    """One that dies at one of its steps, before or after it."""

    dies_at: int = 0
    after: bool = False
    steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store.add = self.step(self.store.add)  # type: ignore[method-assign]
        self.store.replace = self.step(self.store.replace)  # type: ignore[method-assign]
        self.log.append = self.step(self.log.append)  # type: ignore[method-assign]

    def step(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: object, **named: object) -> object:
            self.steps += 1
            if self.steps == self.dies_at and not self.after:
                raise Killed
            result = call(*given, **named)
            if self.steps == self.dies_at and self.after:
                raise Killed
            return result

        return called

    def run(self, argv: Sequence[str], given: bytes = b"") -> Ended:
        ended: Ended = self.step(super().run)(argv, given)
        return ended


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("target", [ANNA, SHOP], ids=["account", "site"])
def test_a_command_that_was_killed_anywhere_is_completed_by_the_same_command(
    tmp_path: Path,
    target: SuspensionTarget,
    after: bool,  # noqa: FBT001 - a parameter
) -> None:
    def killed(order: str, dies_at: int) -> bool:
        """Whether an order in the folder's world was killed at that step."""
        with closing(FragileWorld(folder, hosting, dies_at=dies_at, after=after)) as fragile:
            try:
                fragile.suspend(target) if order == "suspend" else fragile.desk.lift(fragile.only().id, ORDER)
            except Killed:
                return True
            return False

    died = {"suspend": 0, "lift": 0}
    for order, dies_at in ((order, dies_at) for order in died for dies_at in range(1, 40)):
        folder, hosting = tmp_path / f"{order}-{dies_at}", made_up_hosting()
        folder.mkdir()
        if order == "lift":
            with closing(World(folder, hosting)) as before:
                before.suspend(target)
        if not killed(order, dies_at):
            continue
        died[order] += 1
        with closing(World(folder, hosting)) as world:
            if order == "suspend":
                in_force = SuspensionQuery(frozenset({SuspensionState.IN_FORCE}), panel="web1", account="anna")
                standing = world.store.find(in_force)
                done = world.only() if standing else world.suspend(target)
                assert (done.state, world.only()) == (SuspensionState.IN_FORCE, done), dies_at
                assert world.kinds()[-1] == "suspension.in-force", dies_at
            elif world.only().state is not SuspensionState.LIFTED:
                world.desk.lift(world.only().id, ORDER)
            lifted = world.desk.lift(world.only().id, ORDER) if order == "suspend" else world.only()
            assert lifted.state is SuspensionState.LIFTED, (order, dies_at)
            assert world.suspended() == [], (order, dies_at)
    assert min(died.values()) > 5


def test_who_says_a_killed_order_again_is_in_the_log_and_keeps_it_confidential(tmp_path: Path) -> None:
    hosting = made_up_hosting()
    with closing(FragileWorld(tmp_path, hosting, dies_at=6)) as fragile, pytest.raises(Killed):
        fragile.suspend()
    with closing(World(tmp_path, hosting)) as world:
        assert world.only().state is SuspensionState.INTENDED
        done = world.desk.suspend(SuspensionOrder("web1", ANNA, Order("dora", "again"), confidential=True))
    assert (done.state, done.confidential, done.actor) == (SuspensionState.IN_FORCE, True, "carla")
    (entry,) = [entry for entry in world.log.entries() if entry.event.kind == "suspension.continued"]
    assert (entry.event.data["actor"], entry.event.data["reason"]) == ("dora", "again")


def test_a_lifting_that_does_nothing_is_told(world: World) -> None:
    found = world.suspend()
    world.hosting.does_nothing = True
    assert world.desk.lift(found.id, ORDER).state is SuspensionState.LIFT_FAILED
    assert len(world.paged) == 1
    world.hosting.does_nothing = False
    assert world.desk.lift(found.id, ORDER).state is SuspensionState.LIFTED


def test_is_refused_what_stands_already(world: World) -> None:
    found = world.suspend()
    for target in (ANNA, SHOP):
        with pytest.raises(RefusedError, match=found.id):
            world.suspend(target)
    world.desk.lift(found.id, ORDER)
    with pytest.raises(RefusedError, match="already"):
        world.desk.lift(found.id, ORDER)


def test_is_refused_a_site_of_somebody_else(world: World) -> None:
    with pytest.raises(RefusedError, match="no site"):
        world.suspend(SuspensionTarget("anna", "bob.example"))
    assert world.hosting.orders == []


def test_is_refused_an_unknown_panel(world: World) -> None:
    with pytest.raises(RefusedError) as told:
        world.desk.preview("web2", ANNA)
    assert "web1" in told.value.hint


def test_a_preview_changes_nothing(world: World) -> None:
    world.hosting.switch_site("shop.anna.example", suspended=True)
    orders = list(world.hosting.orders)
    shown = world.desk.preview("web1", ANNA)
    assert shown.suspended_before == ("shop.anna.example",)
    assert shown.refusal == ""
    assert world.hosting.orders == orders
    assert world.kinds() == []


def test_of_two_at_once_one_is_refused(world: World) -> None:
    results: list[object] = []

    def go() -> None:
        try:
            results.append(world.suspend().state)
        except RefusedError as error:
            results.append(type(error))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == sorted(map(str, [SuspensionState.IN_FORCE, RefusedError]))
    assert world.hosting.orders == ["suspend anna"]


@pytest.mark.parametrize("command", ["suspend", "lift"])
def test_what_the_panel_did_and_cannot_be_recorded_is_told_as_seen(world: World, command: str) -> None:
    if command == "lift":
        world.suspend()
    outcome = "in-force" if command == "suspend" else "lifted"
    log = LogFullAt(world.folder / "audit.log", f"suspension.{outcome}")
    world.log, world.desk = log, SuspensionDesk(replace(world.desk._parts, audit=log))

    def order() -> Suspension:
        return world.suspend() if command == "suspend" else world.desk.lift(world.only().id, ORDER)

    with pytest.raises(UnrecordedError, match=f"anna is seen to be {outcome}: .*, but that cannot be recorded"):
        order()
    assert world.anna_suspended() is (command == "suspend")
    log.room = True
    assert order().state == outcome
    assert world.kinds()[-1] == f"suspension.{outcome}"
