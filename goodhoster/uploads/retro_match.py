"""Comparison of all contents still here with lists that have grown (retro-match).

The index has the digests of every file that was ever read and is still there, and the fingerprints of pictures, so a
list that changes is compared with those: no file is opened for it. Only what a list knows now, and was not reported
before, waits for a check again; that check opens the file as any other does, so one that has changed meanwhile is
judged by what it is now.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from goodhoster.model.content_kinds import is_picture
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Category, ContentKind
from goodhoster.ports import HashSource, answering
from goodhoster.uploads.database import Database
from goodhoster.uploads.retro_match_near import GrownNear, near_news, was_told
from goodhoster.uploads.rows import BELOW, Arrival, Priority, Row, RowWait, answers_of, below, joined, members_of

_PAGE = 2000
"""Rows read at a time: some ten milliseconds, in which nobody else can use the index."""
_SEEN = """SELECT directory, name, matches, fingerprints, members, md5, sha1, sha256, kind FROM uploads
WHERE (directory, name) > (?, ?) AND sha256 IS NOT NULL ORDER BY directory, name LIMIT ?"""
_PICTURES = "verdict IN ('clear', 'near') AND kind IN ('image', 'video')"
_BY_ANSWER = f"CREATE INDEX IF NOT EXISTS uploads_answered ON uploads (checked_at) WHERE {_PICTURES}"
"""Made where it is asked for: few want to ask again, and whoever does not shall not pay for it with each check."""
_ANSWERED = f"""SELECT directory, name, checked_at FROM uploads INDEXED BY uploads_answered
WHERE (checked_at, directory, name) > (?, ?, ?) AND checked_at < ? AND waiting = {RowWait.NOTHING:d} AND {_PICTURES}
ORDER BY checked_at, directory, name LIMIT ?"""  # noqa: S608 - our own texts
_WHO_ANSWERED = "SELECT directory, name, kind, md5, sha1, sha256, members, answered FROM uploads"
_BY_WHOM = f"""{_WHO_ANSWERED}
WHERE (directory, name) > (?, ?) AND sha256 IS NOT NULL ORDER BY directory, name LIMIT ?"""
_BY_WHOM_THERE = f"""{_WHO_ANSWERED}
WHERE directory = ? AND name > ? AND sha256 IS NOT NULL ORDER BY name LIMIT ?"""
_MATCHES, _FINGERPRINTS, _MEMBERS = 2, 3, 4
_COLUMNS = {Algorithm.MD5: 5, Algorithm.SHA1: 6, Algorithm.SHA256: 7}
_KIND = 8
_BY = 7
"""In the rows of _BY_WHOM."""
_INSIDE = {algorithm: number for number, algorithm in enumerate(_COLUMNS)}


class GrownList(Protocol):
    """A list of digests by one algorithm; `checking.digestlist` has them."""

    @property
    def source(self) -> str:
        """Source of the list: the name its matches carry."""

    @property
    def algorithm(self) -> Algorithm:
        """Algorithm of its digests."""

    find: Callable[[bytes], Category | None]
    """The entry's category, or None when it is not in the list."""


class SeenContents:
    """Page by page reader of the index. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ask_everything = False
        """Whether services are asked about what is no picture, too."""

    def newly_known(self, lists: Sequence[GrownList], near: Sequence[GrownNear], now: float) -> Iterator[list[Arrival]]:
        """Files that one of the lists knows and that were not reported before, by index page.

        With them, when nothing else waits, pictures that a near list cannot be compared with: they are opened again.
        Costs a look-up for each content and list, however long the lists are; memory is that of one page.
        """
        for page in self._pages(_SEEN):
            news = _news(page, lists, near)
            told = {row[:2] for row in news}
            lacking = [row for row in page if _lacks_fingerprints(row, near) and row[:2] not in told]
            yield self._arrivals(news, now, Priority.FRESH) + self._arrivals(lacking, now, Priority.BACKFILL)

    def answered_before(self, moment: float, now: float) -> Iterator[list[Arrival]]:
        """Pictures and videos last asked about before a moment, oldest first, in pages.

        Only those that no source knew for certain. Each is to be asked about again when nothing else waits.
        """
        self._database.run(lambda db: db.execute(_BY_ANSWER))
        after: Row = (-1.0, 0, b"")
        while page := self._page(_ANSWERED, (*after, moment)):
            directory, name, checked_at = page[-1]
            after = (checked_at, directory, name)
            yield self._arrivals(page, now, Priority.BACKFILL)

    def never_asked(self, sources: Sequence[HashSource], now: float) -> Iterator[list[Arrival]]:
        """Files that one of these sources would answer about now, and did not before, in pages.

        Whether it was added since, was in shadow, had another share or failed. Of a check before that was recorded it
        is not known who answered: it is asked again.
        """
        yield from self._unanswered(self._pages(_BY_WHOM), sources, now, Priority.BACKFILL)

    def never_asked_below(
        self, tree: bytes, prefix: bytes, sources: Sequence[HashSource], now: float
    ) -> Iterator[list[Arrival]]:
        """Those of `never_asked` at or below a directory of the tree; a person orders it."""
        query = f"SELECT id FROM directories WHERE {BELOW}"  # noqa: S608 - our own texts
        values = below(tree, prefix)
        for (directory,) in self._database.run(lambda db: db.execute(query, values).fetchall()):
            yield from self._unanswered(self._pages_of(directory), sources, now, Priority.ORDERED)

    def _unanswered(
        self, pages: Iterable[list[Row]], sources: Sequence[HashSource], now: float, priority: Priority
    ) -> Iterator[list[Arrival]]:
        for page in pages:
            sets = self._answer_sets()
            rows = [row for row in page if self._owes_answer(row, sources, sets.get(row[_BY], frozenset()))]
            yield self._arrivals(rows, now, priority)

    def _owes_answer(self, row: Row, sources: Sequence[HashSource], answered: frozenset[str]) -> bool:
        """Whether a source with a say about the content, or one inside it, has not answered."""
        _, name, kind, md5, sha1, sha256, members, _ = row
        picture = self.ask_everything or is_picture(ContentKind(kind), name)
        asked = [Digests(md5, sha1, sha256)]
        inside = [Digests(*each) for each in members_of(members or b"")]
        for source in sources:
            about = asked + inside if picture or source.local else inside
            behind = {answer.source for digests in about for answer in answering(source, Question(digests))}
            if not behind <= answered:
                return True
        return False

    def _pages_of(self, directory: int) -> Iterator[list[Row]]:
        after = b""
        while page := self._page(_BY_WHOM_THERE, (directory, after)):
            after = page[-1][1]
            yield page

    def _answer_sets(self) -> dict[int | None, frozenset[str]]:
        rows = self._database.run(lambda db: db.execute("SELECT id, sources FROM answer_sets").fetchall())
        return {number: frozenset(answer.source for answer in answers_of(text)) for number, text in rows}

    def answer_sets_in_use(self, pause: Callable[[], bool]) -> set[int] | None:
        """Numbers of the sets of answers that a file has.

        None where `pause`, called between two pages, said stop.
        """
        used: set[int] = set()
        for page in self._pages(_BY_WHOM):
            used.update(row[_BY] for row in page if row[_BY] is not None)
            if pause():
                return None
        return used

    def compared(self) -> dict[str, str]:
        """Version of each list with which all that was seen has been compared."""
        return dict(self._database.run(lambda db: db.execute("SELECT list, version FROM compared").fetchall()))

    def note_compared(self, versions: Mapping[str, str]) -> None:
        """Record that these are all lists, and that what was seen has been compared with each."""

        def note(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM compared")
            db.executemany("INSERT INTO compared VALUES (?, ?)", versions.items())

        self._database.run(note)

    def _pages(self, query: str) -> Iterator[list[Row]]:
        after: Row = (0, b"")
        while page := self._page(query, after):
            after = page[-1][:2]
            yield page

    def _page(self, query: str, values: Row) -> list[Row]:
        return self._database.run(lambda db: db.execute(query, (*values, _PAGE)).fetchall())

    def _arrivals(self, rows: Sequence[Row], now: float, priority: Priority) -> list[Arrival]:
        return [arrival for row in rows for arrival in self._arrival(row, now, priority)]

    def _arrival(self, row: Row, now: float, priority: Priority) -> Iterator[Arrival]:
        """Arrival for a row; none when its directory was cleared meanwhile."""
        directory, name, *_ = row
        query = "SELECT tree, path, customer FROM directories WHERE id = ?"
        for tree, path, customer in self._database.run(lambda db: db.execute(query, (directory,)).fetchall()):
            yield Arrival(Place(tree, joined(path, name)), customer, now, priority)


def _news(page: Sequence[Row], lists: Sequence[GrownList], near: Sequence[GrownNear]) -> list[Row]:
    seen = [(row[_FINGERPRINTS], row[_MATCHES]) for row in page] if near else []
    alike = {number for grown in near for number in near_news(seen, grown)}
    return [row for number, row in enumerate(page) if number in alike or _is_news(row, lists)]


def _lacks_fingerprints(row: Row, near: Sequence[GrownNear]) -> bool:
    """Whether a picture cannot be compared with one of the near lists.

    It was broken, or read before what opens it was there.
    """
    if not near or row[_KIND] != ContentKind.IMAGE:
        return False
    kinds = {word.partition(":")[0] for word in (row[_FINGERPRINTS] or "").split()}
    return any(grown.entries.kind not in kinds for grown in near)


def _is_news(row: Row, lists: Sequence[GrownList]) -> bool:
    """Whether a list knows the content, or one inside it, and its last check did not report it."""
    for grown in lists:
        category = grown.find(row[_COLUMNS[grown.algorithm]])
        if category is not None and not was_told(row[_MATCHES], grown.source, grown.algorithm, category):
            return True
    return bool(row[_MEMBERS]) and _is_news_inside(row, lists)


def _is_news_inside(row: Row, lists: Sequence[GrownList]) -> bool:
    members = members_of(row[_MEMBERS])
    found = ((grown, grown.find(member[_INSIDE[grown.algorithm]])) for member in members for grown in lists)
    return any(
        category is not None and not was_told(row[_MATCHES], grown.source, grown.algorithm, category)
        for grown, category in found
    )
