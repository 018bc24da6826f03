"""The file with remembered answers: shared by processes, and no loss when it is lost."""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache, CachedAnswer
from goodhoster.errors import ConfigurationError
from goodhoster.model.verdicts import Category, Match

YES = CachedAnswer(2.5, (Match("upstream", "sha1", Category.ILLEGAL), Match("upstream", "pdq", Category.OTHER, 7)))
NO = CachedAnswer(2.5, ())
MANY = CachedAnswer(2.5, tuple(Match(f"bank {number}", "pdq", Category.UNSPECIFIED, number) for number in range(9)))


def key(name: object) -> bytes:
    return hashlib.sha256(f"{name}".encode()).digest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers"


@pytest.fixture
def book(file: Path) -> Iterator[AnswerCache]:
    book = AnswerCache(file)
    yield book
    book.close()


def test_answers_come_back_as_they_were_in_this_process_and_the_next(file: Path, book: AnswerCache) -> None:
    book.put(key("known"), YES)
    book.put(key("unknown"), NO)
    for each in (book, AnswerCache(file)):
        assert (each.get(key("known")), each.get(key("unknown")), each.get(key("new"))) == (YES, NO, None)


def test_only_the_owner_may_read_it(file: Path, book: AnswerCache) -> None:
    book.put(key("known"), YES)
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_newest_answer_counts_also_where_it_is_too_long_to_be_kept(book: AnswerCache) -> None:
    found = []
    for answer in (NO, YES, MANY, NO):
        book.put(key("a"), answer)
        found.append(book.get(key("a")))
    assert found == [NO, YES, None, NO]


def test_an_answer_that_was_overtaken_by_a_newer_one_does_not_count(book: AnswerCache) -> None:
    book.put(key("a"), CachedAnswer(1000.0, YES.matches))
    book.put(key("a"), CachedAnswer(999.0, ()))
    assert book.get(key("a")) == CachedAnswer(1000.0, YES.matches)
    book.put(key("a"), CachedAnswer(900.0, ()))
    assert book.get(key("a")) == CachedAnswer(900.0, ()), "the clock was put back"


def test_of_two_contents_that_meet_in_one_slot_the_newer_answer_stays(book: AnswerCache) -> None:
    one, other = key("a"), key("b")[:28] + key("a")[28:]
    book.put(one, YES)
    assert book.get(other) is None
    book.put(other, NO)
    assert (book.get(one), book.get(other)) == (None, NO)


def test_the_file_has_an_end_however_many_answers_there_are(file: Path, book: AnswerCache) -> None:
    for end in (0, 2**32 - 1, 2**32 - 2**19):
        book.put(bytes(28) + end.to_bytes(4), NO)
    assert file.stat().st_size <= 128 << 20
    assert os.stat(file).st_blocks * 512 <= 64 << 10, "and what nobody asked about takes no room"


def fill(file: Path, name: str, count: int) -> None:
    book = AnswerCache(file)
    for number in range(count):
        book.put(key(f"{name} {number}"), NO)
        book.put(key(f"all {number}"), YES)


def test_several_processes_share_one_book(file: Path) -> None:
    """Those that begin at once make the file together, and each finds what the others wrote."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill, args=(file, str(number), 500)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    book = AnswerCache(file)
    found = [book.get(key(f"{name} {number}")) for name in (*range(3), "all") for number in range(500)]
    assert set(found[:1500]) | {None} == {None, NO}
    assert set(found[1500:]) | {None} == {None, YES}
    assert found.count(None) < 20, "a few meet in one slot"


def test_what_is_read_while_it_is_written_is_whole_or_none(file: Path) -> None:
    answers = [YES, NO]

    def write(number: int) -> None:
        book = AnswerCache(file)
        for _ in range(2000):
            book.put(key("a"), answers[number % 2])

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, number) for number in range(4)]
        book = AnswerCache(file)
        while not all(each.done() for each in writing):
            assert book.get(key("a")) in {YES, NO, None}
    assert book.get(key("a")) in {YES, NO}


def deleted_and_replaced(file: Path) -> None:
    file.unlink()
    file.write_bytes(b"something else" * 1000)


def garbage(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        for start in range(0, size, 1 << 20):
            opened.seek(start)
            opened.write(b"\xff" * min(1 << 20, size - start))


def cut(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("damage", [Path.unlink, deleted_and_replaced, garbage, cut])
@pytest.mark.parametrize("running", [True, False])
def test_a_damaged_or_deleted_book_is_one_without_answers(
    file: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture, *, running: bool
) -> None:
    book = AnswerCache(file)
    for number in range(20):
        book.put(key(number), YES)
    damage(file)
    if not running:
        book = AnswerCache(file)
    book._looked = -1.0  # as a second later
    assert [book.get(key(number)) for number in range(20)] == [None] * 20
    book.put(key("new"), YES)
    assert AnswerCache(file).get(key("new")) == YES
    assert not caplog.records


def test_trouble_is_told_once_and_answers_are_lost(
    file: Path, book: AnswerCache, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink()
    file.mkdir()
    for _ in range(3):
        book._looked = -1.0
        book.put(key("a"), NO)
        book._looked = -1.0
        assert book.get(key("a")) is None
    [told] = [record.message for record in caplog.records]
    assert told.startswith("remembered answers cannot be used now, the sources are asked instead: ")


def test_a_full_disk_stops_no_check(book: AnswerCache, caplog: pytest.LogCaptureFixture) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    opened = book._open
    assert opened
    os.dup2(full, opened.fd)
    os.close(full)
    book._looked = float("inf")
    book.put(key("a"), NO)
    assert "No space left" in caplog.text
    assert book.get(key("a")) is None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        AnswerCache(tmp_path / "missing" / "answers")
