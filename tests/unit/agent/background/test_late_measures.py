"""Where events are missing: what changed is looked for far more often than everything is."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.reconciler import Reconciler, Rhythm
from goodhoster_agent.watching.scanner import Scanner
from tests.waiting import wait_until

FILES = 100


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    index = UploadIndex(tmp_path / "index.sqlite")
    yield index
    index.close()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for number in range(FILES):
        file = tmp_path / "customers" / "anna" / f"{number}" / "a.jpg"
        file.parent.mkdir(parents=True)
        file.touch()
    time.sleep(0.05)
    return Tree(os.fsencode(tmp_path / "customers"), None)


def waiting(index: UploadIndex, tree: Tree) -> int:
    return index.untried_below(tree.root)


def test_only_where_a_name_came_or_went_files_are_looked_at(index: UploadIndex, tree: Tree) -> None:
    scanner = Scanner(index, quiet=0.0)
    for _ in scanner.reconcile(tree):
        pass
    began = time.time() - 0.02
    anna = Path(os.fsdecode(tree.root)) / "anna"
    (anna / "7" / "new.jpg").touch()
    (anna / "8" / "a.jpg").unlink()
    (anna / "9" / "a.jpg").rename(anna / "9" / "b.jpg")
    (anna / "new" / "deep").mkdir(parents=True)
    (anna / "new" / "deep" / "er.jpg").touch()
    os.utime(anna / "10", (0, 0))
    (anna / "11" / "a.jpg").write_text("rewritten in its place: its directory does not tell")
    *_, figures = scanner.catch_up(tree, began)
    assert (figures.files, figures.queued) == (5, 3), "7 has two; 9, 10 and deep have one each"
    assert waiting(index, tree) == FILES + 1
    *_, figures = scanner.reconcile(tree)
    assert figures.queued == 0, "what waits is checked as it is by then"


@pytest.mark.slow
def test_a_fresh_file_is_found_long_before_everything_is_compared_again(
    index: UploadIndex, tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rhythm = Rhythm(every=3600, quiet=0.0, rate=FILES / 2, pause=0.1)  # all takes two seconds, and comes every twenty
    reconciler = Reconciler([tree], Scanner(index, rhythm.quiet), rhythm)
    reconciler.events_are_missing = lambda: True
    reconciler.start()
    try:
        assert wait_until(lambda: whole_looks(caplog) == 1)
        (Path(os.fsdecode(tree.root)) / "anna" / "7" / "new.jpg").touch()
        assert wait_until(lambda: waiting(index, tree) == FILES + 1)
        assert whole_looks(caplog) == 1
        reconciler.again()
        assert wait_until(lambda: whole_looks(caplog) == 2), "after a gap everything is due"
    finally:
        reconciler.stop()


def whole_looks(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.getMessage().startswith("compared ") for record in caplog.records)
