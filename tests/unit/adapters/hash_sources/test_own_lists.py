import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.own_lists import OwnLists
from goodhoster.errors import NotAskedError, NothingToCompareError, SourceUnavailableError, UncheckedError
from goodhoster.hashlists.file_names import list_files
from goodhoster.hashlists.importing import import_entries
from goodhoster.hashlists.near.importing import import_fingerprints
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match, SourceAnswer
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")


def test_each_list_that_has_it_is_a_match_of_its_own(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    import_entries(tmp_path, "hotline", [(KNOWN.digests.md5, Category.OTHER), (KNOWN.digests.sha256, Category.ILLEGAL)])
    assert set(OwnLists(OpenedLists(tmp_path)).look_up(KNOWN)) == {
        Match("police", "sha1", Category.BASELINE),
        Match("hotline", "md5", Category.OTHER),
        Match("hotline", "sha256", Category.ILLEGAL),
    }


def test_without_any_list_nobody_was_asked(tmp_path: Path) -> None:
    lists = OwnLists(OpenedLists(tmp_path))
    with pytest.raises(NotAskedError, match="no list was imported"):
        lists.look_up(KNOWN)
    assert lists.answering(KNOWN) == ()


def test_a_single_digest_is_compared_with_lists_of_its_algorithm(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    lists = OwnLists(OpenedLists(tmp_path))
    assert lists.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.SHA1))))
    with pytest.raises(UncheckedError):
        lists.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.MD5))))


def test_a_damaged_list_is_no_answer(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    for path, _, _ in list_files(tmp_path):
        path.write_bytes(b"rubbish")
    lists = OwnLists(OpenedLists(tmp_path))
    with pytest.raises(SourceUnavailableError) as caught:
        lists.look_up(KNOWN)
    assert caught.value.reason == "list-damaged"
    with pytest.raises(SourceUnavailableError):
        lists.probe()


PDQ = FingerprintKind.PDQ
SEEN = bytes(range(32))
APART = bytes(31) + b"\x0f"


def picture(*fingerprints: Fingerprint) -> Question:
    return Question(KNOWN.digests, fingerprints)


def near(*lists: tuple[str, Category], within: int = 31) -> Callable[[Path], OwnLists]:
    def make(directory: Path) -> OwnLists:
        for source, category in lists:
            import_fingerprints(directory, source, [(PDQ, SEEN, category), (PDQ, b"\xff" * 32, Category.OTHER)])
        return OwnLists(OpenedLists(directory), {PDQ: within})

    return make


def test_a_picture_that_looks_alike_is_a_near_match_of_each_list(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE), ("hotline", Category.ILLEGAL))(tmp_path)
    asked = bytes(a ^ b for a, b in zip(SEEN, APART, strict=True))
    matches = lists.look_up(picture(Fingerprint(PDQ, asked)))
    assert set(matches) == {Match("police", "pdq", Category.BASELINE, 4), Match("hotline", "pdq", Category.ILLEGAL, 4)}
    assert all(match.near for match in matches)


def test_turned_pictures_and_frames_are_looked_up_too(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    frames = [Fingerprint(PDQ, bytes(32)), Fingerprint(PDQ, bytes(32), turned=(bytes(32), SEEN))]
    assert lists.look_up(picture(*frames)) == (Match("police", "pdq", Category.BASELINE, 0),)


@pytest.mark.parametrize(
    "fingerprint", [Fingerprint(PDQ, SEEN, quality=49), Fingerprint(FingerprintKind.PHASH, bytes(8))]
)
def test_near_lists_alone_have_no_say_about_flat_pictures_and_other_kinds(
    tmp_path: Path, fingerprint: Fingerprint
) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    with pytest.raises(NotAskedError) as caught:
        lists.look_up(picture(fingerprint))
    assert caught.value.reason == "too-flat"
    assert lists.look_up(picture(fingerprint, Fingerprint(PDQ, APART))) == (), "one of its frames was compared"
    import_entries(tmp_path, "police", [(made_up("another").digests.sha1, Category.BASELINE)])
    assert OwnLists(OpenedLists(tmp_path), {PDQ: 31}).look_up(picture(fingerprint)) == (), "by its digest, no"


def test_a_picture_of_which_a_part_was_opened_is_found_or_unchecked(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    for fingerprint in (Fingerprint(PDQ, APART), Fingerprint(PDQ, SEEN, quality=49)):
        with pytest.raises(UncheckedError) as caught:
            lists.look_up(replace(picture(fingerprint), whole=False))
        assert caught.value.reason == "not-askable"
    assert lists.look_up(replace(picture(Fingerprint(PDQ, SEEN)), whole=False))


def test_what_is_further_than_the_limit_is_no_match(tmp_path: Path) -> None:
    asked = bytes(a ^ b for a, b in zip(SEEN, APART, strict=True))
    assert near(("police", Category.BASELINE), within=3)(tmp_path).look_up(picture(Fingerprint(PDQ, asked))) == ()


def test_an_import_of_fingerprints_is_seen_without_a_restart(tmp_path: Path) -> None:
    collection = OpenedLists(tmp_path)
    lists = OwnLists(collection, {PDQ: 31})
    import_entries(tmp_path, "other", [(made_up("other").digests.md5, Category.OTHER)])
    assert lists.look_up(picture(Fingerprint(PDQ, SEEN))) == ()
    import_fingerprints(tmp_path, "police", [(PDQ, SEEN, Category.BASELINE)])
    deadline = time.monotonic() + 120
    while not lists.look_up(picture(Fingerprint(PDQ, SEEN))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    import_fingerprints(tmp_path, "police", [(PDQ, SEEN, None)])
    while lists.look_up(picture(Fingerprint(PDQ, SEEN))):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_damaged_near_list_is_never_a_no(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    [segment] = tmp_path.iterdir()
    segment.write_bytes(b"damaged")
    with pytest.raises(SourceUnavailableError) as caught:
        lists.look_up(picture(Fingerprint(PDQ, SEEN)))
    assert caught.value.reason == "list-damaged"


def test_a_file_without_fingerprints_is_no_no_of_a_near_list(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    with pytest.raises(UncheckedError) as caught:
        lists.look_up(Question(KNOWN.digests))
    assert caught.value.reason == "not-askable"
    import_entries(tmp_path / "other", "police", [(KNOWN.digests.sha1, Category.OTHER)])
    import_fingerprints(tmp_path / "other", "police", [(PDQ, SEEN, Category.BASELINE)])
    both = OwnLists(OpenedLists(tmp_path / "other"), {PDQ: 31})
    assert both.look_up(Question(KNOWN.digests)) == (Match("police", "sha1", Category.OTHER),)
    unknown = made_up("unknown").digests
    assert both.look_up(Question(Digests.only(unknown.of(Algorithm.SHA1)))) == ()


def test_near_lists_alone_compare_no_video(tmp_path: Path) -> None:
    lists = near(("police", Category.BASELINE))(tmp_path)
    with pytest.raises(NothingToCompareError):
        lists.look_up(Question(KNOWN.digests, ()))
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.OTHER)])
    both = OwnLists(OpenedLists(tmp_path), {PDQ: 31})
    assert both.look_up(Question(KNOWN.digests, ())) == (Match("police", "sha1", Category.OTHER),)
    assert both.look_up(Question(made_up("unknown").digests, ())) == ()


def test_each_list_answers_under_its_source_at_its_version(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    import_entries(tmp_path, "hotline", [(KNOWN.digests.md5, Category.OTHER), (KNOWN.digests.sha256, Category.ILLEGAL)])
    versions = {(each.source, each.algorithm): each.version for each in OpenedLists(tmp_path).lists()}
    assert set(OwnLists(OpenedLists(tmp_path)).answering(KNOWN)) == {
        SourceAnswer("police", f"sha1:{versions['police', Algorithm.SHA1][:16]}"),
        SourceAnswer(
            "hotline",
            f"md5:{versions['hotline', Algorithm.MD5][:16]} sha256:{versions['hotline', Algorithm.SHA256][:16]}",
        ),
    }
    only = Question(Digests.only(KNOWN.digests.of(Algorithm.SHA1)))
    assert [each.source for each in OwnLists(OpenedLists(tmp_path)).answering(only)] == ["police"]


def test_a_near_list_answers_about_pictures_with_its_kind_of_fingerprint(tmp_path: Path) -> None:
    import_fingerprints(tmp_path, "near", [(PDQ, SEEN, Category.ILLEGAL)])
    lists = OwnLists(OpenedLists(tmp_path), {PDQ: 31})
    picture = Question(KNOWN.digests, (Fingerprint(PDQ, SEEN, 100),))
    (answer,) = lists.answering(picture)
    assert (answer.source, answer.version.startswith("pdq:")) == ("near", True)
    assert lists.answering(Question(KNOWN.digests, ())) == ()


def test_an_unreadable_list_answers_nothing(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    for path, _, _ in list_files(tmp_path):
        path.write_bytes(b"rubbish")
    assert OwnLists(OpenedLists(tmp_path)).answering(KNOWN) == ()
