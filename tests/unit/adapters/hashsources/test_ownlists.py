from pathlib import Path

import pytest

from goodhoster.adapters.hashsources.ownlists import OwnLists
from goodhoster.checking.listbuild import import_entries
from goodhoster.checking.listnames import list_files
from goodhoster.checking.listshelf import ListShelf
from goodhoster.errors import SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match
from goodhoster.testing.hash_source_suite import made_up

KNOWN = made_up("known")


def test_each_list_that_has_it_is_a_match_of_its_own(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    import_entries(tmp_path, "hotline", [(KNOWN.digests.md5, Category.OTHER), (KNOWN.digests.sha256, Category.ILLEGAL)])
    assert set(OwnLists(ListShelf(tmp_path)).look_up(KNOWN)) == {
        Match("police", "sha1", Category.BASELINE),
        Match("hotline", "md5", Category.OTHER),
        Match("hotline", "sha256", Category.ILLEGAL),
    }


def test_no_list_at_all_says_no(tmp_path: Path) -> None:
    assert OwnLists(ListShelf(tmp_path)).look_up(KNOWN) == ()


def test_a_single_digest_is_compared_with_lists_of_its_algorithm(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    lists = OwnLists(ListShelf(tmp_path))
    assert lists.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.SHA1))))
    with pytest.raises(UncheckedError):
        lists.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.MD5))))


def test_a_damaged_list_is_no_answer(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [(KNOWN.digests.sha1, Category.BASELINE)])
    for path, _, _ in list_files(tmp_path):
        path.write_bytes(b"rubbish")
    lists = OwnLists(ListShelf(tmp_path))
    with pytest.raises(SourceUnavailableError) as caught:
        lists.look_up(KNOWN)
    assert caught.value.reason == "list-damaged"
    with pytest.raises(SourceUnavailableError):
        lists.probe()
