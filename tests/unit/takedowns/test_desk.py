"""The notice desk over real files, stores, spool and outbox; who is outside of us is in memory."""

import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.mailers.memory import MemoryMailer
from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.adapters.site_checks.memory import MemoryOutside
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
from goodhoster.audit.keyed_log import KeyedAuditLog
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.customers.contacts.desk import ContactDesk
from goodhoster.errors import AuditError, GoodhosterError, PassingError, RefusedError, UnrecordedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.examination import Examined
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead, result
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.linux.leases import LEASES
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.notice_status import Block, ItemState, Notice, NoticeState, Receipt, Seen, Sight
from goodhoster.model.notices import (
    Belief,
    Carrier,
    FoundBy,
    LocatedFile,
    Location,
    LocationKind,
    Notifier,
    NotifierCaps,
    NotifierKind,
    RawNotice,
    ReadItem,
    ReadNotice,
    TrustFinding,
    TrustLevel,
)
from goodhoster.model.quarantine import QuarantineRequest
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.notices.reading.reader import read
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery, NoticeQuery
from goodhoster.takedowns.actions import TakedownActions
from goodhoster.takedowns.answers import Answers
from goodhoster.takedowns.deadlines import DeadlineTerms
from goodhoster.takedowns.desk import NoticeDesk, NoticeParts
from goodhoster.takedowns.forwarding import CustomerForwarding
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from tests.leaseholder import lease_on

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOTLINE = Notifier(
    "hotline",
    "Hotline",
    NotifierKind.HOTLINE,
    ("hotline.example",),
    86400.0,
    caps=NotifierCaps(1000, 1000),
    automatic=True,
)
NEIGHBOUR = replace(HOTLINE, id="neighbour", kind=NotifierKind.OTHER, domains=("neighbour.example",), automatic=False)
HEAD = Letterhead("Made-up Hosting", "abuse@hoster.example", "en")
EVA = Order("eva", "looked at it")


class Reader:
    def read(self, raw: RawNotice) -> ReadNotice:
        return read(raw)


class Blocks:
    def __init__(self) -> None:
        self.all: list[Block] = []

    def block(self, block: Block) -> None:
        self.all.append(block)

    def prepare(self) -> None:
        """Nothing is needed."""

    def lift(self, url: str) -> None:
        self.all = [block for block in self.all if block.url != url]

    def blocks(self) -> list[Block]:
        return list(self.all)


class Services:
    """Sites are directories below the tree: http://anna.example/p.jpg is anna/p.jpg; /app/… is a program's."""

    def __init__(
        self, folder: Path, mode: str = "enforce", *, outside: bool = True, blocks: bool = True, keyed: bool = False
    ) -> None:
        self.folder = folder
        self.tree = folder / "customers"
        self.tree.mkdir(mode=0o755, exist_ok=True)
        self.now, self.level, self.keys_down, self.map_down = NOON, TrustLevel.PINNED, False, False
        self.names_down = False
        self.notifier = HOTLINE.id
        self.copies: dict[str, list[str]] = {}
        self.sizes: dict[str, list[str]] = {}
        self.programs: set[str] = set()
        self.copy_of, self.unlike_the_whole = "", b""
        self.hurried: list[Upload] = []
        self.contacts: ContactDesk | None = None
        self.own_servers: dict[str, str] = {}
        self.later_copies: list[Upload] = []
        self.after_reading: Callable[[], object] = lambda: None
        self.index_gap = ""
        self.store = SqliteNoticeStore(folder / "notices.sqlite")
        self.cases = SqliteCaseStore(folder / "record.sqlite")
        plain, self.keys = (
            FileAuditLog(folder / "audit.log", self.clock),
            SqlitePseudonyms(folder / "pseudonyms.sqlite"),
        )
        self.audit = KeyedAuditLog(plain, self.keys) if keyed else plain
        self.outside, self.mailer, self.pager, self.blocks = MemoryOutside(), MemoryMailer(), MemoryPager(), Blocks()
        self.outbox = Outbox(folder / "outbox", self.clock, 3)
        self.spool = Spool(folder / "spool", self.clock)
        rules = HouseRules(mode == "enforce", 3, 100)
        quarantine = LocalQuarantine((os.fsencode(self.tree),))
        brake = brake_in_memory(self.cases, self.audit, rules, self.clock)
        lock, holders = FileLock(folder / "desk.lock"), HolderLocks(folder / "desk.holders")
        self.case_desk = CaseDesk(self.cases, self.audit, quarantine, rules, lock, holders, self.clock, brake)
        self.police = MemorySource({}, name="police")
        toolkit = toolkit_over((self.police,), self.cases, self.audit, self.case_desk, DirectHasher(ReadingLimits()))
        letters = Answers(
            self.outbox,
            HEAD,
            frozenset({"abuse@hoster.example"}),
            self.cases,
            lambda customer: AbuseContact(customer, f"{customer}@customer.example"),
            rules.enforce,
        )
        parts = NoticeParts(
            self.spool,
            self.store,
            self.audit,
            Reader(),
            self.believe,
            TakedownActions(
                self.locate,
                lambda place: self.reading(toolkit.examine(place)),
                self.case_desk,
                self.blocks if blocks else None,
                self.hurried.extend,
                may_look=outside,
                with_content=lambda _, known: [one for one in self.later_copies if one.place not in known],
            ),
            letters,
            self.outside if outside else None,
            self.pager,
            FileLock(folder / "notices.lock"),
            self.clock,
            self.ours,
            CustomerForwarding(lambda: self.contacts, rules.enforce),
            lambda: self.index_gap,
        )
        self.desk = NoticeDesk(parts, [HOTLINE, NEIGHBOUR], DeadlineTerms())

    def clock(self) -> datetime:
        return self.now

    def ours(self, names: Iterable[str]) -> frozenset[str]:
        if self.names_down:
            raise PassingError("nginx -T did not answer")
        return frozenset(names) & {"anna.example", "bert.example", "192.0.2.1"}

    def believe(self, _receipt: Receipt, raw: RawNotice) -> Belief:
        if self.keys_down:
            return Belief(TrustFinding(TrustLevel.UNAUTHENTICATED, passing=True), raw)
        proven = self.notifier if self.level is TrustLevel.PINNED else ""
        notifier = NEIGHBOUR.id if self.notifier == NEIGHBOUR.id else proven
        says = RawNotice(raw.carrier, raw.content + self.unlike_the_whole)
        return Belief(TrustFinding(self.level, notifier, copy_of=self.copy_of), says)

    def locate(self, item: ReadItem) -> Location:
        if self.map_down:
            raise PassingError("nginx -T did not answer")
        url = urlsplit(item.urls[0])
        customer, _, rest = (url.hostname or "").partition(".")
        if server := self.own_servers.get(url.hostname or ""):
            about = f"{server} is in a network of customer {customer}: forward the notice, see customers show"
            unclear = Location(LocationKind.AMBIGUOUS, item.urls[0], customer, reason="customer-network", detail=about)
            return replace(unclear, server=server)
        if rest != "example":
            return Location(LocationKind.NOT_OURS, item.urls[0], detail="unknown host")
        if url.path.startswith("/app/"):
            return Location(LocationKind.DYNAMIC, item.urls[0], customer)
        place = Place(os.fsencode(self.tree), os.fsencode(customer + unquote(url.path)))
        copies = [Place(place.tree, os.fsencode(name)) for name in self.copies.get(item.urls[0], [])]
        sizes = [Place(place.tree, os.fsencode(name)) for name in self.sizes.get(item.urls[0], [])]
        names = [(place, FoundBy.URL), *((copy, self.found_by(copy, place)) for copy in copies)]
        names += [(size, FoundBy.VARIANT) for size in sizes]
        found = [
            LocatedFile(self.upload(name), by, None if by is FoundBy.URL else place)
            for name, by in names
            if os.path.exists(name.absolute)
        ]
        page = url.path.endswith(".html")
        if os.fsencode(place.absolute) not in {os.fsencode(file.upload.place.absolute) for file in found}:
            reason = "program" if item.urls[0] in self.programs else "missing"
            return Location(LocationKind.DYNAMIC, item.urls[0], customer, (), place, tuple(found), reason=reason)
        return Location(LocationKind.FILE, item.urls[0], customer, tuple(found), place, page=page)

    def found_by(self, copy: Place, place: Place) -> FoundBy:
        same_customer = copy.path.split(b"/")[0] == place.path.split(b"/")[0]
        return FoundBy.DERIVED if same_customer else FoundBy.SAME_CONTENT

    def upload(self, place: Place) -> Upload:
        return Upload(place, place.path.split(b"/")[0].decode(), FileState.of(os.stat(place.absolute)))

    @contextmanager
    def reading(self, examined: AbstractContextManager[Examined]) -> Iterator[Examined]:
        """What is read, and what its owner does directly after it was read."""
        with examined as read:
            yield read
        self.after_reading()

    def file(self, name: str, content: str = "") -> str:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content or name)
        customer, _, rest = name.partition("/")
        return f"http://{customer}.example/{rest}"

    def mail(self, *urls: str, subject: str = "[M0000000001] Notice", more: str = "", sender: str = "x@y") -> Notice:
        text = (
            f"From: desk@hotline.example\nTo: abuse@hoster.example\nSubject: {subject}\n"
            f"Message-ID: <1@hotline.example>\nDate: Mon, 2 Mar 2026 11:00:00 +0000\n{more}\n" + "\n".join(urls) + "\n"
        )
        receipt = self.desk.keep(RawNotice(Carrier.MAIL, text.encode()), Arrived(sender))
        return self.desk.receive(receipt)

    def scart(self, *urls: str, number: int = 1, sender: str = "bounces@hotline.example") -> Notice:
        rows = "".join(f"<tr><td>{url}</td><td></td></tr>" for url in urls)
        table = f'<table class="urls"><tr><th>url</th><th>note</th></tr>{rows}</table>'
        return self.mail(table, subject=f"[M{number:010}] Notice", sender=sender)

    def later(self, **span: float) -> None:
        """Let time pass, looking after everything as it falls due."""
        end = self.now + timedelta(**span)
        while self.now < end:
            due = [notice.due for notice in self.store.find(NoticeQuery()) if notice.due]
            self.now = min([end, *(max(moment, self.now + timedelta(seconds=30)) for moment in due)])
            for notice_id in self.desk.due():
                self.desk.look_after(notice_id)

    def states(self, notice: Notice) -> list[ItemState]:
        return [item.state for item in self.store.get(notice.id).items]

    def letters(self) -> list[str]:
        self.outbox.deliver(self.mailer)
        return [letter.kind for letter in self.mailer.sent]

    def close(self) -> None:
        for case in self.cases.find(CaseQuery()):
            if case.state is CaseState.OFFLINE:
                with suppress(RefusedError):  # a test may have put another file there
                    self.case_desk.restore(case.id, EVA)
        self.store.close()
        self.cases.close()
        self.keys.close()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.close()


def test_a_proven_notice_is_acted_on_seen_to_be_gone_and_answered(services: Services) -> None:
    notice = services.scart(services.file("anna/p.jpg"), services.file("bert/q.jpg"), "http://elsewhere.invalid/x.jpg")
    assert services.states(notice) == [ItemState.OFFLINE, ItemState.OFFLINE, ItemState.NOT_OURS]
    assert notice.state is NoticeState.OPEN
    assert notice.deadline == NOON + timedelta(hours=24)
    assert sorted(services.letters()) == ["receipt", "statement", "statement"]
    services.later(minutes=5)
    assert services.states(notice) == [ItemState.INACCESSIBLE, ItemState.INACCESSIBLE, ItemState.NOT_OURS]
    done = services.store.get(notice.id)
    assert (done.state, done.stopped_at) == (NoticeState.DONE, NOON + timedelta(seconds=30))
    assert sorted(services.letters()) == ["receipt", "result", "statement", "statement"]
    (result,) = [letter for letter in services.mailer.sent if letter.kind == "result"]
    assert result.subject.startswith("[M0000000001] ")
    assert result.to == "desk@hotline.example"
    assert "hxxp://anna[.]example/p[.]jpg" in result.text
    assert services.pager.pages == []


def test_it_is_looked_at_again_seven_times_in_a_week(services: Services) -> None:
    url = services.file("anna/p.jpg")
    services.scart(url)
    services.later(days=8)
    assert services.outside.looked == [url] * 7
    assert services.desk.due() == []


def test_where_nobody_may_look_our_own_reading_back_must_do(tmp_path: Path) -> None:
    services = Services(tmp_path, outside=False)
    notice = services.scart(services.file("anna/p.jpg"))
    assert (notice.state, services.states(notice)) == (NoticeState.DONE, [ItemState.INACCESSIBLE])
    assert sorted(services.letters()) == ["result", "statement"]
    services.close()


def test_back_online_is_reopened_and_taken_again(services: Services) -> None:
    url = services.file("anna/p.jpg")
    notice = services.scart(url)
    services.later(hours=2)
    services.file("anna/p.jpg", "the same again, a bit different")
    services.outside.sights[url] = Sight.THERE
    services.later(hours=23)
    reopened = services.store.get(notice.id)
    assert (reopened.items[0].reopened, reopened.stopped_at) == (1, None)
    services.outside.sights.clear()
    services.later(hours=1)
    assert services.states(notice) == [ItemState.INACCESSIBLE]
    assert services.letters().count("result") == 2
    assert not (services.tree / "anna/p.jpg").exists()


def test_back_online_without_a_file_is_blocked_and_if_that_does_not_do_a_person_is_paged(services: Services) -> None:
    url = services.file("anna/p.jpg")
    notice = services.scart(url)
    services.later(hours=2)
    services.outside.sights[url] = Sight.THERE
    services.later(hours=24)
    assert services.states(notice)[0].waits_for_person
    assert [block.url for block in services.blocks.all] == [url]
    assert any("from outside it can still be seen" in subject for subject, _ in services.pager.pages)


def test_what_can_still_be_seen_does_not_stop_the_clock(services: Services) -> None:
    url = services.file("anna/p.jpg")
    services.outside.sights[url] = Sight.THERE
    notice = services.scart(url)
    services.later(hours=1)
    held = services.store.get(notice.id)
    assert (held.state, held.items[0].state, held.stopped_at) == (NoticeState.NEEDS_PERSON, ItemState.HELD, None)
    assert "from outside it can still be seen" in held.items[0].reason
    del services.outside.sights[url]
    services.later(hours=1)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def left(services: Services, names: list[str]) -> list[str]:
    return [name for name in names if (services.tree / name).exists()]


def held(services: Services) -> list[str]:
    cases = services.cases.find(CaseQuery(states=frozenset({CaseState.HELD})))
    return sorted(upload.place.path.decode() for case in cases for upload in case.uploads)


def test_a_page_that_many_customers_have_in_common_goes_offline_where_it_was_named_and_nowhere_else(
    services: Services,
) -> None:
    names = [f"c{n:02}/index.html" for n in range(13)]
    url, *_ = [services.file(name, "<h1>It works!</h1>") for name in names]
    services.copies = {url: names[1:]}
    notice = services.scart(url)
    assert left(services, names) == names[1:]
    assert (services.states(notice), held(services)) == ([ItemState.OFFLINE], [])
    services.later(minutes=10)
    assert services.letters().count("statement") == 1


@pytest.mark.parametrize("name", ["x.php", "x.js", "x.svg", "x.bin", "empty.jpg", "gif.php"])
def test_no_page_script_or_empty_file_follows_another(services: Services, name: str) -> None:
    contents = {"empty.jpg": b"", "gif.php": b"GIF89a<?php", "x.bin": b"just bytes"}
    names = [f"anna/{name}", f"anna/copy-{name}", f"bert/{name}"]
    url, *_ = [services.file(each) for each in names]
    for each in names:
        (services.tree / each).write_bytes(contents.get(name, b"alert(1)"))
    services.copies = {url: names[1:]}
    services.scart(url)
    assert (left(services, names), held(services)) == (names[1:], [])


@pytest.mark.parametrize("content", [b"PK\3\4 made up", b"Rar!\x1a\7\1\0 made up", b"\xff\xd8\xff made up"])
def test_pictures_and_archives_follow_whatever_they_are_called(services: Services, content: bytes) -> None:
    names = ["anna/one.bin", "anna/two.bin", "bert/three"]
    url, *_ = [services.file(name) for name in names]
    for name in names:
        (services.tree / name).write_bytes(content)
    services.copies = {url: names[1:]}
    services.scart(url)
    assert left(services, names) == []


def test_what_lies_at_many_customers_is_held_at_all_but_the_one_that_was_named(services: Services) -> None:
    names = ["anna/p.jpg", "anna/again.jpg", "bert/p.jpg", "cas/p.jpg", "dirk/p.jpg"]
    url, *others = [services.file(name, "the same picture") for name in names]
    services.copies = {url: names[1:]}
    notice = services.scart(url)
    assert left(services, names) == names[2:]
    assert held(services) == names[2:]
    (item,) = notice.items
    assert (len(item.cases), len(item.copies_held)) == (1, 3)
    assert "storm: a copy of a file that a notice names" in services.cases.get(item.copies_held[0]).reason
    services.later(minutes=10)
    assert services.store.get(notice.id).state is NoticeState.DONE, "the address that was named is gone"
    named = services.scart(others[1], number=2)
    assert (services.states(named), left(services, names)) == ([ItemState.OFFLINE], names[3:])


def test_two_notices_one_after_the_other_do_not_get_around_the_number_of_customers(services: Services) -> None:
    names = ["anna/p.jpg", "bert/p.jpg", "cas/p.jpg"]
    urls = [services.file(name, "the same picture") for name in names[:2]]
    services.copies = {urls[0]: names[1:]}
    services.scart(urls[0])
    assert left(services, names) == []
    late, copy = services.file("cas/p.jpg", "the same picture"), services.file("dirk/p.jpg", "the same picture")
    services.copies = {late: ["dirk/p.jpg"], copy: ["cas/p.jpg"]}
    services.scart(late, number=2)
    assert (left(services, names), held(services)) == ([], ["dirk/p.jpg"])


def test_a_word_about_an_unproven_notice_takes_no_copy_of_many_customers(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    names = [f"{customer}/p.jpg" for customer in ("anna", "bert", "cas")]
    url, *_ = [services.file(name, "the same picture") for name in names]
    services.copies = {url: names[1:]}
    notice = services.scart(url)
    services.desk.confirm(notice.id, EVA)
    assert (left(services, names), held(services)) == (names[1:], names[1:])


def test_a_dismissed_notice_leaves_no_copy_waiting(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    names = [f"{customer}/p.jpg" for customer in ("anna", "bert", "cas")]
    url, *_ = [services.file(name, "the same picture") for name in names]
    services.copies = {url: names[1:]}
    services.desk.dismiss(services.scart(url).id, EVA)
    assert (left(services, names), held(services)) == (names, [])


def test_another_size_by_its_name_alone_is_a_persons(services: Services) -> None:
    names = ["anna/rug-160x230.jpg", "anna/rug.jpg", "anna/rug-300x400.png"]
    url, *_ = [services.file(name) for name in names]
    services.sizes = {url: names[1:]}
    notice = services.scart(url)
    assert (left(services, names), sorted(held(services))) == (names[1:], sorted(names[1:]))
    services.later(minutes=10)
    assert services.store.get(notice.id).state is NoticeState.DONE


def test_another_size_that_looks_the_same_goes_too(services: Services) -> None:
    pytest.importorskip("PIL", reason="needs the extra near")
    from goodhoster.testing.drawn import jpeg  # noqa: PLC0415 - needs the extra, too

    names = ["anna/rug.jpg", "anna/rug-300x200.jpg", "anna/rug@2x.jpg", "anna/rug-160x230.jpg"]
    pictures = [jpeg(1), jpeg(1, (300, 200)), jpeg(1, (960, 640)), jpeg(2, (160, 230))]
    url, *_ = [services.file(name) for name in names]
    for name, picture in zip(names, pictures, strict=True):
        (services.tree / name).write_bytes(picture)
    services.sizes = {url: names[1:]}
    services.scart(url)
    assert (left(services, names), held(services)) == (names[3:], names[3:])


@pytest.mark.parametrize("level", [TrustLevel.UNAUTHENTICATED, TrustLevel.AUTHENTICATED, TrustLevel.AUTHORITY])
def test_whoever_is_not_pinned_waits_for_a_person(services: Services, level: TrustLevel) -> None:
    services.level = level
    url = services.file("anna/p.jpg")
    notice = services.scart(url, "http://anna.example/app/1")
    assert services.states(notice) == [ItemState.HELD, ItemState.HELD]
    assert notice.state is NoticeState.NEEDS_PERSON
    assert (services.tree / "anna/p.jpg").exists()
    assert services.blocks.all == []
    assert [kind for kind in services.letters() if kind != "receipt"] == []
    assert bool(services.pager.pages) is (level is TrustLevel.AUTHORITY)
    services.desk.confirm(notice.id, EVA)
    services.later(minutes=10)
    assert services.states(notice) == [ItemState.INACCESSIBLE, ItemState.INACCESSIBLE]
    assert [block.url for block in services.blocks.all] == ["http://anna.example/app/1"]
    assert not (services.tree / "anna/p.jpg").exists()


def test_what_is_left_of_a_notice_is_checked_before_all_uploads(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    url = services.file("anna/p.jpg")
    services.file("bert/p.jpg", "anna/p.jpg")
    services.copies = {url: ["bert/p.jpg"]}
    services.scart(url, "http://anna.example/app/1", "http://elsewhere.invalid/x.jpg")
    assert [str(upload.place).removeprefix(str(services.tree)) for upload in services.hurried] == [
        "/anna/p.jpg",
        "/bert/p.jpg",
    ]


def test_of_what_a_proven_notice_took_offline_nothing_is_left_to_check(services: Services) -> None:
    services.scart(services.file("anna/p.jpg"))
    assert services.hurried == []


def test_a_match_makes_a_notice_urgent_that_nobody_proved(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    url = services.file("anna/p.jpg", "made-up picture")
    services.police.known = {made_up("made-up picture").digests.of(Algorithm.SHA1): Category.BASELINE}
    notice = services.scart(services.file("anna/other.jpg"), url)
    assert [item.known_to for item in notice.items] == [(), ("police",)]
    assert notice.urgent
    assert services.states(notice) == [ItemState.HELD, ItemState.HELD], "the match is for the check of the upload"
    ((subject, _),) = services.pager.pages
    assert subject.endswith("a person must decide: the sender is not proven (known to police)")
    assert services.store.get(notice.id) == notice


def test_without_a_match_nothing_is_less_urgent_than_it_was(services: Services) -> None:
    services.level = TrustLevel.AUTHORITY
    notice = services.scart(services.file("anna/p.jpg"))
    assert not notice.urgent
    assert len(services.pager.pages) == 1


def test_a_match_that_is_found_later_makes_it_urgent_then(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.pager.pages == []
    (upload,), (case_id,) = services.hurried, notice.items[0].cases
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1", Category.OTHER),))
    services.case_desk.open(upload, services.cases.get(case_id).digests, known)
    services.later(minutes=10)
    assert services.store.get(notice.id).urgent
    assert len(services.pager.pages) == 1


def test_a_case_that_a_person_confirms_moves_its_notice_on(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"))
    (case_id,) = notice.items[0].cases
    services.case_desk.confirm(case_id, EVA)
    services.later(minutes=15)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_a_case_that_a_person_restores_settles_its_notice_as_disputed(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"))
    services.case_desk.restore(notice.items[0].cases[0], EVA)
    services.later(minutes=15)
    assert services.states(notice) == [ItemState.DISPUTED]
    assert "result" in services.letters()


def test_what_a_person_had_a_word_in_is_not_said_to_be_automatic(services: Services) -> None:
    automatic = services.scart(services.file("anna/p.jpg"))
    services.later(minutes=1)
    services.case_desk.restore(services.store.get(automatic.id).items[0].cases[0], EVA)
    services.later(minutes=1)
    dismissed = services.scart("http://anna.example/p.jpg", number=2)
    assert dismissed.state is NoticeState.NEEDS_PERSON
    services.desk.dismiss(dismissed.id, EVA)
    services.later(minutes=1)
    services.letters()
    said = {
        letter.id.removesuffix("-result"): "decided automatically" in letter.text for letter in services.mailer.sent
    }
    assert (said[automatic.id], said[dismissed.id]) == (True, False)


def test_what_a_person_put_back_is_disputed_and_not_looked_for(services: Services) -> None:
    url = services.file("anna/p.jpg")
    notice = services.scart(url)
    services.later(minutes=1)
    services.case_desk.restore(services.store.get(notice.id).items[0].cases[0], EVA)
    services.outside.sights[url] = Sight.THERE
    services.later(days=8)
    after = services.store.get(notice.id)
    assert (after.state, services.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED])
    assert services.outside.looked == [url]
    assert services.pager.pages == []


def test_a_person_decides_where_only_a_copy_was_put_back_before(services: Services) -> None:
    original, _ = services.file("anna/p.jpg"), services.file("anna/p-150x150.jpg")
    services.copies = {original: ["anna/p-150x150.jpg"]}
    near = Verdict(VerdictKind.NEAR, (Match("list", "pdq", distance=20),))
    place = Place(os.fsencode(services.tree), b"anna/p-150x150.jpg")
    held = services.case_desk.open(services.upload(place), made_up("anna/p-150x150.jpg").digests, near)
    assert held is not None
    services.case_desk.restore(held.id, EVA)
    services.now += timedelta(hours=1)
    notice = services.scart(original)
    assert services.states(notice) == [ItemState.HELD]
    after = services.desk.confirm(notice.id, EVA)
    assert (after.state, services.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED])
    assert not (services.tree / "anna/p.jpg").exists()
    assert (services.tree / "anna/p-150x150.jpg").exists()


def test_a_file_on_which_its_owner_has_a_lease_is_taken_once_that_is_broken(services: Services) -> None:
    url, path = services.file("anna/p.jpg"), services.tree / "anna/p.jpg"
    with lease_on(path) as give_up:
        notice = services.scart(url)
        assert services.states(notice) == [ItemState.WAITING], "no person can do more"
        item = services.store.get(notice.id).items[0]
        assert "it cannot be read yet" in item.reason
        assert "write lease" in item.reason
        give_up()
        end = time.monotonic() + 60
        while LEASES.waiting():
            assert time.monotonic() < end
            time.sleep(0.01)
        services.later(minutes=5)
        assert services.states(notice) == [ItemState.OFFLINE]
    assert not path.exists()
    LEASES.release(os.fsencode(path))


def test_a_copy_that_cannot_be_read_waits_for_a_person(services: Services) -> None:
    url, copy = services.file("anna/p.jpg"), services.tree / "anna/p-scaled.jpg"
    services.file("anna/p-scaled.jpg")
    os.truncate(copy, (2 << 30) + 1)
    services.copies = {url: ["anna/p-scaled.jpg"]}
    notice = services.scart(url)
    assert services.states(notice) == [ItemState.HELD]
    assert not (services.tree / "anna/p.jpg").exists(), "what can be read is taken all the same"
    ((_, text),) = services.pager.pages
    assert "p-scaled.jpg cannot be read: larger than" in text + services.store.get(notice.id).items[0].reason
    services.later(minutes=30)
    assert services.states(notice) == [ItemState.HELD]
    copy.unlink()
    services.desk.confirm(notice.id, EVA)
    services.later(minutes=10)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_a_customer_is_told_of_the_files_that_were_taken_and_of_no_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = services.file("anna/p.jpg")
    services.file("anna/p-300x300.jpg")
    services.copies = {url: ["anna/p-300x300.jpg"]}
    original = LocalQuarantine.take_all_offline

    def take_all(quarantine: LocalQuarantine, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        for request in requests:
            if b"300" in request.upload.place.path:
                os.unlink(request.upload.place.absolute)
        return original(quarantine, requests)

    monkeypatch.setattr(LocalQuarantine, "take_all_offline", take_all)
    services.scart(url)
    services.later(minutes=10)
    services.letters()
    (statement,) = [letter for letter in services.mailer.sent if letter.kind == "statement"]
    assert "p.jpg" in statement.text
    assert "300x300" not in statement.text


def test_what_was_made_of_a_picture_that_was_taken_before_goes_with_it(services: Services) -> None:
    """A hash source knew the picture, and nobody its thumbnail."""
    url, thumbnail = services.file("anna/p.jpg"), services.tree / "anna/p-150x150.jpg"
    services.file("anna/p-150x150.jpg")
    services.copies = {url: ["anna/p-150x150.jpg"]}
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),))
    first = services.case_desk.open(
        services.upload(Place(os.fsencode(services.tree), b"anna/p.jpg")), made_up("anna/p.jpg").digests, known
    )
    assert first is not None
    assert thumbnail.exists()
    notice = services.scart(url)
    assert services.states(notice) == [ItemState.OFFLINE]
    assert not thumbnail.exists()
    assert notice.items[0].cases[0] == first.id
    assert len(notice.items[0].cases) == 2


def test_sizes_by_name_of_what_was_taken_before_wait_for_a_person(services: Services) -> None:
    url, thumbnail = services.file("anna/p.jpg"), services.tree / "anna/p-150x150.jpg"
    services.file("anna/p-150x150.jpg")
    services.scart(url)
    services.sizes = {url: ["anna/p-150x150.jpg"]}
    again = services.scart(url, number=2)
    assert services.states(again) == [ItemState.OFFLINE]
    assert (thumbnail.exists(), held(services)) == (True, ["anna/p-150x150.jpg"])


def test_other_sizes_of_what_its_owner_took_away_stay(services: Services) -> None:
    """Nobody can tell any more that they show the same."""
    services.file("anna/p-150x150.jpg")
    url = "http://anna.example/p.jpg"
    services.copies = {url: ["anna/p-150x150.jpg"]}
    assert services.states(services.scart(url)) == [ItemState.MISSING]
    assert (services.tree / "anna/p-150x150.jpg").exists()


def test_a_dismissed_notice_leaves_no_measure_behind(services: Services) -> None:
    """One that waited for a mover took the file 12 s after the dismissal."""
    url = services.file("anna/p.jpg")
    desk = services.case_desk
    with pytest.MonkeyPatch.context() as patch:
        away = PassingError("the mover is away")
        for name in ("take_offline", "recover"):
            patch.setattr(LocalQuarantine, name, _raising(away))
        notice = services.scart(url)
        (case_id,) = notice.items[0].cases
        assert services.cases.get(case_id).state is CaseState.OPEN
        assert services.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
    desk.recover()
    assert services.cases.get(case_id).state is CaseState.RESTORED
    assert (services.tree / "anna/p.jpg").exists()
    assert "case.cancelled" in [entry.event.kind for entry in services.audit.entries()]
    services.later(hours=2)
    assert (services.tree / "anna/p.jpg").exists()


def test_what_waits_for_the_mover_alone_asks_no_person(services: Services) -> None:
    url = services.file("anna/p.jpg")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("take_offline", "recover"):
            patch.setattr(LocalQuarantine, name, _raising(PassingError("the mover is away")))
        notice = services.scart(url)
        assert (notice.state, services.states(notice)) == (NoticeState.OPEN, [ItemState.UNDER_WAY])
        assert services.pager.pages == []
    services.case_desk.recover()
    services.later(minutes=5)
    assert services.states(notice) == [ItemState.OFFLINE]
    assert not (services.tree / "anna/p.jpg").exists()


def test_what_could_not_be_located_yet_is_dismissed_too(services: Services) -> None:
    services.map_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.states(notice) == [ItemState.WAITING]
    assert services.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
    services.map_down = False
    services.later(hours=2)
    assert services.states(notice) == [ItemState.DISPUTED]
    assert (services.tree / "anna/p.jpg").exists()


def _raising(error: Exception) -> Callable[..., object]:
    def call(*_: object) -> object:
        raise error

    return call


def test_dismiss_settles_what_waits(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = services.scart(services.file("anna/p.jpg"), "http://anna.example/app/1")
    done = services.desk.dismiss(notice.id, EVA)
    assert (done.state, services.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED, ItemState.DISPUTED])
    assert (services.tree / "anna/p.jpg").exists()


def test_what_does_not_live_here_is_dismissed_as_not_ours(services: Services) -> None:
    """Its notifier read that a member of our staff decided that it stays."""
    notice = services.mail("See https://elsewhere.invalid/x.jpg", subject="abuse")
    done = services.desk.dismiss(notice.id, EVA)
    assert (done.state, services.states(notice)) == (NoticeState.DONE, [ItemState.NOT_OURS])
    assert done.items[0].reason == "eva: looked at it"
    letter = result(done, HEAD)
    assert "Not on our servers" in letter.text
    assert "decided that this stays" not in letter.text


def test_what_is_ours_and_what_is_not_are_told_apart_when_dismissed(services: Services) -> None:
    url = services.file("anna/p.jpg")
    notice = services.mail(f"See https://elsewhere.invalid/x.jpg and {url}", subject="abuse")
    services.desk.dismiss(notice.id, EVA)
    assert services.states(notice) == [ItemState.NOT_OURS, ItemState.DISPUTED]


def test_what_cannot_be_located_when_it_is_dismissed_is_not_said_to_live_elsewhere(services: Services) -> None:
    notice = services.mail("See https://elsewhere.invalid/x.jpg", subject="abuse")
    services.map_down = True
    services.desk.dismiss(notice.id, EVA)
    assert services.states(notice) == [ItemState.DISPUTED]


def test_observe_records_and_touches_nothing_and_answers_nobody(tmp_path: Path) -> None:
    services = Services(tmp_path, "observe")
    notice = services.scart(services.file("anna/p.jpg"), "http://anna.example/app/1")
    assert services.states(notice) == [ItemState.OBSERVED, ItemState.OBSERVED]
    assert (services.tree / "anna/p.jpg").exists()
    assert (services.blocks.all, services.letters()) == ([], [])
    assert services.pager.pages
    assert all("nothing was touched" in text for _, text in services.pager.pages)
    services.close()


def test_a_proven_notice_is_not_said_to_be_unproven_because_another_came_first(tmp_path: Path) -> None:
    services = Services(tmp_path, "observe")
    url = services.file("anna/p.jpg")
    services.level = TrustLevel.UNAUTHENTICATED
    unproven = services.scart(url)
    services.level = TrustLevel.AUTHENTICATED
    unknown = services.scart(url)
    services.level = TrustLevel.PINNED
    proven = services.scart(url)
    services.later(hours=1)
    expected = [
        "would be held: the sender is not proven",
        "would be held: the sender is proven, but is not a registered notifier",
        "would be taken offline",
    ]
    assert [services.store.get(notice.id).items[0].reason for notice in (unproven, unknown, proven)] == expected
    (case,) = services.cases.find(CaseQuery())
    assert (case.notice, case.notifier, case.reason) == (proven.id, "hotline", "would be taken offline")
    services.close()


def test_a_notifier_of_no_trusted_kind_is_not_said_to_be_unregistered(services: Services) -> None:
    services.level, services.notifier = TrustLevel.AUTHENTICATED, NEIGHBOUR.id
    notice = services.scart(services.file("anna/p.jpg"))
    assert notice.items[0].reason == "neighbour is proven, but registered as kind other: its notices wait for a person"


def test_a_page_of_something_done_does_not_say_that_nothing_was_touched(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    services.scart(services.file("anna/p.jpg"))
    services.later(hours=25)
    assert services.pager.pages
    assert not any("nothing was touched" in text for _, text in services.pager.pages)


@pytest.mark.slow
def test_a_hundred_notices_of_one_picture_at_three_customers_in_five_sizes(services: Services) -> None:
    sizes = ["p.jpg", *(f"p-{n}00x{n}00.jpg" for n in range(1, 5))]
    names = [f"{customer}/{size}" for customer in ("anna", "bert", "cas") for size in sizes]
    urls = [services.file(name, f"picture {name.partition('/')[2]}") for name in names]
    services.copies = dict.fromkeys(urls, names)
    notices = [services.scart(urls[n % len(urls)], number=n) for n in range(100)]
    services.later(minutes=10)
    assert {state for notice in notices for state in services.states(notice)} == {ItemState.INACCESSIBLE}
    assert sorted(case.upload.customer for case in services.cases.find(CaseQuery())) == ["anna", "bert", "cas"]
    assert [name for name in names if (services.tree / name).exists()] == []
    assert services.letters().count("result") == 100
    assert services.letters().count("statement") == 3


def test_a_long_notice_that_names_the_same_file_early_and_late(services: Services) -> None:
    urls = [services.file(f"anna/{n}.jpg") for n in range(120)]
    services.copies = {urls[110]: ["anna/2.jpg"]}
    notice = services.scart(*urls, f"{urls[3]}?late", f"{urls[119]}?late")
    assert services.states(notice) == [ItemState.OFFLINE] * 122
    assert [url for url in urls if (services.tree / f"anna/{url.rpartition('/')[2]}").exists()] == []
    assert len(services.cases.find(CaseQuery())) == 120


def test_a_duplicate_is_linked_and_still_answered(services: Services) -> None:
    urls = [services.file("anna/p.jpg"), services.file("anna/q.jpg")]
    first = services.scart(*urls)
    second = services.scart(urls[1], number=1)
    other = services.scart(urls[1], number=2)
    assert (first.duplicate_of, second.duplicate_of, other.duplicate_of) == ("", first.id, "")
    services.later(minutes=10)
    assert services.letters().count("result") == 3


def test_of_one_mail_to_two_of_our_addresses_one_is_answered(tmp_path: Path) -> None:
    services = Services(tmp_path, outside=False)
    first = services.scart(services.file("anna/p.jpg"))
    services.copy_of = first.id
    second = services.scart("http://anna.example/p.jpg")
    assert (second.state, second.duplicate_of) == (NoticeState.DONE, first.id)
    assert services.letters().count("result") == 1
    assert len(services.cases.find(CaseQuery())) == 1
    services.close()


def test_a_copy_of_a_mail_takes_nothing_offline_that_came_to_its_address_since(tmp_path: Path) -> None:
    services = Services(tmp_path, outside=False)
    services.copy_of = services.scart(services.file("anna/p.jpg")).id
    second = services.scart(services.file("anna/p.jpg", "innocent"))
    assert second.state is NoticeState.NEEDS_PERSON
    assert (services.tree / "anna/p.jpg").read_text() == "innocent"
    assert services.letters().count("result") == 1
    services.close()


@pytest.mark.parametrize(("said", "acts"), [("", False), ("Auto-Submitted: auto-generated\n", True)])
def test_a_mail_from_nobody_may_be_a_bounce(services: Services, said: str, acts: bool) -> None:  # noqa: FBT001 - the expected value
    rows = f"<tr><td>{services.file('anna/p.jpg')}</td><td></td></tr>"
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr>{rows}</table>'
    services.mail(table, sender="<>", more=said)
    assert (services.tree / "anna/p.jpg").exists() is not acts


def test_a_file_that_is_replaced_all_the_time_is_not_gone(services: Services) -> None:
    """Its owner renames another file over it each time that it was read."""
    url = services.file("anna/p.jpg")
    numbers = itertools.count()

    def rename_another_over_it() -> None:
        other = services.tree / "anna/other"
        other.write_text(f"another file {next(numbers)}")
        other.rename(services.tree / "anna/p.jpg")

    services.after_reading = rename_another_over_it
    notice = services.scart(url)
    assert notice.state is NoticeState.NEEDS_PERSON
    assert services.states(notice) == [ItemState.HELD]
    assert "replaced while the notice was acted on" in notice.items[0].reason
    services.later(hours=3)
    assert services.states(notice) == [ItemState.HELD], "nothing that happens later calls it gone"
    assert "result" not in services.letters()
    services.after_reading = lambda: None
    confirmed = services.desk.confirm(notice.id, EVA)
    assert not (services.tree / "anna/p.jpg").exists()
    assert confirmed.items[0].state in {ItemState.OFFLINE, ItemState.INACCESSIBLE}


def test_a_file_that_is_replaced_once_is_taken_as_it_is_then(services: Services) -> None:
    url = services.file("anna/p.jpg")

    def once() -> None:
        services.after_reading = lambda: None
        (services.tree / "anna/other").write_text("another file")
        (services.tree / "anna/other").rename(services.tree / "anna/p.jpg")

    services.after_reading = once
    notice = services.scart(url)
    assert services.states(notice) == [ItemState.OFFLINE]
    assert not (services.tree / "anna/p.jpg").exists()


def test_what_vanishes_while_we_act_is_gone_only_after_looks_from_outside(services: Services) -> None:
    url = services.file("anna/p.jpg")
    services.after_reading = lambda: (services.tree / "anna/p.jpg").unlink(missing_ok=True)
    notice = services.scart(url)
    assert services.states(notice) == [ItemState.MISSING]
    assert services.letters() == ["receipt"]
    services.later(minutes=31)
    assert services.states(notice) == [ItemState.GONE]
    assert len(services.outside.looked) == 3


def test_gone_before_we_came_is_said_so(services: Services) -> None:
    services.file("anna/other.jpg")
    notice = services.scart("http://anna.example/p.jpg")
    services.later(minutes=29)
    assert services.states(notice) == [ItemState.MISSING], "one look from outside proves nothing"
    assert services.letters() == ["receipt"]
    services.later(minutes=2)
    assert services.states(notice) == [ItemState.GONE]
    assert len(services.outside.looked) == 3
    assert services.letters() == ["receipt", "result"]
    assert "gone already" in services.mailer.sent[1].text


def test_nobody_is_told_that_a_file_was_taken_where_there_was_none(services: Services) -> None:
    services.file("anna/other.jpg")
    notice = services.scart("http://anna.example/p.jpg")
    assert services.states(notice) == [ItemState.MISSING]
    assert ItemState.MISSING.answer_code == "pending"
    letter = result(services.store.get(notice.id), HEAD)
    assert "No file is there; not seen from outside yet" in letter.text
    assert "offline" not in letter.text


def test_what_hides_from_one_look_is_not_gone(services: Services) -> None:
    services.file("anna/other.jpg")
    notice = services.scart("http://anna.example/p.jpg")
    services.later(minutes=16)
    services.outside.sights["http://anna.example/p.jpg"] = Sight.THERE
    services.later(minutes=16)
    assert [block.url for block in services.blocks.all] == ["http://anna.example/p.jpg"]
    assert services.states(notice) != [ItemState.GONE]


def test_what_is_no_file_is_not_said_to_be_gone_where_nobody_may_look(tmp_path: Path) -> None:
    """A program may answer there."""
    services = Services(tmp_path, outside=False, blocks=False)
    services.file("anna/other.jpg")
    notice = services.scart("http://anna.example/gallery/123", services.file("anna/p.jpg"))
    assert services.states(notice) == [ItemState.HELD, ItemState.INACCESSIBLE]
    assert "own_networks" in notice.items[0].reason
    assert "result" not in services.letters()
    again = services.scart("http://anna.example/p.jpg", number=2)
    assert services.states(again) == [ItemState.INACCESSIBLE], "we took it"
    services.close()


def test_what_is_no_file_is_blocked_where_nobody_may_look(tmp_path: Path) -> None:
    services = Services(tmp_path, outside=False)
    services.file("anna/other.jpg")
    notice = services.scart("http://anna.example/gallery/123")
    assert services.states(notice) == [ItemState.INACCESSIBLE]
    assert [block.url for block in services.blocks.all] == ["http://anna.example/gallery/123"]
    services.close()


def test_a_slow_site_keeps_no_other_notice_waiting(services: Services) -> None:
    """What was not looked at yet stays due."""
    services.file("anna/other.jpg")
    notice = services.scart(*(f"http://anna.example/{n}.jpg" for n in range(40)))
    look = services.outside.look

    def slowly(url: str) -> Seen:
        services.now += timedelta(seconds=1)
        return look(url)

    services.outside.look = slowly  # type: ignore[method-assign]
    services.desk.look_after(notice.id)
    assert len(services.outside.looked) == 16
    assert services.desk.due() == [notice.id]
    services.desk.look_after(notice.id)
    services.desk.look_after(notice.id)
    assert len(set(services.outside.looked)) == 40
    services.later(hours=1)
    assert services.store.get(notice.id).state is NoticeState.DONE


def test_the_address_of_a_program_is_blocked_although_it_answers_404_to_us(services: Services) -> None:
    """What the configuration hands to a program shows what the program likes, to whom it likes."""
    services.programs = {"http://anna.example/view/7"}
    notice = services.scart("http://anna.example/view/7", "http://anna.example/lost.jpg")
    assert [block.url for block in services.blocks.all] == ["http://anna.example/view/7"]
    services.later(minutes=45)
    assert services.states(notice) == [ItemState.INACCESSIBLE, ItemState.GONE]
    assert len(services.blocks.all) == 1


def test_a_file_that_was_taken_is_no_program_where_one_answers_for_missing_files(services: Services) -> None:
    url = services.file("anna/a.zip")
    services.scart(url)
    services.programs = {url}
    again = services.scart(url, number=2)
    assert (services.states(again), services.blocks.all) == ([ItemState.OFFLINE], [])


def test_where_no_file_is_and_yet_something_is_seen_its_address_is_blocked(services: Services) -> None:
    services.file("anna/other.jpg")
    services.outside.sights["http://anna.example/p.jpg"] = Sight.THERE
    notice = services.scart("http://anna.example/p.jpg")
    services.later(minutes=1)
    assert [block.url for block in services.blocks.all] == ["http://anna.example/p.jpg"]
    services.outside.sights.clear()
    services.later(hours=1)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_a_page_goes_with_the_pictures_on_it_that_are_the_same_customers(services: Services) -> None:
    services.file("anna/a.jpg")
    services.file("bert/b.jpg")
    page = services.file(
        "anna/page.html", '<img src="a.jpg"><img src="http://bert.example/b.jpg"><a href="page2.html">'
    )
    services.file("anna/page2.html")
    services.scart(page)
    assert sorted(p.name for p in services.tree.glob("[!.]*/*")) == ["b.jpg", "page2.html"]
    assert len(services.cases.find(CaseQuery())) == 1


def test_deadline_warning_and_overdue_page_once_each(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    services.scart(services.file("anna/p.jpg"))
    services.later(hours=19, minutes=54)
    assert services.pager.pages == []
    services.later(minutes=10)
    assert ["the deadline is near" in subject for subject, _ in services.pager.pages] == [True]
    services.later(hours=30)
    assert len(services.pager.pages) == 2
    assert "the deadline has passed" in services.pager.pages[1][0]
    assert services.store.figures(services.now).overdue == 1


def test_a_page_that_does_not_go_out_is_tried_again(services: Services) -> None:
    services.level = TrustLevel.AUTHORITY
    services.pager.down = True
    services.scart(services.file("anna/p.jpg"))
    services.later(minutes=10)
    assert services.pager.pages == []
    services.pager.down = False
    services.later(minutes=10)
    assert len(services.pager.pages) == 1


def test_while_keys_cannot_be_fetched_it_waits_and_then_goes_on(services: Services) -> None:
    services.keys_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.states(notice) == [ItemState.WAITING]
    services.later(minutes=30)
    assert services.states(notice) == [ItemState.WAITING]
    services.keys_down = False
    services.later(minutes=10)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_keys_that_come_after_an_hour_still_count(services: Services) -> None:
    services.keys_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    services.later(minutes=90)
    assert services.states(notice) == [ItemState.HELD]
    services.keys_down = False
    services.later(minutes=15)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_a_part_that_is_proven_later_says_nothing_of_the_whole_that_was_read(services: Services) -> None:
    services.keys_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    other = (
        b'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>http://a.example/</td><td></td></tr></table>'
    )
    services.keys_down, services.unlike_the_whole = False, other
    services.later(minutes=90)
    assert services.states(notice) == [ItemState.HELD]


def test_a_part_that_is_proven_later_and_says_the_same_is_acted_on(services: Services) -> None:
    services.keys_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    services.keys_down, services.unlike_the_whole = False, b"\r\n"
    services.later(minutes=90)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_what_is_believed_is_what_is_read(services: Services) -> None:
    url = services.file("anna/p.jpg")
    services.unlike_the_whole = f"\r\n{url}\r\n".encode()
    assert [item.url for item in services.mail("http://nobody.invalid/").items] == ["http://nobody.invalid/", url]


def test_while_nobody_can_tell_where_it_is_it_waits(services: Services) -> None:
    services.map_down = True
    notice = services.scart(services.file("anna/p.jpg"))
    assert services.states(notice) == [ItemState.WAITING]
    services.map_down = False
    services.later(minutes=10)
    assert services.states(notice) == [ItemState.INACCESSIBLE]


def test_the_clock_of_what_cannot_be_handled_runs_all_the_same(services: Services) -> None:
    services.unlike_the_whole = None  # type: ignore[assignment]  # a fault of ours
    receipt = services.desk.keep(RawNotice(Carrier.MAIL, b"Subject: x\n\n"), Arrived())
    with pytest.raises(TypeError):
        services.desk.receive(receipt)
    figures = services.store.figures(NOON + timedelta(hours=25))
    assert (figures.open, figures.overdue) == (1, 1)
    assert services.desk.due() == [receipt.id]


def test_nothing_that_can_be_read_in_it_waits_for_a_person(services: Services) -> None:
    notice = services.mail("hello", subject="hello")
    assert (notice.state, notice.items, notice.stopped_at) == (NoticeState.NEEDS_PERSON, (), None)
    assert services.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
    services.later(hours=30)
    assert services.store.get(notice.id).state is NoticeState.DONE


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: no\nAuto-Submitted: Auto-Replied; x\n",
        "Precedence: bulk\n",
        "Reply-To: abuse@hoster.example\n",
    ],
)
def test_machines_and_ourselves_are_never_answered(services: Services, more: str) -> None:
    services.mail(services.file("anna/p.jpg"), more=more)
    services.later(hours=1)
    assert [kind for kind in services.letters() if kind != "statement"] == []


def test_a_bounce_is_never_answered(services: Services) -> None:
    services.scart(services.file("anna/p.jpg"), sender="<>")
    assert [kind for kind in services.letters() if kind != "statement"] == []


def test_whoever_is_not_proven_gets_so_many_letters_a_day(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    for number in range(5):
        services.scart(services.file(f"anna/{number}.jpg"), number=number)
    assert services.letters() == ["receipt"] * 3
    services.now += timedelta(days=1)
    services.scart(services.file("anna/x.jpg"), number=9)
    assert services.letters() == ["receipt"] * 4


def test_after_a_crash_anywhere_it_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: Callable[[int, int], int]
) -> None:
    for step in random.Random(5).sample(range(12), rounds(4, 12)):
        folder = tmp_path / str(step)
        folder.mkdir()
        services = Services(folder, outside=False)
        urls = [services.file("anna/p.jpg"), services.file("bert/q.jpg")]
        with monkeypatch.context() as patch:
            left = iter(range(step, -1, -1))
            append = services.audit.append_all

            def dying(event: object, left: Iterator = left, append: object = append) -> object:
                if next(left, 1) == 0:
                    raise KeyboardInterrupt
                return append(event)  # type: ignore[operator]

            patch.setattr(services.audit, "append_all", dying)
            with suppress(KeyboardInterrupt):
                services.scart(*urls)
        for receipt in services.spool.waiting():
            services.desk.receive(receipt)
        services.case_desk.recover()
        services.later(minutes=5)
        (notice,) = services.store.find(NoticeQuery())
        assert services.states(notice) == [ItemState.INACCESSIBLE] * 2, step
        assert len(services.cases.find(CaseQuery())) == 2
        assert sorted(services.letters()) == ["result", "statement", "statement"], step
        services.close()


def test_what_is_not_ours_by_an_uncertain_reading_waits_for_a_person(services: Services) -> None:
    notice = services.mail("See https://elsewhere.invalid/x.jpg", subject="abuse")
    assert (notice.state, services.states(notice)) == (NoticeState.NEEDS_PERSON, [ItemState.HELD])
    services.later(days=2)
    assert services.letters() == ["receipt"]
    services.desk.confirm(notice.id, EVA)
    assert services.states(notice) == [ItemState.NOT_OURS]
    assert services.store.get(notice.id).state is NoticeState.DONE


def test_a_file_that_an_uncertain_reading_does_not_find_waits_for_a_person(services: Services) -> None:
    notice = services.mail("See http://anna.example/gone.jpg", subject="abuse")
    services.later(days=2)
    assert services.states(notice) == [ItemState.HELD]
    assert "no such file" in services.store.get(notice.id).items[0].reason
    assert services.outside.looked == []


def test_the_same_by_a_certain_reading_settles(services: Services) -> None:
    notice = services.scart("https://elsewhere.invalid/x.jpg", "http://anna.example/gone.jpg")
    services.later(hours=2)
    assert services.states(notice) == [ItemState.NOT_OURS, ItemState.GONE]
    assert services.store.get(notice.id).state is NoticeState.DONE


@pytest.mark.slow  # two days of looking again, ten times
@pytest.mark.parametrize(
    "text",
    [
        "Also anna.example has it.",
        "Also anna[.]example has it.",
        "Also anna (dot) example has it.",
        "Also anna.exam\nple has it.",
        "Also an na . exam ple has it.",
        "Also a n n a . e x a m p l e has it.",
        "Also anna%2Eexample has it.",
        "Also YW5uYS5leGFtcGxlL2EuanBn has it.",
        "Also x@anna.example has it.",
        "Its server is 192.0.2.1.",
    ],
)
def test_a_name_of_ours_to_which_no_item_leads_keeps_the_notice_open(services: Services, text: str) -> None:
    rows = "<tr><td>https://elsewhere.invalid/x.jpg</td><td></td></tr>"
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr>{rows}</table>'
    notice = services.mail(table, text)
    assert (notice.state, services.states(notice)) == (NoticeState.NEEDS_PERSON, [ItemState.NOT_OURS])
    assert "no item leads there" in notice.reason
    services.later(days=2)
    assert services.letters() == ["receipt"]
    assert services.pager.pages
    services.desk.confirm(notice.id, EVA)
    assert services.store.get(notice.id).state is NoticeState.DONE


@pytest.mark.parametrize(
    "text", ["bert.example", "www.anna.example", "abuse@hoster.example", "desk@hotline.example", "hoster.example"]
)
def test_names_that_say_nothing_keep_nothing_open(services: Services, text: str) -> None:
    notice = services.mail(
        f'<table class="urls"><tr><th>url</th><th>note</th></tr>\n'
        f"<tr><td>{services.file('anna/p.jpg')}</td><td></td></tr>\n"
        f"<tr><td>{services.file('bert/p.jpg')}</td><td></td></tr>\n</table>",
        text,
        "192.0.2.1",
    )
    services.later(minutes=10)
    assert services.store.get(notice.id).named == ()
    assert services.store.get(notice.id).state is NoticeState.DONE


def test_a_part_that_nobody_read_stops_no_measure_and_keeps_the_notice_open(services: Services) -> None:
    row = f"<tr><td>{services.file('anna/p.jpg')}</td><td></td></tr>"
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr>{row}</table>'
    notice = services.mail(
        "--b",
        "Content-Type: text/plain",
        "",
        table,
        "--b",
        'Content-Type: image/png; name="scan.png"',
        "",
        "x",
        "--b--",
        more="Content-Type: multipart/mixed; boundary=b\n",
    )
    services.later(minutes=10)
    after = services.store.get(notice.id)
    assert services.states(notice) == [ItemState.INACCESSIBLE]
    assert not (services.tree / "anna/p.jpg").exists()
    assert (after.state, after.stopped_at) == (NoticeState.NEEDS_PERSON, None)
    assert "not read: scan.png" in after.reason
    services.desk.dismiss(notice.id, EVA)
    assert services.store.get(notice.id).state is NoticeState.DONE


def test_while_nobody_can_tell_whose_names_are_in_it_a_notice_is_not_done(tmp_path: Path) -> None:
    services = Services(tmp_path)
    services.names_down = True
    row = "<tr><td>https://elsewhere.invalid/x.jpg</td><td></td></tr>"
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr>{row}</table>'
    notice = services.mail(table, "Of other.invalid, too.")
    assert notice.state is NoticeState.NEEDS_PERSON
    services.names_down = False
    services.later(minutes=10)
    assert services.store.get(notice.id).state is NoticeState.DONE
    services.close()


def test_a_report_that_is_marked_as_a_test_is_answered_and_nothing_is_done(services: Services) -> None:
    url = services.file("anna/p.jpg")
    report = (Path(__file__).parents[2] / "formats" / "notices" / "version-4.xarf-json").read_text()
    marked = json.dumps(json.loads(report) | {"url": url, "tags": ["test"], "sender": {"contact": "x@hotline.example"}})
    receipt = services.desk.keep(RawNotice(Carrier.XARF_JSON, marked.encode()), Arrived("192.0.2.9", "hotline"))
    notice = services.desk.receive(receipt)
    assert (notice.state, notice.items) == (NoticeState.DONE, ())
    assert (services.tree / "anna/p.jpg").exists()
    assert services.letters() == ["result"]
    (letter,) = services.mailer.sent
    assert "marked as a test" in letter.text


@pytest.mark.parametrize("level", [TrustLevel.AUTHORITY, TrustLevel.PINNED])
def test_an_order_in_a_document_with_one_link_in_its_text_pages_a_person_at_once(
    services: Services, level: TrustLevel
) -> None:
    services.level = level
    order = Path(__file__).parents[2] / "formats" / "notices" / "order-pdf-and-a-link.eml"
    receipt = services.desk.keep(RawNotice(Carrier.MAIL, order.read_bytes()), Arrived("x@authority.example"))
    notice = services.desk.receive(receipt)
    assert (notice.state, services.states(notice)) == (NoticeState.NEEDS_PERSON, [ItemState.HELD])
    assert len(services.pager.pages) == 1
    assert services.letters() == ["receipt"]


def test_a_copy_that_came_to_be_known_while_the_file_went_is_checked_again(services: Services) -> None:
    url = services.file("anna/p.jpg", "the same")
    services.file("bert/q.jpg", "the same")
    late = services.upload(Place(os.fsencode(services.tree), b"bert/q.jpg"))
    services.later_copies = [late]
    services.scart(url)
    assert services.hurried == [late]


def test_a_copy_that_was_known_is_not_checked_again(services: Services) -> None:
    url = services.file("anna/p.jpg", "the same")
    services.file("bert/q.jpg", "the same")
    services.copies = {url: ["bert/q.jpg"]}
    services.later_copies = [services.upload(Place(os.fsencode(services.tree), b"bert/q.jpg"))]
    services.scart(url)
    assert services.hurried == []


def test_the_notice_says_how_far_the_index_was_when_copies_were_looked_for(services: Services) -> None:
    services.index_gap = "12 files wait for their first check"
    notice = services.scart(services.file("anna/p.jpg"))
    assert notice.index_gap == "12 files wait for their first check"
    services.index_gap = ""
    services.later(hours=1)
    assert services.store.get(notice.id).index_gap == "12 files wait for their first check"


def test_an_address_that_is_blocked_and_cannot_be_recorded_so_is_told_as_seen(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.level = TrustLevel.AUTHENTICATED
    url = "http://anna.example/app/1"
    notice, write = services.scart(url), services.audit.append_all

    def write_until_full(events: Sequence[AuditEvent]) -> Sequence[AuditEntry]:
        if any(event.kind == "block.done" for event in events):
            raise AuditError("the audit log cannot be written: No space left on device")
        return write(events)

    with monkeypatch.context() as full:
        full.setattr(services.audit, "append_all", write_until_full)
        with pytest.raises(UnrecordedError, match=f"{url} is blocked, but that cannot be recorded"):
            services.desk.confirm(notice.id, EVA)
    assert [block.url for block in services.blocks.all] == [url]
    services.desk.confirm(notice.id, EVA)
    assert services.states(notice) == [ItemState.OFFLINE]
    assert "block.done" in [entry.event.kind for entry in services.audit.entries()]
