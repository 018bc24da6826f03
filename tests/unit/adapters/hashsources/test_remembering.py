import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hashsources.counted import Counted
from goodhoster.adapters.hashsources.memory import MemorySource
from goodhoster.adapters.hashsources.remembering import AnswerBook, Keeping, Remembering
from goodhoster.errors import ConfigurationError, SourceUnavailableError
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match
from goodhoster.testing.hash_source_suite import made_up

KNOWN = made_up("known")
UNKNOWN = made_up("unknown")


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


def counted(source: MemorySource) -> Counted:
    return Counted(source, lambda: datetime.now(UTC))


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.sqlite"


@pytest.fixture
def book(file: Path, now: Now) -> Iterator[AnswerBook]:
    book = AnswerBook(file, Keeping(yes=60, no=600), clock=now)
    yield book
    book.close()


@pytest.fixture
def inner() -> MemorySource:
    return MemorySource({KNOWN.digests.of(Algorithm.SHA1): Category.ILLEGAL}, name="upstream")


@pytest.fixture
def source(inner: MemorySource, book: AnswerBook) -> Remembering:
    return Remembering(counted(inner), book)


def test_the_same_question_is_asked_once(source: Remembering, inner: MemorySource) -> None:
    answers = [source.look_up(content) for content in (KNOWN, UNKNOWN, KNOWN, UNKNOWN)]
    yes = (Match("upstream", "sha1", Category.ILLEGAL),)
    assert answers == [yes, (), yes, ()]
    assert len(inner.asked) == 2


@pytest.mark.parametrize(("content", "expiry"), [(KNOWN, 60), (UNKNOWN, 600)])
def test_answers_expire(source: Remembering, inner: MemorySource, now: Now, content: Question, expiry: float) -> None:
    source.look_up(content)
    now.time += expiry - 1
    source.look_up(content)
    assert len(inner.asked) == 1
    now.time += 1
    source.look_up(content)
    assert len(inner.asked) == 2


def test_a_clock_that_was_put_back_does_not_keep_answers_alive(
    source: Remembering, inner: MemorySource, now: Now
) -> None:
    source.look_up(UNKNOWN)
    now.time -= 86400
    source.look_up(UNKNOWN)
    assert len(inner.asked) == 2


def test_failures_are_not_remembered(source: Remembering, inner: MemorySource) -> None:
    inner.trouble = SourceUnavailableError("down", reason="timeout")
    with pytest.raises(SourceUnavailableError):
        source.look_up(UNKNOWN)
    inner.trouble = None
    assert source.look_up(KNOWN)
    assert source.look_up(UNKNOWN) == ()


def test_sources_and_sets_of_digests_are_kept_apart(source: Remembering, book: AnswerBook) -> None:
    other = Remembering(counted(MemorySource({}, name="other")), book)
    assert source.look_up(KNOWN)
    assert other.look_up(KNOWN) == ()
    assert source.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.MD5)))) == ()
    assert source.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.SHA1))))


def test_answers_survive_a_restart_and_only_the_owner_may_read_them(
    file: Path, book: AnswerBook, source: Remembering, now: Now
) -> None:
    source.look_up(KNOWN)
    book.close()
    again = AnswerBook(file, Keeping(yes=60, no=600), clock=now)
    assert again.recall("upstream", KNOWN)
    again.close()
    assert [path.stat().st_mode & 0o777 for path in file.parent.iterdir()] == [0o600]


def test_the_oldest_answers_go_first(file: Path, now: Now) -> None:
    book = AnswerBook(file, Keeping(most=10), clock=now)
    for number in range(1024):
        book.remember("upstream", made_up(str(number)), ())
    assert [book.recall("upstream", made_up(str(number))) for number in (0, 1013, 1014, 1023)] == [None, None, (), ()]
    book.close()


def test_a_file_that_cannot_be_read_is_made_anew(file: Path, now: Now) -> None:
    file.write_bytes(b"not a database" * 1000)
    book = AnswerBook(file, clock=now)
    book.remember("upstream", UNKNOWN, ())
    assert book.recall("upstream", UNKNOWN) == ()
    book.close()


def test_trouble_with_the_file_never_stops_a_check(
    source: Remembering, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE answers")
    database.close()
    assert source.look_up(KNOWN)
    assert "no such table" in caplog.text


@pytest.mark.parametrize("damaged", ["", "{", "[[1]]", '[["upstream", "sha1", "none such", null]]', "7"])
def test_a_damaged_answer_is_asked_again(source: Remembering, inner: MemorySource, file: Path, damaged: str) -> None:
    source.look_up(UNKNOWN)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE answers SET matches = ?", (damaged,))
    database.close()
    assert source.look_up(UNKNOWN) == ()
    assert len(inner.asked) == 2


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        AnswerBook(tmp_path / "missing" / "answers.sqlite")
