"""What was seen is compared with lists that have grown, and no file is opened for it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.hash_sources.rollout import RolledOut
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.hashlists.near.importing import import_fingerprints, open_near_list
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.uploads import Content, FileState, Place
from goodhoster.model.verdicts import Category, ContentKind, Match, SourceAnswer, Verdict, VerdictKind
from goodhoster.ports import HashSource
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.census import IndexCensus
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.retro_match_near import GrownNear

PDQ = FingerprintKind.PDQ
CLEAR = Verdict(VerdictKind.CLEAR)


def digests(text: str) -> Digests:
    return made_up(text).digests


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    index = UploadIndex(tmp_path / "index.sqlite")
    yield index
    index.close()


def seen(
    index: UploadIndex,
    path: str,
    verdict: Verdict = CLEAR,
    members: tuple[Digests, ...] = (),
    fingerprints: tuple[Fingerprint, ...] = (),
    kind: ContentKind = ContentKind.IMAGE,
) -> None:
    place = Place(b"/srv", path.encode())
    index.expect([Arrival(place, path.split("/", maxsplit=1)[0], 1, Priority.FRESH)], 1)
    (job,) = index.take(1, 1)
    index.record(job, (FileState(1, 2, 3, 4, 5), Content(digests(path), kind, 3, fingerprints, members)), verdict, 1)
    index.settle(job)


def grown(tmp_path: Path, algorithm: Algorithm, known: dict[str, Category]) -> DigestList:
    entries = [(digests(text).of(algorithm).value, category) for text, category in known.items()]
    import_entries(tmp_path / "lists", "police", entries, replace=True)
    return DigestList.open(list_path(tmp_path / "lists", "police", algorithm))


def found(index: UploadIndex, *lists: DigestList, near: Sequence[GrownNear] = ()) -> list[tuple[str, bytes]]:
    pages = index.seen.newly_known(lists, near, 9)
    return [(arrival.customer, arrival.place.path) for page in pages for arrival in page]


def near(tmp_path: Path, known: Mapping[bytes, Category | None], within: int = 31) -> GrownNear:
    entries = [(PDQ, value, category) for value, category in known.items()]
    import_fingerprints(tmp_path / "lists", "police", entries)
    [(source, kind, segments)] = near_lists(tmp_path / "lists")
    return GrownNear(open_near_list(source, kind, segments), within)


def looks(number: int, bits: int = 0, *, quality: int = 100, turned: tuple[bytes, ...] = ()) -> Fingerprint:
    """Of a made-up picture, or one that differs from it in so many bits."""
    value = int.from_bytes(hashlib.sha256(b"%d" % number).digest()) ^ ((1 << bits) - 1)
    return Fingerprint(PDQ, value.to_bytes(32), quality, turned)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_what_a_list_knows_now_is_found_over_several_pages(
    index: UploadIndex, tmp_path: Path, algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodhoster.uploads.retro_match._PAGE", 3)
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


def test_a_picture_near_a_new_entry_is_found_over_several_pages(
    index: UploadIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodhoster.uploads.retro_match._PAGE", 3)
    for number in range(10):
        seen(index, f"anna/{number}.png", fingerprints=(looks(100 + number), looks(number)))
    seen(index, "bob/text.txt", kind=ContentKind.OTHER)
    known = dict.fromkeys([looks(2, 20).value, looks(8, 31).value, looks(9, 32).value], Category.ILLEGAL)
    assert found(index, near=[near(tmp_path, known)]) == [("anna", b"anna/2.png"), ("anna", b"anna/8.png")]
    assert found(index, near=[near(tmp_path, known, within=19)]) == []


def test_a_mirrored_picture_is_found_and_a_flat_one_is_not(index: UploadIndex, tmp_path: Path) -> None:
    seen(index, "anna/mirrored.png", fingerprints=(looks(1, turned=(looks(2).value, looks(3).value)),))
    seen(index, "anna/flat.png", fingerprints=(looks(3, quality=49),))
    grown = near(tmp_path, {looks(3).value: Category.ILLEGAL})
    assert found(index, near=[grown]) == [("anna", b"anna/mirrored.png")]


def test_a_picture_without_fingerprints_is_checked_again_when_a_near_list_comes(
    index: UploadIndex, tmp_path: Path
) -> None:
    """It was clear for ever: it was broken, or what opens it was not there yet."""
    seen(index, "anna/broken.png")
    seen(index, "anna/other.png", fingerprints=(looks(7),))
    assert found(index, grown(tmp_path, Algorithm.SHA1, {"else": Category.BASELINE})) == []
    pages = index.seen.newly_known([], [near(tmp_path, {looks(3).value: Category.ILLEGAL})], 9)
    assert [(each.place.path, each.priority) for page in pages for each in page] == [
        (b"anna/broken.png", Priority.BACKFILL)
    ]


def test_a_near_match_that_was_told_before_or_is_withdrawn_is_no_news(index: UploadIndex, tmp_path: Path) -> None:
    told = Verdict(VerdictKind.NEAR, (Match("police", "pdq", Category.OTHER, 20),))
    seen(index, "anna/told.png", told, fingerprints=(looks(1),))
    seen(index, "anna/new.png", fingerprints=(looks(2),))
    grown = near(tmp_path, {looks(1, 5).value: Category.OTHER, looks(2).value: Category.OTHER})
    assert found(index, near=[grown]) == [("anna", b"anna/new.png")]
    assert found(index, near=[near(tmp_path, {looks(1, 9).value: Category.BASELINE, looks(2).value: None})]) == [
        ("anna", b"anna/told.png")
    ]


def test_what_was_asked_about_long_ago_is_found_when_no_source_knows_it(
    index: UploadIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodhoster.uploads.retro_match._PAGE", 2)
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1", Category.OTHER),))
    near = Verdict(VerdictKind.NEAR, (Match("police", "pdq", Category.OTHER, 20),))
    for name, verdict in (("clear", CLEAR), ("known", known), ("near", near)):
        seen(index, f"anna/{name}.png", verdict)
    seen(index, "anna/waits.png")
    index.expect([Arrival(Place(b"/srv", b"anna/waits.png"), "anna", 5, Priority.FRESH)], 5)
    before = [page for page in index.seen.answered_before(1, 9) if page]
    assert before == [], "all were asked about at 1"
    arrivals = [arrival for page in index.seen.answered_before(2, 9) for arrival in page]
    assert [arrival.place.path for arrival in arrivals] == [b"anna/clear.png", b"anna/near.png"]
    assert {arrival.priority for arrival in arrivals} == {Priority.BACKFILL}


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
    index.record(job, (FileState(1, 2, 3, 4, 5), Content(digests("a"), ContentKind.IMAGE, 3)), CLEAR, 2)
    index.settle(job)
    assert [again.place for again in index.take(3, 9)] == [place]


def answered_by(*sources: str) -> Verdict:
    return Verdict(VerdictKind.CLEAR, answered=tuple(map(SourceAnswer, sources)))


def unanswered(index: UploadIndex, *sources: HashSource) -> list[bytes]:
    return sorted(arrival.place.path for page in index.seen.never_asked(sources, 9) for arrival in page)


def test_who_answered_is_remembered(index: UploadIndex) -> None:
    verdict = Verdict(VerdictKind.CLEAR, answered=(SourceAnswer("police", "sha1:ab", 50), SourceAnswer("own")))
    seen(index, "anna/a", verdict)
    seen(index, "anna/b")
    assert set(index.answered(Place(b"/srv", b"anna/a"))) == set(verdict.answered)
    assert index.answered(Place(b"/srv", b"anna/b")) == ()


def test_a_source_is_asked_about_all_that_it_never_saw(index: UploadIndex) -> None:
    seen(index, "anna/asked", answered_by("police"))
    seen(index, "anna/new", answered_by("own"))
    seen(index, "anna/before", CLEAR)
    seen(index, "anna/text", answered_by("own"), kind=ContentKind.OTHER)
    seen(index, "anna/named.jpg", answered_by("own"), kind=ContentKind.OTHER)
    seen(index, "anna/archive", answered_by("own"), (digests("inside"),), kind=ContentKind.OTHER)
    service = MemorySource({}, name="police", local=False)
    owed = [b"anna/archive", b"anna/before", b"anna/named.jpg", b"anna/new"]
    assert unanswered(index, service) == owed
    assert unanswered(index, MemorySource({}, name="police")) == sorted([*owed, b"anna/text"])
    below = [arrival for page in index.seen.never_asked_below(b"/srv", b"anna", [service], 9) for arrival in page]
    assert {arrival.place.path for arrival in below} == set(owed)
    assert {arrival.priority for arrival in below} == {Priority.ORDERED}
    assert not list(index.seen.never_asked_below(b"/srv", b"bert", [service], 9))


def test_a_larger_share_is_only_asked_about_what_is_in_it(index: UploadIndex) -> None:
    service = CountedSource(MemorySource({}, name="police", local=False), lambda: datetime.now(UTC))
    names = [f"anna/{number}" for number in range(200)]
    for name in names:
        in_ten = RolledOut(service, 10).answering(made_up(name))
        seen(index, name, Verdict(VerdictKind.CLEAR, answered=in_ten))
    assert not unanswered(index, RolledOut(service, 10))
    half = unanswered(index, RolledOut(service, 50))
    assert 50 < len(half) < 110
    assert len(unanswered(index, service)) > 160


def test_answers_that_no_file_has_any_more_are_forgotten(index: UploadIndex) -> None:
    for version in range(50):  # a list that changes every day
        seen(index, "anna/a", Verdict(VerdictKind.CLEAR, answered=(SourceAnswer("own", str(version)),)))
    seen(index, "anna/b", answered_by("police"))
    seen(index, "anna/c", answered_by("newest"))
    assert index.forget_unused_answer_sets(lambda: True) == 0  # broken off, nothing is known
    assert index.forget_unused_answer_sets(lambda: False) == 49
    assert index.answered(Place(b"/srv", b"anna/a")) == (SourceAnswer("own", "49"),)
    assert index.answered(Place(b"/srv", b"anna/b")) == (SourceAnswer("police"),)
    seen(index, "anna/a", Verdict(VerdictKind.CLEAR, answered=(SourceAnswer("own", "7"),)))  # one of those again
    assert index.answered(Place(b"/srv", b"anna/a")) == (SourceAnswer("own", "7"),)


def test_where_services_are_asked_about_everything_they_owe_answers_about_texts(index: UploadIndex) -> None:
    seen(index, "anna/text", answered_by("own"), kind=ContentKind.OTHER)
    service = MemorySource({}, name="police", local=False)
    assert unanswered(index, service) == []
    index.seen.ask_everything = True
    assert unanswered(index, service) == [b"anna/text"]


def test_what_services_are_not_asked_about_is_counted(index: UploadIndex) -> None:
    census = IndexCensus(index.database)
    ever = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    seen(index, "anna/text", CLEAR, kind=ContentKind.OTHER)
    seen(index, "anna/named.jpg", CLEAR, kind=ContentKind.OTHER)
    seen(index, "anna/a", CLEAR)
    assert (census.checks_between(*ever), census.left_out_between(*ever)) == (3, 1)
    index.seen.ask_everything = True
    seen(index, "anna/text", CLEAR, kind=ContentKind.OTHER)
    assert (census.checks_between(*ever), census.left_out_between(*ever)) == (4, 1)
