"""The notice desk over real files, stores, spool and outbox; who is outside of us is in memory."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from goodhoster.adapters.hashsources.memory import MemorySource
from goodhoster.adapters.mailers.memory import MemoryMailer
from goodhoster.adapters.outsides.memory import MemoryOutside
from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.adapters.stores.sqlite import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk, Order
from goodhoster.cases.noticeacts import NoticeActs
from goodhoster.cases.noticedesk import NoticeDesk, NoticeParts
from goodhoster.cases.noticeletters import NoticeLetters
from goodhoster.cases.turn import Turn
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import PassingError, RefusedError
from goodhoster.evidence.quarantine import LocalQuarantine
from goodhoster.model.cases import CaseState
from goodhoster.model.contacts import Contact
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.noticelife import Block, ItemState, Notice, NoticeState, Receipt, Seen, Sight
from goodhoster.model.notices import (
    Belief,
    Caps,
    Carrier,
    FoundBy,
    LocatedFile,
    Location,
    Notifier,
    NotifierKind,
    Outcome,
    RawNotice,
    ReadItem,
    ReadNotice,
    TrustFinding,
    TrustLevel,
)
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.notices.deadlines import Terms
from goodhoster.notices.outbox import Outbox
from goodhoster.notices.reading import read
from goodhoster.notices.replies import Letterhead
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery, NoticeQuery
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.hash_source_suite import made_up
from goodhoster.toolkit import Toolkit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOTLINE = Notifier(
    "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400.0, caps=Caps(1000, 1000), automatic=True
)
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

    def lift(self, url: str) -> None:
        self.all = [block for block in self.all if block.url != url]

    def blocks(self) -> list[Block]:
        return list(self.all)


class House:
    """Sites are directories below the tree: http://anna.example/p.jpg is anna/p.jpg; /app/… is a program's."""

    def __init__(self, folder: Path, mode: str = "enforce", *, outside: bool = True, blocks: bool = True) -> None:
        self.folder = folder
        self.tree = folder / "customers"
        self.tree.mkdir(mode=0o755, exist_ok=True)
        self.now, self.level, self.keys_down, self.map_down = NOON, TrustLevel.PINNED, False, False
        self.copies: dict[str, list[str]] = {}
        self.copy_of, self.unlike_the_whole = "", b""
        self.hurried: list[Upload] = []
        self.store = SqliteNoticeStore(folder / "notices.sqlite")
        self.cases = SqliteCaseStore(folder / "record.sqlite")
        self.audit = FileAuditLog(folder / "audit.log", self.clock)
        self.outside, self.mailer, self.pager, self.blocks = MemoryOutside(), MemoryMailer(), MemoryPager(), Blocks()
        self.outbox = Outbox(folder / "outbox", self.clock, 3)
        self.spool = Spool(folder / "spool", self.clock)
        rules = HouseRules(mode == "enforce", 3, 100)
        quarantine = LocalQuarantine((os.fsencode(self.tree),))
        brake = brake_in_memory(self.cases, self.audit, rules, self.clock)
        turn = Turn(folder / "desk.lock")
        self.case_desk = CaseDesk(self.cases, self.audit, quarantine, rules, turn, self.clock, brake)
        self.police = MemorySource({}, name="police")
        toolkit = Toolkit((self.police,), self.cases, self.audit, self.case_desk, DirectHasher(ReadingLimits()))
        letters = NoticeLetters(
            self.outbox,
            HEAD,
            frozenset({"abuse@hoster.example"}),
            self.cases,
            lambda customer: Contact(customer, f"{customer}@customer.example"),
            rules.enforce,
        )
        parts = NoticeParts(
            self.spool,
            self.store,
            self.audit,
            Reader(),
            self.believe,
            NoticeActs(
                self.locate,
                toolkit.examine,
                self.case_desk,
                self.blocks if blocks else None,
                self.hurried.extend,
                may_look=outside,
            ),
            letters,
            self.outside if outside else None,
            self.pager,
            Turn(folder / "notices.lock"),
            self.clock,
        )
        self.desk = NoticeDesk(parts, [HOTLINE], Terms())

    def clock(self) -> datetime:
        return self.now

    def believe(self, _receipt: Receipt, raw: RawNotice) -> Belief:
        if self.keys_down:
            return Belief(TrustFinding(TrustLevel.UNAUTHENTICATED, passing=True), raw)
        notifier = "hotline" if self.level is TrustLevel.PINNED else ""
        says = RawNotice(raw.carrier, raw.content + self.unlike_the_whole)
        return Belief(TrustFinding(self.level, notifier, copy_of=self.copy_of), says)

    def locate(self, item: ReadItem) -> Location:
        if self.map_down:
            raise PassingError("nginx -T did not answer")
        url = urlsplit(item.urls[0])
        customer, _, rest = (url.hostname or "").partition(".")
        if rest != "example":
            return Location(Outcome.NOT_OURS, item.urls[0], detail="unknown host")
        if url.path.startswith("/app/"):
            return Location(Outcome.DYNAMIC, item.urls[0], customer)
        place = Place(os.fsencode(self.tree), os.fsencode(customer + unquote(url.path)))
        copies = [Place(place.tree, os.fsencode(name)) for name in self.copies.get(item.urls[0], [])]
        names = [(place, FoundBy.URL), *((copy, FoundBy.VARIANT) for copy in copies)]
        found = [LocatedFile(self.upload(name), by) for name, by in names if os.path.exists(name.absolute)]
        page = url.path.endswith(".html")
        if os.fsencode(place.absolute) not in {os.fsencode(file.upload.place.absolute) for file in found}:
            return Location(Outcome.DYNAMIC, item.urls[0], customer, (), place, tuple(found), reason="missing")
        return Location(Outcome.FILE, item.urls[0], customer, tuple(found), place, page=page)

    def upload(self, place: Place) -> Upload:
        return Upload(place, place.path.split(b"/")[0].decode(), FileState.of(os.stat(place.absolute)))

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


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_a_proven_notice_is_acted_on_seen_to_be_gone_and_answered(house: House) -> None:
    notice = house.scart(house.file("anna/p.jpg"), house.file("bert/q.jpg"), "http://elsewhere.invalid/x.jpg")
    assert house.states(notice) == [ItemState.OFFLINE, ItemState.OFFLINE, ItemState.NOT_OURS]
    assert notice.state is NoticeState.OPEN
    assert notice.deadline == NOON + timedelta(hours=24)
    assert sorted(house.letters()) == ["receipt", "statement", "statement"]
    house.later(minutes=5)
    assert house.states(notice) == [ItemState.INACCESSIBLE, ItemState.INACCESSIBLE, ItemState.NOT_OURS]
    done = house.store.get(notice.id)
    assert (done.state, done.stopped_at) == (NoticeState.DONE, NOON + timedelta(seconds=30))
    assert sorted(house.letters()) == ["receipt", "result", "statement", "statement"]
    (result,) = [letter for letter in house.mailer.sent if letter.kind == "result"]
    assert result.subject.startswith("[M0000000001] ")
    assert result.to == "desk@hotline.example"
    assert "hxxp://anna[.]example/p[.]jpg" in result.text
    assert house.pager.pages == []


def test_it_is_looked_at_again_seven_times_in_a_week(house: House) -> None:
    url = house.file("anna/p.jpg")
    house.scart(url)
    house.later(days=8)
    assert house.outside.looked == [url] * 7
    assert house.desk.due() == []


def test_where_nobody_may_look_our_own_reading_back_must_do(tmp_path: Path) -> None:
    house = House(tmp_path, outside=False)
    notice = house.scart(house.file("anna/p.jpg"))
    assert (notice.state, house.states(notice)) == (NoticeState.DONE, [ItemState.INACCESSIBLE])
    assert sorted(house.letters()) == ["result", "statement"]
    house.close()


def test_back_online_is_reopened_and_taken_again(house: House) -> None:
    url = house.file("anna/p.jpg")
    notice = house.scart(url)
    house.later(hours=2)
    house.file("anna/p.jpg", "the same again, a bit different")
    house.outside.sights[url] = Sight.THERE
    house.later(hours=23)
    reopened = house.store.get(notice.id)
    assert (reopened.items[0].reopened, reopened.stopped_at) == (1, None)
    house.outside.sights.clear()
    house.later(hours=1)
    assert house.states(notice) == [ItemState.INACCESSIBLE]
    assert house.letters().count("result") == 2
    assert not (house.tree / "anna/p.jpg").exists()


def test_back_online_without_a_file_is_blocked_and_if_that_does_not_do_a_person_is_paged(house: House) -> None:
    url = house.file("anna/p.jpg")
    notice = house.scart(url)
    house.later(hours=2)
    house.outside.sights[url] = Sight.THERE
    house.later(hours=24)
    assert house.states(notice)[0].waits_for_person
    assert [block.url for block in house.blocks.all] == [url]
    assert any("from outside it can still be seen" in subject for subject, _ in house.pager.pages)


def test_what_can_still_be_seen_does_not_stop_the_clock(house: House) -> None:
    url = house.file("anna/p.jpg")
    house.outside.sights[url] = Sight.THERE
    notice = house.scart(url)
    house.later(hours=1)
    held = house.store.get(notice.id)
    assert (held.state, held.items[0].state, held.stopped_at) == (NoticeState.NEEDS_PERSON, ItemState.HELD, None)
    assert "from outside it can still be seen" in held.items[0].reason
    del house.outside.sights[url]
    house.later(hours=1)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


@pytest.mark.parametrize("level", [TrustLevel.UNAUTHENTICATED, TrustLevel.AUTHENTICATED, TrustLevel.AUTHORITY])
def test_whoever_is_not_pinned_waits_for_a_person(house: House, level: TrustLevel) -> None:
    house.level = level
    url = house.file("anna/p.jpg")
    notice = house.scart(url, "http://anna.example/app/1")
    assert house.states(notice) == [ItemState.HELD, ItemState.HELD]
    assert notice.state is NoticeState.NEEDS_PERSON
    assert (house.tree / "anna/p.jpg").exists()
    assert house.blocks.all == []
    assert [kind for kind in house.letters() if kind != "receipt"] == []
    assert bool(house.pager.pages) is (level is TrustLevel.AUTHORITY)
    house.desk.confirm(notice.id, EVA)
    house.later(minutes=10)
    assert house.states(notice) == [ItemState.INACCESSIBLE, ItemState.INACCESSIBLE]
    assert [block.url for block in house.blocks.all] == ["http://anna.example/app/1"]
    assert not (house.tree / "anna/p.jpg").exists()


def test_what_is_left_of_a_notice_is_checked_before_all_uploads(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    url = house.file("anna/p.jpg")
    house.file("bert/p.jpg", "anna/p.jpg")
    house.copies = {url: ["bert/p.jpg"]}
    house.scart(url, "http://anna.example/app/1", "http://elsewhere.invalid/x.jpg")
    assert [str(upload.place).removeprefix(str(house.tree)) for upload in house.hurried] == [
        "/anna/p.jpg",
        "/bert/p.jpg",
    ]


def test_of_what_a_proven_notice_took_offline_nothing_is_left_to_check(house: House) -> None:
    house.scart(house.file("anna/p.jpg"))
    assert house.hurried == []


def test_a_match_makes_a_notice_urgent_that_nobody_proved(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    url = house.file("anna/p.jpg", "made-up picture")
    house.police.known = {made_up("made-up picture").digests.of(Algorithm.SHA1): Category.BASELINE}
    notice = house.scart(house.file("anna/other.jpg"), url)
    assert [item.known_to for item in notice.items] == [(), ("police",)]
    assert notice.urgent
    assert house.states(notice) == [ItemState.HELD, ItemState.HELD], "the match is for the check of the upload"
    ((subject, _),) = house.pager.pages
    assert subject.endswith("a person must decide: the sender is not proven (known to police)")
    assert house.store.get(notice.id) == notice


def test_without_a_match_nothing_is_less_urgent_than_it_was(house: House) -> None:
    house.level = TrustLevel.AUTHORITY
    notice = house.scart(house.file("anna/p.jpg"))
    assert not notice.urgent
    assert len(house.pager.pages) == 1


def test_a_match_that_is_found_later_makes_it_urgent_then(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    notice = house.scart(house.file("anna/p.jpg"))
    assert house.pager.pages == []
    (upload,), (case_id,) = house.hurried, notice.items[0].cases
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1", Category.OTHER),))
    house.case_desk.receive(upload, house.cases.get(case_id).digests, known)
    house.later(minutes=10)
    assert house.store.get(notice.id).urgent
    assert len(house.pager.pages) == 1


def test_a_case_that_a_person_confirms_moves_its_notice_on(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    notice = house.scart(house.file("anna/p.jpg"))
    (case_id,) = notice.items[0].cases
    house.case_desk.confirm(case_id, EVA)
    house.later(minutes=15)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_a_case_that_a_person_restores_settles_its_notice_as_disputed(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    notice = house.scart(house.file("anna/p.jpg"))
    house.case_desk.restore(notice.items[0].cases[0], EVA)
    house.later(minutes=15)
    assert house.states(notice) == [ItemState.DISPUTED]
    assert "result" in house.letters()


def test_what_a_person_had_a_word_in_is_not_said_to_be_automatic(house: House) -> None:
    automatic = house.scart(house.file("anna/p.jpg"))
    house.later(minutes=1)
    house.case_desk.restore(house.store.get(automatic.id).items[0].cases[0], EVA)
    house.later(minutes=1)
    dismissed = house.scart("http://anna.example/p.jpg", number=2)
    assert dismissed.state is NoticeState.NEEDS_PERSON
    house.desk.dismiss(dismissed.id, EVA)
    house.later(minutes=1)
    house.letters()
    said = {letter.id.removesuffix("-result"): "decided automatically" in letter.text for letter in house.mailer.sent}
    assert (said[automatic.id], said[dismissed.id]) == (True, False)


def test_what_a_person_put_back_is_disputed_and_not_looked_for(house: House) -> None:
    url = house.file("anna/p.jpg")
    notice = house.scart(url)
    house.later(minutes=1)
    house.case_desk.restore(house.store.get(notice.id).items[0].cases[0], EVA)
    house.outside.sights[url] = Sight.THERE
    house.later(days=8)
    after = house.store.get(notice.id)
    assert (after.state, house.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED])
    assert house.outside.looked == [url]
    assert house.pager.pages == []


def test_a_person_decides_where_only_a_copy_was_put_back_before(house: House) -> None:
    original, _ = house.file("anna/p.jpg"), house.file("anna/p-150x150.jpg")
    house.copies = {original: ["anna/p-150x150.jpg"]}
    near = Verdict(VerdictKind.NEAR, (Match("list", "pdq", distance=20),))
    place = Place(os.fsencode(house.tree), b"anna/p-150x150.jpg")
    held = house.case_desk.receive(house.upload(place), made_up("anna/p-150x150.jpg").digests, near)
    assert held is not None
    house.case_desk.restore(held.id, EVA)
    house.now += timedelta(hours=1)
    notice = house.scart(original)
    assert house.states(notice) == [ItemState.HELD]
    after = house.desk.confirm(notice.id, EVA)
    assert (after.state, house.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED])
    assert not (house.tree / "anna/p.jpg").exists()
    assert (house.tree / "anna/p-150x150.jpg").exists()


def test_a_copy_that_cannot_be_read_waits_for_a_person(house: House) -> None:
    url, copy = house.file("anna/p.jpg"), house.tree / "anna/p-scaled.jpg"
    house.file("anna/p-scaled.jpg")
    os.truncate(copy, (2 << 30) + 1)
    house.copies = {url: ["anna/p-scaled.jpg"]}
    notice = house.scart(url)
    assert house.states(notice) == [ItemState.HELD]
    assert not (house.tree / "anna/p.jpg").exists(), "what can be read is taken all the same"
    ((_, text),) = house.pager.pages
    assert "p-scaled.jpg cannot be read: larger than" in text + house.store.get(notice.id).items[0].reason
    house.later(minutes=30)
    assert house.states(notice) == [ItemState.HELD]
    copy.unlink()
    house.desk.confirm(notice.id, EVA)
    house.later(minutes=10)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_a_customer_is_told_of_the_files_that_were_taken_and_of_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = house.file("anna/p.jpg")
    house.file("anna/p-300x300.jpg")
    house.copies = {url: ["anna/p-300x300.jpg"]}
    original = LocalQuarantine.take_offline

    def take_offline(self: LocalQuarantine, case_id: str, upload: Upload, sha256: bytes) -> str:
        if b"300" in upload.place.path:
            os.unlink(upload.place.absolute)
        return original(self, case_id, upload, sha256)

    monkeypatch.setattr(LocalQuarantine, "take_offline", take_offline)
    house.scart(url)
    house.later(minutes=10)
    house.letters()
    (statement,) = [letter for letter in house.mailer.sent if letter.kind == "statement"]
    assert "p.jpg" in statement.text
    assert "300x300" not in statement.text


def test_other_sizes_of_what_was_taken_before_go_with_it(house: House) -> None:
    """A hash source knew the picture, and nobody its thumbnail."""
    url, thumbnail = house.file("anna/p.jpg"), house.tree / "anna/p-150x150.jpg"
    house.file("anna/p-150x150.jpg")
    house.copies = {url: ["anna/p-150x150.jpg"]}
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),))
    first = house.case_desk.receive(
        house.upload(Place(os.fsencode(house.tree), b"anna/p.jpg")), made_up("anna/p.jpg").digests, known
    )
    assert first is not None
    assert thumbnail.exists()
    notice = house.scart(url)
    assert house.states(notice) == [ItemState.OFFLINE]
    assert not thumbnail.exists()
    assert notice.items[0].cases[0] == first.id
    assert len(notice.items[0].cases) == 2


def test_other_sizes_of_what_its_owner_took_away_stay(house: House) -> None:
    """Nobody can tell any more that they show the same."""
    house.file("anna/p-150x150.jpg")
    url = "http://anna.example/p.jpg"
    house.copies = {url: ["anna/p-150x150.jpg"]}
    assert house.states(house.scart(url)) == [ItemState.OFFLINE]
    assert (house.tree / "anna/p-150x150.jpg").exists()


def test_dismiss_settles_what_waits(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    notice = house.scart(house.file("anna/p.jpg"), "http://anna.example/app/1")
    done = house.desk.dismiss(notice.id, EVA)
    assert (done.state, house.states(notice)) == (NoticeState.DONE, [ItemState.DISPUTED, ItemState.DISPUTED])
    assert (house.tree / "anna/p.jpg").exists()


def test_observe_records_and_touches_nothing_and_answers_nobody(tmp_path: Path) -> None:
    house = House(tmp_path, "observe")
    notice = house.scart(house.file("anna/p.jpg"), "http://anna.example/app/1")
    assert house.states(notice) == [ItemState.OBSERVED, ItemState.OBSERVED]
    assert (house.tree / "anna/p.jpg").exists()
    assert (house.blocks.all, house.letters()) == ([], [])
    assert house.pager.pages
    assert all("nothing was touched" in text for _, text in house.pager.pages)
    house.close()


def test_a_page_of_something_done_does_not_say_that_nothing_was_touched(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    house.scart(house.file("anna/p.jpg"))
    house.later(hours=25)
    assert house.pager.pages
    assert not any("nothing was touched" in text for _, text in house.pager.pages)


def test_a_hundred_notices_of_one_picture_at_three_customers_in_five_sizes(house: House) -> None:
    sizes = ["p.jpg", *(f"p-{n}00x{n}00.jpg" for n in range(1, 5))]
    names = [f"{customer}/{size}" for customer in ("anna", "bert", "cas") for size in sizes]
    urls = [house.file(name, f"picture {name.partition('/')[2]}") for name in names]
    house.copies = dict.fromkeys(urls, names)
    notices = [house.scart(urls[n % len(urls)], number=n) for n in range(100)]
    house.later(minutes=10)
    assert {state for notice in notices for state in house.states(notice)} == {ItemState.INACCESSIBLE}
    assert sorted(case.upload.customer for case in house.cases.find(CaseQuery())) == ["anna", "bert", "cas"]
    assert [name for name in names if (house.tree / name).exists()] == []
    assert house.letters().count("result") == 100
    assert house.letters().count("statement") == 3


def test_a_long_notice_that_names_the_same_file_early_and_late(house: House) -> None:
    urls = [house.file(f"anna/{n}.jpg") for n in range(120)]
    house.copies = {urls[110]: ["anna/2.jpg"]}
    notice = house.scart(*urls, f"{urls[3]}?late", f"{urls[119]}?late")
    assert house.states(notice) == [ItemState.OFFLINE] * 122
    assert [url for url in urls if (house.tree / f"anna/{url.rpartition('/')[2]}").exists()] == []
    assert len(house.cases.find(CaseQuery())) == 120


def test_a_duplicate_is_linked_and_still_answered(house: House) -> None:
    urls = [house.file("anna/p.jpg"), house.file("anna/q.jpg")]
    first = house.scart(*urls)
    second = house.scart(urls[1], number=1)
    other = house.scart(urls[1], number=2)
    assert (first.duplicate_of, second.duplicate_of, other.duplicate_of) == ("", first.id, "")
    house.later(minutes=10)
    assert house.letters().count("result") == 3


def test_of_one_mail_to_two_of_our_addresses_one_is_answered(tmp_path: Path) -> None:
    house = House(tmp_path, outside=False)
    first = house.scart(house.file("anna/p.jpg"))
    house.copy_of = first.id
    second = house.scart("http://anna.example/p.jpg")
    assert (second.state, second.duplicate_of) == (NoticeState.DONE, first.id)
    assert house.letters().count("result") == 1
    assert len(house.cases.find(CaseQuery())) == 1
    house.close()


def test_a_copy_of_a_mail_takes_nothing_offline_that_came_to_its_address_since(tmp_path: Path) -> None:
    house = House(tmp_path, outside=False)
    house.copy_of = house.scart(house.file("anna/p.jpg")).id
    second = house.scart(house.file("anna/p.jpg", "innocent"))
    assert second.state is NoticeState.NEEDS_PERSON
    assert (house.tree / "anna/p.jpg").read_text() == "innocent"
    assert house.letters().count("result") == 1
    house.close()


def test_gone_before_we_came_is_said_so(house: House) -> None:
    house.file("anna/other.jpg")
    notice = house.scart("http://anna.example/p.jpg")
    house.later(minutes=1)
    assert house.states(notice) == [ItemState.GONE]
    assert house.letters() == ["receipt", "result"]
    assert "gone already" in house.mailer.sent[1].text


def test_what_is_no_file_is_not_said_to_be_gone_where_nobody_may_look(tmp_path: Path) -> None:
    """A program may answer there."""
    house = House(tmp_path, outside=False, blocks=False)
    house.file("anna/other.jpg")
    notice = house.scart("http://anna.example/gallery/123", house.file("anna/p.jpg"))
    assert house.states(notice) == [ItemState.HELD, ItemState.INACCESSIBLE]
    assert "own_networks" in notice.items[0].reason
    assert "result" not in house.letters()
    again = house.scart("http://anna.example/p.jpg", number=2)
    assert house.states(again) == [ItemState.INACCESSIBLE], "we took it"
    house.close()


def test_what_is_no_file_is_blocked_where_nobody_may_look(tmp_path: Path) -> None:
    house = House(tmp_path, outside=False)
    house.file("anna/other.jpg")
    notice = house.scart("http://anna.example/gallery/123")
    assert house.states(notice) == [ItemState.INACCESSIBLE]
    assert [block.url for block in house.blocks.all] == ["http://anna.example/gallery/123"]
    house.close()


def test_a_slow_site_keeps_no_other_notice_waiting(house: House) -> None:
    """What was not looked at yet stays due."""
    house.file("anna/other.jpg")
    notice = house.scart(*(f"http://anna.example/{n}.jpg" for n in range(40)))
    look = house.outside.look

    def slowly(url: str) -> Seen:
        house.now += timedelta(seconds=1)
        return look(url)

    house.outside.look = slowly  # type: ignore[method-assign]
    house.desk.look_after(notice.id)
    assert len(house.outside.looked) == 16
    assert house.desk.due() == [notice.id]
    house.desk.look_after(notice.id)
    house.desk.look_after(notice.id)
    assert house.store.get(notice.id).state is NoticeState.DONE
    assert len(set(house.outside.looked)) == 40


def test_where_no_file_is_and_yet_something_is_seen_its_address_is_blocked(house: House) -> None:
    house.file("anna/other.jpg")
    house.outside.sights["http://anna.example/p.jpg"] = Sight.THERE
    notice = house.scart("http://anna.example/p.jpg")
    house.later(minutes=1)
    assert [block.url for block in house.blocks.all] == ["http://anna.example/p.jpg"]
    house.outside.sights.clear()
    house.later(hours=1)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_a_page_goes_with_the_pictures_on_it_that_are_the_same_customers(house: House) -> None:
    house.file("anna/a.jpg")
    house.file("bert/b.jpg")
    page = house.file("anna/page.html", '<img src="a.jpg"><img src="http://bert.example/b.jpg"><a href="page2.html">')
    house.file("anna/page2.html")
    house.scart(page)
    assert sorted(p.name for p in house.tree.glob("[!.]*/*")) == ["b.jpg", "page2.html"]
    assert len(house.cases.find(CaseQuery())) == 1


def test_deadline_warning_and_overdue_page_once_each(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    house.scart(house.file("anna/p.jpg"))
    house.later(hours=19, minutes=54)
    assert house.pager.pages == []
    house.later(minutes=10)
    assert ["the deadline is near" in subject for subject, _ in house.pager.pages] == [True]
    house.later(hours=30)
    assert len(house.pager.pages) == 2
    assert "the deadline has passed" in house.pager.pages[1][0]
    assert house.store.figures(house.now).overdue == 1


def test_a_page_that_does_not_go_out_is_tried_again(house: House) -> None:
    house.level = TrustLevel.AUTHORITY
    house.pager.down = True
    house.scart(house.file("anna/p.jpg"))
    house.later(minutes=10)
    assert house.pager.pages == []
    house.pager.down = False
    house.later(minutes=10)
    assert len(house.pager.pages) == 1


def test_while_keys_cannot_be_fetched_it_waits_and_then_goes_on(house: House) -> None:
    house.keys_down = True
    notice = house.scart(house.file("anna/p.jpg"))
    assert house.states(notice) == [ItemState.WAITING]
    house.later(minutes=30)
    assert house.states(notice) == [ItemState.WAITING]
    house.keys_down = False
    house.later(minutes=10)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_keys_that_come_after_an_hour_still_count(house: House) -> None:
    house.keys_down = True
    notice = house.scart(house.file("anna/p.jpg"))
    house.later(minutes=90)
    assert house.states(notice) == [ItemState.HELD]
    house.keys_down = False
    house.later(minutes=15)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_a_part_that_is_proven_later_says_nothing_of_the_whole_that_was_read(house: House) -> None:
    house.keys_down = True
    notice = house.scart(house.file("anna/p.jpg"))
    other = b'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>http://a.example/</td><td></td></tr></table>'
    house.keys_down, house.unlike_the_whole = False, other
    house.later(minutes=90)
    assert house.states(notice) == [ItemState.HELD]


def test_a_part_that_is_proven_later_and_says_the_same_is_acted_on(house: House) -> None:
    house.keys_down = True
    notice = house.scart(house.file("anna/p.jpg"))
    house.keys_down, house.unlike_the_whole = False, b"\r\n"
    house.later(minutes=90)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_what_is_believed_is_what_is_read(house: House) -> None:
    url = house.file("anna/p.jpg")
    house.unlike_the_whole = f"\r\n{url}\r\n".encode()
    assert [item.url for item in house.mail("http://nobody.invalid/").items] == ["http://nobody.invalid/", url]


def test_while_nobody_can_tell_where_it_is_it_waits(house: House) -> None:
    house.map_down = True
    notice = house.scart(house.file("anna/p.jpg"))
    assert house.states(notice) == [ItemState.WAITING]
    house.map_down = False
    house.later(minutes=10)
    assert house.states(notice) == [ItemState.INACCESSIBLE]


def test_the_clock_of_what_cannot_be_handled_runs_all_the_same(house: House) -> None:
    house.unlike_the_whole = None  # type: ignore[assignment]  # a fault of ours
    receipt = house.desk.keep(RawNotice(Carrier.MAIL, b"Subject: x\n\n"), Arrived())
    with pytest.raises(TypeError):
        house.desk.receive(receipt)
    figures = house.store.figures(NOON + timedelta(hours=25))
    assert (figures.open, figures.overdue) == (1, 1)
    assert house.desk.due() == [receipt.id]


def test_nothing_that_can_be_read_in_it_waits_for_a_person(house: House) -> None:
    notice = house.mail("hello", subject="hello")
    assert (notice.state, notice.items, notice.stopped_at) == (NoticeState.NEEDS_PERSON, (), None)
    assert house.desk.dismiss(notice.id, EVA).state is NoticeState.DONE
    house.later(hours=30)
    assert house.store.get(notice.id).state is NoticeState.DONE


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: no\nAuto-Submitted: Auto-Replied; x\n",
        "Precedence: bulk\n",
        "Reply-To: abuse@hoster.example\n",
    ],
)
def test_machines_and_ourselves_are_never_answered(house: House, more: str) -> None:
    house.mail(house.file("anna/p.jpg"), more=more)
    house.later(hours=1)
    assert [kind for kind in house.letters() if kind != "statement"] == []


def test_a_bounce_is_never_answered(house: House) -> None:
    house.scart(house.file("anna/p.jpg"), sender="<>")
    assert [kind for kind in house.letters() if kind != "statement"] == []


def test_whoever_is_not_proven_gets_so_many_letters_a_day(house: House) -> None:
    house.level = TrustLevel.UNAUTHENTICATED
    for number in range(5):
        house.scart(house.file(f"anna/{number}.jpg"), number=number)
    assert house.letters() == ["receipt"] * 3
    house.now += timedelta(days=1)
    house.scart(house.file("anna/x.jpg"), number=9)
    assert house.letters() == ["receipt"] * 4


def test_after_a_crash_anywhere_it_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: Callable[[int, int], int]
) -> None:
    for step in random.Random(5).sample(range(12), rounds(4, 12)):
        folder = tmp_path / str(step)
        folder.mkdir()
        house = House(folder, outside=False)
        urls = [house.file("anna/p.jpg"), house.file("bert/q.jpg")]
        with monkeypatch.context() as patch:
            left = iter(range(step, -1, -1))
            append = house.audit.append_all

            def dying(event: object, left: Iterator = left, append: object = append) -> object:
                if next(left, 1) == 0:
                    raise KeyboardInterrupt
                return append(event)  # type: ignore[operator]

            patch.setattr(house.audit, "append_all", dying)
            with suppress(KeyboardInterrupt):
                house.scart(*urls)
        for receipt in house.spool.waiting():
            house.desk.receive(receipt)
        house.case_desk.recover()
        house.later(minutes=5)
        (notice,) = house.store.find(NoticeQuery())
        assert house.states(notice) == [ItemState.INACCESSIBLE] * 2, step
        assert len(house.cases.find(CaseQuery())) == 2
        assert sorted(house.letters()) == ["result", "statement", "statement"], step
        house.close()
