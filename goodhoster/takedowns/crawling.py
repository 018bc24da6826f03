"""A crawl of our own sites around reported URLs, for what came back under any name.

Only sites in our own map are asked, and never more addresses than are allowed for each reported URL. Files are not
acted on here: they are made to wait for a check, and the house rules decide. What a program shows goes to a person,
with the notice that it belongs to. What could not be looked at is counted as unchecked.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol
from urllib.parse import urljoin

from goodhoster.errors import NotAnUploadError, UnclearUrlError
from goodhoster.examination import Examined
from goodhoster.locating.page_links import links_on
from goodhoster.locating.site_map import SiteMap
from goodhoster.locating.urls import read_url
from goodhoster.model.cases import CaseState
from goodhoster.model.crawling import CrawlCounts, FetchedPage, FoundAgain
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, Sight
from goodhoster.model.notices import FoundBy, Location, LocationKind, ReadItem
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import NOTICED, Match, VerdictKind
from goodhoster.ports import CaseQuery, CaseStore, NoticeStore, Outside, SitePages
from goodhoster.uploads.opening import OpenedUpload

_GONE = frozenset({ItemState.INACCESSIBLE, ItemState.GONE})
_DECIDED = frozenset({CaseState.HELD, CaseState.OBSERVED, CaseState.OPEN, CaseState.FAILED, CaseState.RESTORED})
"""States of a case after which its file is there for a reason: somebody waits, or decided that it stays."""
_MOST_WAITING = 2000
"""Links that wait at a time."""
_MOST_SEEN = 200_000
"""Addresses of one run that are not looked at twice: 20 MB."""


class Reopen(Protocol):
    """Reopening of a reported URL: `NoticeDesk.found_again`."""

    def __call__(self, notice_id: str, url: str, found: FoundAgain, /) -> object:
        """Record that a URL of a notice, or what it showed, is to be seen again."""


@dataclass(slots=True)
class CrawlRun:
    """One run over all reported URLs, so that none is asked for twice in it."""

    pause: Callable[[], bool]
    """Waits before a request, and says whether to stop there."""
    stopped: bool = False
    _seen: set[bytes] = field(default_factory=set)
    _silent: set[str] = field(default_factory=set)

    def may_go_on(self) -> bool:
        """Wait for the next request; False where the run is broken off."""
        self.stopped = self.stopped or self.pause()
        return not self.stopped

    def is_new(self, url: str) -> bool:
        """Whether the address was not looked at yet in this run."""
        short = blake2b(url.encode("utf-8", "replace"), digest_size=8).digest()
        if short in self._seen:
            return False
        if len(self._seen) < _MOST_SEEN:
            self._seen.add(short)
        return True

    def is_silent(self, host: str) -> bool:
        """Whether a host did not answer in time; it is left alone for the rest of the run."""
        return host in self._silent

    def note_silent(self, host: str) -> None:
        """Leave a host alone."""
        if len(self._silent) < _MOST_SEEN:
            self._silent.add(host)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is to be seen at one address."""

    found: str = ""
    """By what it was found; empty where it is nothing that is looked for."""
    shows: Sequence[str] = ()
    """Pictures and films of a page."""
    leads_to: Sequence[str] = ()


_NOTHING = _Shown()


@dataclass(frozen=True, slots=True)
class ContentChecks:
    """Comparison of what is found with hash sources and with what notices took offline."""

    examine: Callable[[Place], AbstractContextManager[Examined]]
    """Of a file on disk."""
    examine_opened: Callable[[OpenedUpload], Examined]
    """Of anything else."""
    sha256_of: Callable[[Place, FileState], bytes | None]
    """As the index knows a file in exactly that state: it was checked then."""
    is_noticed: Callable[[bytes], bool]
    """Whether a notice took a content offline."""
    tree_of: Callable[[str], bytes]
    """The watched tree that a host shows; empty where it shows none. By it goes who may be asked."""


@dataclass(frozen=True, slots=True)
class Crawler:
    """Crawls around the URLs of notices. For one thread."""

    notices: NoticeStore
    cases: CaseStore
    sites: Callable[[], SiteMap]
    locate: Callable[[ReadItem], Location]
    pages: SitePages
    outside: Outside
    checks: ContentChecks
    reopen: Reopen
    hurry: Callable[[Sequence[Upload]], None]
    most: int
    """Addresses for each reported URL."""

    def crawl(self, notice_id: str, crawl: CrawlRun) -> CrawlCounts:
        """Look at the URLs of one notice that are gone, and around them.

        Raises what stores and directories raise.
        """
        counts = CrawlCounts()
        notice = self.notices.get(notice_id)
        if notice.read is not None and notice.read.test:
            return counts
        for item in notice.items:
            if item.state not in _GONE or not self._own_host(item.url):
                continue
            if not crawl.may_go_on():
                break
            counts.urls += 1
            for found in (*self._itself(item, counts), *self._around(notice, item, crawl, counts)):
                counts.found += 1
                self.reopen(notice_id, item.url, found)
        return counts

    def _itself(self, item: NoticeItem, counts: CrawlCounts) -> Iterator[FoundAgain]:
        """The reported URL, as the hotline looks at it, and those where it was found again before."""
        for url in (item.url, *item.found_at):
            seen = self.outside.look(url)
            counts.unchecked += seen.sight is Sight.UNKNOWN
            if seen.sight is Sight.THERE:
                yield FoundAgain(url, seen.detail)

    def _around(self, notice: Notice, item: NoticeItem, crawl: CrawlRun, counts: CrawlCounts) -> Iterator[FoundAgain]:
        """What its page, its directory and its site's first page show, pictures first."""
        reported = {url for each in notice.items for url in (each.url, *each.found_at)}
        waiting = deque((item.url, *item.found_at, urljoin(item.url, "."), urljoin(item.url, "/")))
        left = self.most
        while waiting and left:
            written = waiting.popleft()
            host = self._own_host(written)
            if not host or not crawl.is_new(url := read_url(written)[0].href):
                continue
            left, counts.pages = left - 1, counts.pages + 1
            if crawl.is_silent(host):
                counts.unchecked += 1
                continue
            there = self._looked_at(url, host, crawl, counts)
            room = max(0, _MOST_WAITING - len(waiting))
            waiting.extendleft(reversed(there.shows[:room]))
            waiting.extend(there.leads_to[:room])
            if there.found and url not in reported:
                yield FoundAgain(url, there.found)
            if crawl.stopped:
                return

    def _own_host(self, url: str) -> str:
        """The host of an address, where a site of our own map has that name; else empty."""
        try:
            address = read_url(url)[0]
        except UnclearUrlError:
            return ""
        return address.host if self.sites().named(address.host) else ""

    def _looked_at(self, url: str, host: str, crawl: CrawlRun, counts: CrawlCounts) -> _Shown:
        """What an address of ours shows."""
        location = self.locate(ReadItem((url,)))
        if location.outcome is LocationKind.NOT_OURS:
            return _NOTHING
        if location.outcome is LocationKind.FILE and not location.page:
            return _Shown(self._file(location, counts))
        page = self._fetched(url, host, crawl, counts)
        if page is None:
            return _NOTHING
        if page.redirect:
            return _Shown(leads_to=(page.redirect,))
        if page.html:
            return _Shown("", *links_on(page.content, url))
        return _Shown(self._content(page, location, host, counts))

    def _fetched(self, url: str, host: str, crawl: CrawlRun, counts: CrawlCounts) -> FetchedPage | None:
        """The answer to a request; None where there is nothing, or nothing that can be told."""
        if not crawl.may_go_on():
            return None
        page = self.pages.get(url)
        if page.timed_out:
            crawl.note_silent(host)
        if page.status is None or not (page.html or page.whole):
            counts.unchecked += 1
            return None
        there = page.redirect or (200 <= page.status < 300 and page.content)  # noqa: PLR2004 - HTTP's successes
        return page if there else None

    def _file(self, location: Location, counts: CrawlCounts) -> str:
        """How a file on disk was found; it waits for a check then.

        What the index knows in this very state was checked, and what was known of it is a case.
        """
        upload = next(file.upload for file in location.files if file.found_by is FoundBy.URL)
        sha256 = self.checks.sha256_of(upload.place, upload.state)
        if sha256 is not None and not self.checks.is_noticed(sha256):
            return ""
        found = ""
        with suppress(NotAnUploadError), self.checks.examine(upload.place) as examined:
            found = self._known_sources(examined, counts)
            if found and examined.content and self._is_a_case(upload.place, examined.content.digests.sha256):
                return ""
            if found or examined.verdict.kind is VerdictKind.UNCHECKED:
                self.hurry([upload])
        return found

    def _is_a_case(self, place: Place, sha256: bytes | None) -> bool:
        """Whether that file is a case already: it waits for a person, or one decided that it stays."""
        return self.cases.count(CaseQuery(states=_DECIDED, place=place, content=sha256)) > 0

    def _content(self, page: FetchedPage, location: Location, host: str, counts: CrawlCounts) -> str:
        tree = location.place.tree if location.place else self.checks.tree_of(host)
        with _in_memory(page.content, Place(tree, b"crawled")) as opened:
            return self._known_sources(self.checks.examine_opened(opened), counts)

    @staticmethod
    def _known_sources(examined: Examined, counts: CrawlCounts) -> str:
        """By which sources a content is known or near; empty where it is not."""
        verdict = examined.verdict
        counts.unchecked += verdict.kind is VerdictKind.UNCHECKED
        if verdict.kind not in {VerdictKind.KNOWN, VerdictKind.NEAR}:
            return ""
        return "; ".join(dict.fromkeys(map(_words_of, verdict.acting)))


def _words_of(match: Match) -> str:
    if match.algorithm == NOTICED:
        return "a notice had the same bytes taken offline"
    return f"near to what {match.source} knows" if match.near else f"known to {match.source}"


@contextmanager
def _in_memory(content: bytes, place: Place) -> Iterator[OpenedUpload]:
    """A content as an open file that is on no disk."""
    fd = os.memfd_create("crawled", os.MFD_CLOEXEC)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
        yield OpenedUpload(fd, place, FileState.of(os.fstat(fd)))
    finally:
        os.close(fd)


def is_noticed(cases: CaseStore, sha256: bytes) -> bool:
    """Whether a case of a notice was about that content."""
    return any(case.notice for case in cases.find(CaseQuery(content=sha256)))
