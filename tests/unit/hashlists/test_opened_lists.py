"""A running process sees an import within a second or so, and never answers with less than all lists."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.importing import import_entries, remove_lists
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

ONE, TWO = (b"1" * 20, Category.OTHER), (b"2" * 20, Category.OTHER)


def sizes(lists_here: OpenedLists) -> dict[str, int]:
    return {opened.source: len(opened) for opened in lists_here.lists()}


def seen_soon(lists_here: OpenedLists, expected: dict[str, int]) -> bool:
    end = time.monotonic() + 60
    while sizes(lists_here) != expected and time.monotonic() < end:
        time.sleep(0.05)
    return sizes(lists_here) == expected


def test_imports_and_removals_are_seen_without_being_told(tmp_path: Path) -> None:
    lists_here = OpenedLists(tmp_path)
    assert sizes(lists_here) == {}
    import_entries(tmp_path, "police", [ONE])
    import_entries(tmp_path, "hotline", [ONE])
    assert seen_soon(lists_here, {"hotline": 1, "police": 1})
    import_entries(tmp_path, "police", [TWO])
    assert seen_soon(lists_here, {"hotline": 1, "police": 2})
    remove_lists(tmp_path, "hotline")
    assert seen_soon(lists_here, {"police": 2})


def test_a_list_that_did_not_change_is_not_opened_again(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [ONE])
    lists_here = OpenedLists(tmp_path)
    (before,) = lists_here.lists()
    import_entries(tmp_path, "hotline", [ONE])
    assert seen_soon(lists_here, {"hotline": 1, "police": 1})
    assert before in lists_here.lists()


def test_while_one_list_is_damaged_there_is_no_answer_at_all(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [ONE])
    import_entries(tmp_path, "hotline", [ONE])
    list_path(tmp_path, "police", Algorithm.SHA1).write_bytes(b"rubbish")
    lists_here = OpenedLists(tmp_path)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="police"):
            lists_here.lists()
    import_entries(tmp_path, "police", [TWO], replace=True)
    assert sizes(lists_here) == {"hotline": 1, "police": 1}


def test_threads_that_ask_while_lists_are_replaced_get_whole_answers(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [ONE, TWO])
    lists_here = OpenedLists(tmp_path)

    def ask(_: int) -> bool:
        lists_here._look_at = 0.0  # look each time, not once a second
        return all(opened.find(ONE[0]) is Category.OTHER for opened in lists_here.lists()) and bool(lists_here.lists())

    with ThreadPoolExecutor(4) as threads:
        asked = threads.map(ask, range(400))
        for _ in range(10):
            import_entries(tmp_path, "police", [ONE], replace=True)
        assert all(asked)
