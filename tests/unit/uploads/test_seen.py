"""What was seen is compared with lists that have grown, and no file is opened for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.checking.digestlist import DigestList
from goodhoster.checking.listbuild import import_entries
from goodhoster.checking.listnames import list_path
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.uploads import Content, FileState, Place
from goodhoster.model.verdicts import Category, Kind, Match, Verdict, VerdictKind
from goodhoster.testing.hash_source_suite import made_up
from goodhoster.uploads.index import Arrival, Priority, UploadIndex

CLEAR = Verdict(VerdictKind.CLEAR)


def digests(text: str) -> Digests:
    return made_up(text).digests


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    index = UploadIndex(tmp_path / "index.sqlite")
    yield index
    index.close()


def seen(index: UploadIndex, path: str, verdict: Verdict = CLEAR, members: tuple[Digests, ...] = ()) -> None:
    place = Place(b"/srv", path.encode())
    index.expect([Arrival(place, path.split("/", maxsplit=1)[0], 1, Priority.FRESH)], 1)
    (job,) = index.take(1, 1)
    index.record(job, (FileState(1, 2, 3, 4, 5), Content(digests(path), Kind.IMAGE, 3, (), members)), verdict, 1)
    index.settle(job)


def grown(tmp_path: Path, algorithm: Algorithm, known: dict[str, Category]) -> DigestList:
    entries = [(digests(text).of(algorithm).value, category) for text, category in known.items()]
    import_entries(tmp_path / "lists", "police", entries, replace=True)
    return DigestList.open(list_path(tmp_path / "lists", "police", algorithm))


def found(index: UploadIndex, *lists: DigestList) -> list[tuple[str, bytes]]:
    pages = index.seen.newly_known(lists, 9)
    return [(arrival.customer, arrival.place.path) for page in pages for arrival in page]


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_what_a_list_knows_now_is_found_over_several_pages(
    index: UploadIndex, tmp_path: Path, algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodhoster.uploads.seen._PAGE", 3)
    for customer in ("anna", "bob"):
        for number in range(7):
            seen(index, f"{customer}/a/{number}.png")
    now_known = dict.fromkeys(["anna/a/0.png", "anna/a/6.png", "bob/a/3.png", "never seen"], Category.BASELINE)
    assert found(index, grown(tmp_path, algorithm, now_known)) == [
        ("anna", b"anna/a/0.png"),
        ("anna", b"anna/a/6.png"),
        ("bob", b"bob/a/3.png"),
    ]


def test_a_picture_inside_an_archive_is_found(index: UploadIndex, tmp_path: Path) -> None:
    seen(index, "anna/a.zip", members=(digests("first"), digests("second")))
    seen(index, "anna/b.zip", members=(digests("first"),))
    for algorithm in Algorithm:
        assert found(index, grown(tmp_path, algorithm, {"second": Category.ILLEGAL})) == [("anna", b"anna/a.zip")]


def test_what_was_told_before_is_no_news_and_a_graver_category_is(index: UploadIndex, tmp_path: Path) -> None:
    told = Verdict(VerdictKind.KNOWN, (Match("police", "sha1", Category.OTHER),))
    seen(index, "anna/known.png", told)
    assert found(index, grown(tmp_path, Algorithm.SHA1, {"anna/known.png": Category.OTHER})) == []
    assert found(index, grown(tmp_path, Algorithm.SHA1, {"anna/known.png": Category.BASELINE})) != []
    assert found(index, grown(tmp_path, Algorithm.MD5, {"anna/known.png": Category.OTHER})) != []


def test_with_what_all_was_compared_is_remembered(index: UploadIndex, tmp_path: Path) -> None:
    assert index.seen.compared() == {}
    index.seen.note_compared({"police.sha1": "1", "other.md5": "2"})
    index.seen.note_compared({"police.sha1": "3"})
    index.close()
    again = UploadIndex(tmp_path / "index.sqlite")
    assert again.seen.compared() == {"police.sha1": "3"}
    again.close()


def test_the_same_entries_are_the_same_version(tmp_path: Path) -> None:
    first = grown(tmp_path, Algorithm.SHA1, {"a": Category.OTHER}).version
    assert grown(tmp_path, Algorithm.SHA1, {"a": Category.OTHER}).version == first
    assert grown(tmp_path, Algorithm.SHA1, {"a": Category.BASELINE}).version != first


def test_what_is_in_hand_is_checked_once_more(index: UploadIndex) -> None:
    """It may have been asked before a list grew, and be recorded after it was passed."""
    place = Place(b"/srv", b"anna/a.png")
    index.expect([Arrival(place, "anna", 1, Priority.FRESH)], 1)
    (job,) = index.take(1, 1)
    index.expect_in_hand(2)
    index.record(job, (FileState(1, 2, 3, 4, 5), Content(digests("a"), Kind.IMAGE, 3)), CLEAR, 2)
    index.settle(job)
    assert [again.place for again in index.take(3, 9)] == [place]
