"""Caches in front of our sites are purged after what really happened, until they really are."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.purges import SqlitePurgeQueue
from goodhoster.errors import PassingError
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.cases import CaseState
from goodhoster.model.notices import Matching, PathRoute, Site
from goodhoster.model.purges import PurgeCause, PurgeState
from goodhoster.ports import CaseQuery, ForgottenCustomer
from goodhoster.ports.customers import ForgottenUrl
from goodhoster.takedowns.purging import CaseAddresses, PurgeDesk, PurgeHook
from tests.unit.takedowns.test_desk import EVA, Services


class Cache:
    """Somebody else's cache that may be away."""

    at_once = 1

    def __init__(self) -> None:
        self.away = False
        self.forgotten: list[str] = []
        self.asked = 0

    def purge(self, urls: Sequence[str]) -> None:
        self.asked += 1
        if self.away:
            raise PassingError("the cache ended with 7")
        self.forgotten += urls


class Front:
    """A notice desk with caches in front of its customers."""

    def __init__(self, folder: Path, hosts: Sequence[str] = ("*.example",), *, keyed: bool = True) -> None:
        self.services = Services(folder, keyed=keyed)
        self.caches = {"cdn": Cache(), "other": Cache()}
        self.names = {"cdn": tuple(hosts), "other": ("bert.example",)}
        self.queue = SqlitePurgeQueue(folder / "purges.sqlite")
        self.sites_down = False
        self.desk = self.opened()
        self.desk.round()

    def opened(self) -> PurgeDesk:
        hooks = [PurgeHook(name, self.names[name], cache) for name, cache in self.caches.items()]
        services = self.services
        addresses = CaseAddresses(self.sites, services.store)
        return PurgeDesk(self.queue, services.audit, services.cases, addresses, hooks, services.clock)

    def sites(self) -> SiteMap:
        if self.sites_down:
            raise PassingError("nginx -T did not answer")
        tree = os.fsencode(self.services.tree)
        return SiteMap(
            [
                Site("anna", ("anna.example", "www.anna.example"), (PathRoute(Matching.PREFIX, "/", tree + b"/anna"),)),
                Site("bert", ("bert.example",), (PathRoute(Matching.PREFIX, "/", tree + b"/bert"),)),
            ]
        )

    def round(self, **later: float) -> None:
        self.services.now += timedelta(**later)
        self.desk.round()


@pytest.fixture(params=[True, False], ids=["keyed", "plain"])
def front(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Front]:
    """With the log as a host has it, and as hosts had it before."""
    front = Front(tmp_path, keyed=request.param)
    with closing(front.services), closing(front.queue):
        yield front


def all_of(*addresses: str) -> list[str]:
    return [f"{scheme}://{address}" for address in sorted(addresses) for scheme in ("https", "http")]


def test_what_goes_offline_by_a_notice_is_purged_at_every_name_of_its_site(front: Front) -> None:
    notice = front.services.scart(front.services.file("anna/p 1.jpg").replace(" ", "%20"))
    front.round()
    (case,) = notice.items[0].cases
    assert front.caches["cdn"].forgotten == all_of("anna.example/p%201.jpg", "www.anna.example/p%201.jpg")
    assert front.caches["other"].asked == 0
    (purge,) = front.desk.of([case])
    assert (purge.cause, purge.state, purge.tries) == (PurgeCause.OFFLINE, PurgeState.PURGED, 0)
    assert [entry.event.kind for entry in front.services.audit.entries()][-1] == "purge.done"
    front.round(hours=5)
    assert len(front.caches["cdn"].forgotten) == 4


def test_and_what_comes_back_is_purged_again(front: Front) -> None:
    notice = front.services.scart(front.services.file("bert/q.jpg"))
    front.round()
    (case,) = notice.items[0].cases
    front.services.case_desk.restore(case, EVA)
    front.round()
    expected = all_of("bert.example/q.jpg") * 2
    assert [cache.forgotten for cache in front.caches.values()] == [expected, expected]
    assert [(p.cause, p.state) for p in front.desk.of([case])] == [
        (PurgeCause.OFFLINE, PurgeState.PURGED),
        (PurgeCause.RESTORED, PurgeState.PURGED),
    ]


def test_a_block_and_its_lifting_are_purged_by_the_address(front: Front) -> None:
    notice = front.services.scart("http://anna.example/app/view.php?id=7")
    front.round()
    assert front.caches["cdn"].forgotten == all_of("anna.example/app/view.php?id=7")
    front.services.outside.sights.clear()
    front.services.store.replace(notice, expected=notice.state)
    assert [purge.state for purge in front.desk.of(["http://anna.example/app/view.php?id=7"])] == [PurgeState.PURGED]


def test_a_cache_that_fails_is_told_tried_again_and_never_called_purged(front: Front) -> None:
    front.caches["other"].away = True
    notice = front.services.scart(front.services.file("bert/q.jpg"), front.services.file("anna/p.jpg"))
    assert not (front.services.tree / "bert/q.jpg").exists()
    front.round()
    bert, anna = (item.cases[0] for item in notice.items)
    assert [front.desk.of([case])[0].state for case in (bert, anna)] == [PurgeState.WAITING, PurgeState.PURGED]
    assert front.desk.problems() == [
        f"1 purges of caches in front failed and are tried again ({bert}): other: the cache ended with 7"
    ]
    front.round(hours=1)
    front.round(hours=3)
    kinds = [entry.event.kind for entry in front.services.audit.entries()]
    assert (kinds.count("purge.failed"), kinds.count("purge.done")) == (1, 1)
    assert front.desk.of([bert])[0].tries == 3
    front.caches["other"].away = False
    front.round(hours=1)
    assert front.desk.of([bert])[0].state is PurgeState.PURGED
    assert front.desk.problems() == []
    assert front.caches["cdn"].forgotten.count("https://bert.example/q.jpg") == 1


def test_a_failing_hook_is_asked_once_in_a_round_however_much_waits(front: Front) -> None:
    front.caches["cdn"].away = True
    front.services.scart(*(front.services.file(f"anna/{n}.jpg") for n in range(20)))
    front.round()
    assert front.caches["cdn"].asked == 1


def test_hosts_that_no_hook_names_are_left_alone(tmp_path: Path) -> None:
    front = Front(tmp_path, hosts=["www.anna.example"])
    notice = front.services.scart(front.services.file("anna/p.jpg"))
    other = front.services.scart(front.services.file("cas/p.jpg"), number=2)
    front.round()
    assert front.caches["cdn"].forgotten == all_of("www.anna.example/p.jpg")
    assert front.desk.of([*notice.items[0].cases, *other.items[0].cases]) == front.desk.of(notice.items[0].cases)
    front.services.close()
    front.queue.close()


def test_a_match_that_no_notice_named_is_purged_where_its_site_shows_it(front: Front) -> None:
    notice = front.services.scart(front.services.file("anna/p.jpg"))
    (case,) = front.services.cases.find(CaseQuery(states=frozenset({CaseState.OFFLINE})))
    front.services.cases.replace(
        type(case)(**{f: getattr(case, f) for f in case.__slots__} | {"notice": ""}), expected=case.state
    )
    front.round()
    assert front.caches["cdn"].forgotten == all_of("anna.example/p.jpg", "www.anna.example/p.jpg")
    assert notice.items[0].cases == (case.id,)


def test_after_a_crash_nothing_is_missed_and_nothing_of_before_the_hook_is_purged(tmp_path: Path) -> None:
    services = Services(tmp_path, keyed=True)
    services.scart(services.file("anna/before.jpg"))
    services.close()
    front = Front(tmp_path)
    front.services.scart(front.services.file("anna/after.jpg"), number=2)
    front.desk = front.opened()  # as a new process
    front.round()
    assert front.caches["cdn"].forgotten == all_of("anna.example/after.jpg", "www.anna.example/after.jpg")
    front.services.close()
    front.queue.close()


def test_while_the_sites_cannot_be_told_it_waits_and_says_so(front: Front) -> None:
    front.sites_down = True
    front.services.scart(front.services.file("anna/p.jpg"))
    front.round()
    assert "nginx -T did not answer" in front.desk.problems()[0]
    front.sites_down = False
    front.round(minutes=2)
    assert front.desk.problems() == []
    assert len(front.caches["cdn"].forgotten) == 4


def test_a_hook_that_is_taken_away_is_never_said_to_have_purged(front: Front) -> None:
    front.caches["cdn"].away = True
    notice = front.services.scart(front.services.file("anna/p.jpg"))
    front.round()
    front.names["cdn"] = ("elsewhere.example",)
    front.desk = front.opened()
    front.round(minutes=5)
    assert [purge.state for purge in front.desk.of(notice.items[0].cases)] == [PurgeState.DROPPED]
    assert front.desk.problems() == []


def test_the_notifier_is_told_of_a_purge_only_once_it_was_done(front: Front) -> None:
    letters = replace(front.services.desk._parts.letters, purged=front.desk.is_purged)
    notice = front.services.scart(front.services.file("anna/p.jpg"))
    seen = replace(notice, items=(replace(notice.items[0], front="203.0.113.7"),))

    def answer() -> str:
        letter = letters.answer(seen)
        assert letter
        return letter.text

    assert "which is not ours: please ask there, too" in answer()
    front.round()
    assert "which is not ours: we had its cache purged" in answer()
    front.services.case_desk.restore(notice.items[0].cases[0], EVA)
    front.round()
    assert "please ask there, too" in answer()


def test_an_address_stands_nowhere_in_the_log_and_a_forgotten_one_nowhere_in_the_queue(tmp_path: Path) -> None:
    front = Front(tmp_path)
    with closing(front.services), closing(front.queue):
        url = "http://anna.example/app/view.php?id=7"
        front.services.scart(url, front.services.file("anna/p.jpg"))
        (case,) = front.services.cases.find(CaseQuery(states=frozenset({CaseState.OFFLINE})))
        front.caches["cdn"].away = True
        front.round()
        assert b"anna" not in (tmp_path / "audit.log").read_bytes()
        forgotten = ForgottenUrl("N", url, "https://forgotten-1.invalid/2")
        customer = ForgottenCustomer(("anna",), "forgotten-x", (case.id,), urls=(forgotten,))
        assert front.queue.unlink(customer) == 0, "what waits keeps its addresses until the cache has forgotten them"
        front.caches["cdn"].away = False
        front.round(hours=1)
        assert front.queue.unlink(customer) == 2
        assert [purge.state for purge in front.desk.of([case.id, forgotten.drawn])] == [PurgeState.PURGED] * 2
    assert b"anna" not in (tmp_path / "purges.sqlite").read_bytes()
