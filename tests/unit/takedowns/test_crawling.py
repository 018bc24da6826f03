"""The crawler over a real notice desk: what came back under another name is found, and goes where it belongs."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.cases.noticed_contents import match_by_notice
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import PassingError
from goodhoster.examination import Examiner
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.crawling import CrawlCounts, FetchedPage
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.notice_status import ItemState, NoticeState, Sight
from goodhoster.model.notices import (
    Location,
    LocationKind,
    Matching,
    NoticeFormat,
    PathRoute,
    ReadItem,
    Site,
    TrustLevel,
)
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Category
from goodhoster.ports import NoticeQuery
from goodhoster.takedowns.crawl_schedule import CrawlSchedule, read_progress
from goodhoster.takedowns.crawling import ContentChecks, Crawler, CrawlRun, is_noticed
from goodhoster.testing.pictures import made_up_picture
from tests.unit.takedowns.test_desk import EVA, NOON, Services

PICTURE = made_up_picture(1)
OTHER = made_up_picture(2)


class Pages:
    """What our web server answers."""

    def __init__(self) -> None:
        self.answers: dict[str, FetchedPage] = {}
        self.asked: list[str] = []

    def get(self, url: str) -> FetchedPage:
        self.asked.append(url)
        return self.answers.get(url, FetchedPage(url, 404))

    def page(self, url: str, *links: str) -> None:
        html = "".join(f'<a href="{link}">x</a>' for link in links)
        self.answers[url] = FetchedPage(url, 200, html=True, content=html.encode())

    def picture(self, url: str, content: bytes) -> None:
        self.answers[url] = FetchedPage(url, 200, content=content)


class Crawled:
    """A host with a notice that was dealt with, and its crawler."""

    def __init__(self, folder: Path) -> None:
        self.services = services = Services(folder)
        self.pages, self.checked, self.pauses, self.stop_after = Pages(), list[Upload](), 0, 1000
        self.folder = folder
        self.map_down = False
        store = services.cases
        examiner = Examiner(
            (services.police,),
            DirectHasher(ReadingLimits()),
            services.clock,
            match_by_notice=lambda place, content, picture: match_by_notice(store, place, content, picture=picture),
        )
        checks = ContentChecks(
            examiner.examine,
            examiner.examine_opened,
            lambda *_: None,
            lambda sha: is_noticed(store, sha),
            lambda _: b"",
        )
        self.crawler = Crawler(
            services.store,
            store,
            self.sites,
            self.locate,
            self.pages,
            services.outside,
            checks,
            services.desk.found_again,
            self.checked.extend,
            most=10,
        )
        self.url = services.file("anna/p.png")
        (services.tree / "anna/p.png").write_bytes(PICTURE)
        self.notice = services.scart(self.url)
        services.later(days=8)
        assert services.states(self.notice) == [ItemState.INACCESSIBLE]

    def sites(self) -> SiteMap:
        if self.map_down:
            raise PassingError("nginx -T did not answer")
        tree = os.fsencode(self.services.tree)
        names = ("anna", "bert")
        return SiteMap(
            [Site(n, (f"{n}.example",), (PathRoute(Matching.PREFIX, "/", tree + b"/" + n.encode()),)) for n in names]
        )

    def locate(self, item: ReadItem) -> Location:
        """As our locator: the address of a directory shows what the web server makes of it."""
        if item.urls[0].endswith("/"):
            return Location(LocationKind.DYNAMIC, item.urls[0], "anna")
        return self.services.locate(item)

    def pause(self) -> bool:
        self.pauses += 1
        return self.pauses > self.stop_after

    def crawl(self) -> CrawlRun:
        crawl = CrawlRun(self.pause)
        self.counts = self.crawler.crawl(self.notice.id, crawl)
        return crawl

    @property
    def item(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        return self.services.store.get(self.notice.id).items[0]

    def log(self, kind: str) -> list[dict[str, object]]:
        return [dict(entry.event.data) for entry in self.services.audit.entries() if entry.event.kind == kind]


@pytest.fixture
def crawled(tmp_path: Path) -> Iterator[Crawled]:
    crawled = Crawled(tmp_path)
    with closing(crawled.services):
        yield crawled


def test_where_nothing_came_back_nothing_changes(crawled: Crawled) -> None:
    before = crawled.services.store.get(crawled.notice.id)
    crawled.pages.page("http://anna.example/", "about.html", "http://elsewhere.invalid/x")
    crawled.crawl()
    assert (crawled.counts.urls, crawled.counts.found, crawled.counts.unchecked) == (1, 0, 0)
    assert crawled.services.store.get(crawled.notice.id) == before
    assert crawled.pages.asked == [
        "http://anna.example/p.png",
        "http://anna.example/",
        "http://anna.example/about.html",
    ]


def test_the_same_bytes_from_a_program_under_another_name_go_to_a_person(crawled: Crawled) -> None:
    crawled.pages.page("http://anna.example/", "gallery.html")
    crawled.pages.page("http://anna.example/gallery.html", "/app/show.php?id=3")
    crawled.pages.picture("http://anna.example/app/show.php?id=3", PICTURE)
    crawled.crawl()
    item, notice = crawled.item, crawled.services.store.get(crawled.notice.id)
    assert (item.state, item.reopened, notice.state) == (ItemState.REOPENED, 1, NoticeState.NEEDS_PERSON)
    assert item.found_at == ("http://anna.example/app/show.php?id=3",)
    assert item.reason == "found again at another address of ours: a notice had the same bytes taken offline"
    assert notice.stopped_at is None, "the clock continues"
    assert [entry["found_at"] for entry in crawled.log("item.reopened")] == list(item.found_at)
    assert any("back online" in subject or "found again" in subject for subject, _ in crawled.services.pager.pages)
    assert crawled.services.blocks.all == [], "nobody was told about that address before"


def test_what_a_source_knows_goes_to_a_person_and_what_is_near_too(crawled: Crawled) -> None:
    crawled.services.police.known[Digest(Algorithm.SHA256, hashlib.sha256(OTHER).digest())] = Category.BASELINE
    crawled.pages.page("http://anna.example/", "/app/1")
    crawled.pages.picture("http://anna.example/app/1", OTHER)
    crawled.crawl()
    assert (crawled.item.state, crawled.item.reason) == (
        ItemState.REOPENED,
        "found again at another address of ours: known to police",
    )


def test_a_person_confirms_and_it_is_blocked_and_seen_to_be_gone_at_both_addresses(crawled: Crawled) -> None:
    at = "http://anna.example/app/1"
    crawled.pages.page("http://anna.example/", "/app/1")
    crawled.pages.picture(at, PICTURE)
    crawled.services.outside.sights[at] = Sight.THERE
    crawled.crawl()
    crawled.services.later(hours=1)
    assert crawled.item.state is ItemState.HELD, "it is seen there again and again: a person is asked"
    crawled.services.outside.sights.clear()
    crawled.services.desk.confirm(crawled.notice.id, EVA)
    assert [block.url for block in crawled.services.blocks.all] == [at]
    crawled.services.later(minutes=30)
    item = crawled.item
    assert (item.state, item.reopened, item.found_at) == (ItemState.INACCESSIBLE, 1, (at,))
    assert {crawled.url, at} <= set(crawled.services.outside.looked[-2:])


def test_it_is_not_gone_while_it_can_be_seen_at_one_of_the_addresses(crawled: Crawled) -> None:
    at = "http://anna.example/app/1"
    crawled.pages.page("http://anna.example/", "/app/1")
    crawled.pages.picture(at, PICTURE)
    crawled.services.outside.sights[at] = Sight.THERE
    crawled.crawl()
    crawled.services.later(hours=3)
    assert not crawled.item.state.settled
    del crawled.services.outside.sights[at]
    crawled.services.later(hours=1)
    assert crawled.item.state is ItemState.INACCESSIBLE
    crawled.services.outside.sights[at] = Sight.THERE
    crawled.services.later(days=2)
    assert crawled.item.reopened == 2, "the looks of the following week look there, too"


def test_a_person_may_leave_it(crawled: Crawled) -> None:
    at = "http://anna.example/app/1"
    crawled.pages.page("http://anna.example/", "/app/1")
    crawled.pages.picture(at, PICTURE)
    crawled.crawl()
    assert any(line.effect == "block" and line.url == at for line in crawled.services.desk.preview(crawled.notice.id))
    crawled.services.desk.confirm(crawled.notice.id, EVA)
    crawled.services.desk.dismiss(crawled.notice.id, EVA)
    assert (crawled.item.state, crawled.services.blocks.all) == (ItemState.DISPUTED, [])
    crawled.crawl()
    assert (crawled.counts.urls, crawled.item.reopened) == (0, 1), "what a person left is let be"


def test_a_file_on_disk_waits_for_a_check_and_nothing_is_done_here(crawled: Crawled) -> None:
    crawled.services.file("anna/other.png")
    (crawled.services.tree / "anna/other.png").write_bytes(PICTURE)
    crawled.pages.page("http://anna.example/", "other.png")
    crawled.crawl()
    assert [upload.place.path for upload in crawled.checked] == [b"anna/other.png"]
    assert (crawled.services.tree / "anna/other.png").exists()
    assert (crawled.item.state, crawled.item.reopened) == (ItemState.REOPENED, 1)
    assert "http://anna.example/other.png" not in crawled.pages.asked, "a file is read on disk"


def test_a_file_about_which_a_case_waits_or_was_decided_is_not_told_again(crawled: Crawled) -> None:
    crawled.services.file("anna/other.png")
    (crawled.services.tree / "anna/other.png").write_bytes(PICTURE)
    crawled.services.level = TrustLevel.UNAUTHENTICATED
    waits = crawled.services.scart("http://anna.example/other.png", number=2)
    assert crawled.services.states(waits) == [ItemState.HELD]
    crawled.pages.page("http://anna.example/", "other.png")
    crawled.crawl()
    assert (crawled.checked, crawled.item.state) == ([], ItemState.INACCESSIBLE)


def test_the_reported_url_itself_is_acted_on_anew(crawled: Crawled) -> None:
    crawled.services.file("anna/p.png")
    (crawled.services.tree / "anna/p.png").write_bytes(PICTURE)
    crawled.services.outside.sights[crawled.url] = Sight.THERE
    crawled.crawl()
    assert not (crawled.services.tree / "anna/p.png").exists()
    assert crawled.item.reopened == 1
    crawled.services.outside.sights.clear()
    crawled.services.later(hours=1)
    assert crawled.item.state is ItemState.INACCESSIBLE


def test_what_had_gone_before_we_came_and_is_back_is_reopened(crawled: Crawled) -> None:
    url = "http://anna.example/gone.png"
    gone = crawled.services.scart(url, number=2)
    crawled.services.later(hours=2)
    assert crawled.services.states(gone) == [ItemState.GONE]
    crawled.services.outside.sights[url] = Sight.THERE
    crawled.crawler.crawl(gone.id, CrawlRun(crawled.pause))
    (item,) = crawled.services.store.get(gone.id).items
    assert (item.reopened, item.state.settled) == (1, False)


def test_never_more_addresses_than_allowed_and_none_twice_in_a_round(crawled: Crawled) -> None:
    crawled.pages.page("http://anna.example/", *(f"{n}.html" for n in range(50)))
    for n in range(50):
        crawled.pages.page(f"http://anna.example/{n}.html", "/", *(f"{n}-{m}.html" for m in range(50)))
    crawl = crawled.crawl()
    assert crawled.counts.pages == len(crawled.pages.asked) == 10
    crawled.counts = crawled.crawler.crawl(crawled.notice.id, crawl)
    assert len(set(crawled.pages.asked)) == len(crawled.pages.asked)


def test_no_link_and_no_redirect_leads_off_our_sites(crawled: Crawled) -> None:
    away = [
        "http://elsewhere.invalid/",
        "http://169.254.169.254/latest",
        "http://127.0.0.1/",
        "//evil.example/",
        "ftp://anna.example/",
    ]
    crawled.pages.page("http://anna.example/", *away, "http://anna.example\\@evil.example/", "moved")
    crawled.pages.answers["http://anna.example/moved"] = FetchedPage("", 302, redirect="http://evil.example/p.png")
    crawled.crawl()
    assert {url.split("/")[2] for url in crawled.pages.asked} == {"anna.example"}


def test_another_site_of_ours_that_it_links_to_is_looked_at(crawled: Crawled) -> None:
    crawled.pages.page("http://anna.example/", "http://bert.example/app/1")
    crawled.pages.picture("http://bert.example/app/1", PICTURE)
    crawled.crawl()
    assert crawled.item.found_at == ("http://bert.example/app/1",)


def test_what_cannot_be_looked_at_is_counted_as_unchecked_and_a_silent_host_is_let_be(crawled: Crawled) -> None:
    crawled.pages.page("http://anna.example/", *(f"http://bert.example/{n}" for n in range(5)), "large.jpg")
    for n in range(5):
        crawled.pages.answers[f"http://bert.example/{n}"] = FetchedPage("", None, timed_out=True)
    crawled.pages.answers["http://anna.example/large.jpg"] = FetchedPage("", 200, content=b"x", whole=False)
    crawled.crawl()
    assert crawled.counts.unchecked == 6
    assert sum(url.startswith("http://bert.example") for url in crawled.pages.asked) == 1
    assert crawled.item.state is ItemState.INACCESSIBLE


def test_a_trial_notice_is_let_be(crawled: Crawled) -> None:
    notice = crawled.services.store.get(crawled.notice.id)
    assert notice.read
    trial = replace(notice, read=replace(notice.read, format=NoticeFormat.SCART_TEST))
    crawled.services.store.replace(trial, expected=notice.state)
    crawled.crawl()
    assert (crawled.counts.urls, crawled.pages.asked) == (0, [])


def rounds(crawled: Crawled) -> CrawlSchedule:
    services = crawled.services
    return CrawlSchedule(
        crawled.crawler,
        services.store,
        services.audit,
        services.clock,
        crawled.folder / "crawl.json",
        timedelta(days=7),
        timedelta(days=365),
    )


def test_rounds_begin_when_due_go_on_after_a_stop_and_are_in_the_log(crawled: Crawled) -> None:
    second = crawled.services.scart("http://bert.example/q.png", number=2)
    crawled.services.later(hours=2)
    assert crawled.services.states(second) == [ItemState.GONE]
    file, crawl = crawled.folder / "crawl.json", rounds(crawled)
    crawled.stop_after = 3
    assert crawl.run_once(crawled.pause) == 0.0
    half = read_progress(file)
    assert half is not None
    assert (half.ended_at, half.urls) == (None, 1)
    crawled.stop_after = 1000
    assert crawl.run_once(crawled.pause) == timedelta(days=7).total_seconds()
    ended = read_progress(file)
    assert ended is not None
    assert (ended.urls, ended.ended_at) == (2, crawled.services.now)
    assert len(crawled.log("crawl.began")) == 1
    assert crawled.log("crawl.ended") == [{"urls": 2, "pages": ended.pages, "found": 0, "unchecked": 0}]
    asked = len(crawled.pages.asked)
    assert 0 < crawl.run_once(crawled.pause) <= timedelta(days=7).total_seconds()
    assert len(crawled.pages.asked) == asked
    crawled.services.now += timedelta(days=7)
    crawl.run_once(crawled.pause)
    assert (len(crawled.pages.asked) > asked, len(crawled.log("crawl.began"))) == (True, 2)


def test_old_notices_are_let_be_and_a_damaged_state_begins_anew(crawled: Crawled) -> None:
    (crawled.folder / "crawl.json").write_text('{"began_at": 7}')
    crawled.services.now = NOON + timedelta(days=400)
    rounds(crawled).run_once(crawled.pause)
    assert crawled.log("crawl.ended") == [{"urls": 0, "pages": 0, "found": 0, "unchecked": 0}]
    assert json.loads((crawled.folder / "crawl.json").read_text())["ended_at"]


def test_a_directory_that_does_not_answer_ends_the_round_for_now(crawled: Crawled) -> None:
    crawled.map_down = True
    with pytest.raises(PassingError):
        rounds(crawled).run_once(crawled.pause)
    progress = read_progress(crawled.folder / "crawl.json")
    assert progress is not None
    assert (progress.ended_at, progress.urls) == (None, 0), "nothing is said to have been looked at"


def test_what_one_notice_throws_keeps_no_other_from_its_turn(
    crawled: Crawled, caplog: pytest.LogCaptureFixture
) -> None:
    """It began with that one again and again, and came no further."""
    second = crawled.services.scart("http://bert.example/q.png", number=2)
    crawled.services.later(hours=2)
    first = min(crawled.services.store.ids(NoticeQuery()))
    sound = Crawler.crawl

    def thrown(crawler: Crawler, notice_id: str, crawl: CrawlRun) -> CrawlCounts:
        if notice_id == first:
            raise UnicodeError("an address that nobody can encode")
        return sound(crawler, notice_id, crawl)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crawler, "crawl", thrown)
        rounds(crawled).run_once(crawled.pause)
    ended = read_progress(crawled.folder / "crawl.json")
    assert ended is not None
    assert second.id != first
    assert (ended.ended_at, ended.urls, ended.unchecked) == (crawled.services.now, 1, 1)
    assert first in caplog.text
