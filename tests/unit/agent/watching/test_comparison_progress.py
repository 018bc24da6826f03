"""How far a comparison is: told while it runs, with an estimate only where there is something to reckon from."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.commands.status import _comparison
from goodhoster_agent.watching.comparison_progress import ComparisonProgress
from goodhoster_agent.watching.reconciler import Reconciler, Rhythm
from goodhoster_agent.watching.scanner import ScanFigures, Scanner
from tests.waiting import wait_until


def tops(count: int) -> list[bytes]:
    return [b"customer-%02d" % number for number in range(count)]


def noted(progress: ComparisonProgress, directory: bytes, files: int, queued: int = 0) -> ComparisonProgress:
    progress.note(ScanFigures(files=files, queued=queued, directory=directory))
    return progress


def test_nothing_is_estimated_before_a_directory_is_done() -> None:
    figures = noted(ComparisonProgress(b"/srv", first=True, tops=tops(10)), b"customer-00/www", 500).figures()
    assert (figures.files, figures.directories_done, figures.directories) == (500, 0, 10)
    assert figures.files_expected is None
    assert figures.remaining_s is None


def test_what_is_left_is_reckoned_from_what_is_done() -> None:
    progress = ComparisonProgress(b"/srv", first=True, tops=tops(10), _begun=time.monotonic() - 60)
    figures = noted(progress, b"customer-04/www/deep", 4000, 3900).figures()
    assert (figures.directories_done, figures.files_expected, figures.queued) == (4, 10_000, 3900)
    assert figures.remaining_s is not None
    assert figures.remaining_s >= 90  # six tenths are left, four took a minute
    assert 0 < figures.files_per_s < 67


def test_one_that_is_resumed_goes_round_from_where_it_was() -> None:
    progress = ComparisonProgress(b"/srv", first=False, reached=b"customer-06/www", tops=tops(10))
    assert noted(progress, b"customer-08", 10).figures().directories_done == 2
    assert noted(progress, b"", 11).figures().directories_done == 4
    assert noted(progress, b"customer-05", 20).figures().directories_done == 9
    assert noted(progress, b"customer-06", 21).figures().directories_done == 9, "the rest of the one it began in"


def test_a_directory_that_came_meanwhile_confuses_nothing() -> None:
    progress = ComparisonProgress(b"/srv", first=True, tops=tops(3))
    assert noted(progress, b"zoe", 10).figures().directories_done == 2


def test_a_tree_without_directories_has_no_share() -> None:
    figures = noted(ComparisonProgress(b"/srv", first=True), b"", 10).figures()
    assert (figures.files, figures.directories, figures.remaining_s) == (10, None, None)


@pytest.mark.parametrize(
    ("done", "files", "seconds", "ends"),
    [
        (0, 10, 60, "0 of 10 directories at its top"),
        (5, 1000, 3570, "5 of 10 directories at its top; about 2,000 files in all, 1 h 0 min to go"),
        (9, 1000, 9, "9 of 10 directories at its top; about 1,111 files in all, 1 min to go"),
    ],
)
def test_status_says_it(done: int, files: int, seconds: int, ends: str) -> None:
    progress = ComparisonProgress(b"/srv", first=True, tops=tops(10), _begun=time.monotonic() - seconds)
    line = _comparison(asdict(noted(progress, tops(10)[done], files, 7).figures()))
    assert line.startswith("/srv for the first time since 20")
    assert f": {files:,} files (7 of them queued), " in line
    assert line.endswith(ends)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for top, count in zip(tops(4), (10, 600, 1, 1), strict=True):
        folder = tmp_path / "srv" / top.decode()
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number}.txt").touch()
    return Tree(bytes(tmp_path / "srv"), None)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    with closing(UploadIndex(tmp_path / "index.sqlite")) as index:
        yield index


def reconciler_of(tree: Tree, index: UploadIndex, rate: float) -> Reconciler:
    return Reconciler([tree], Scanner(index, 0.0), Rhythm(every=3600.0, quiet=0.0, rate=rate))


def test_it_is_told_while_it_runs_and_no_longer(tree: Tree, index: UploadIndex) -> None:
    slow = reconciler_of(tree, index, rate=0.001)  # it waits for the next piece for as long as the test takes
    assert slow.figures() == []
    slow.start()
    try:
        assert wait_until(lambda: [each.files for each in slow.figures()] == [610])
        (figures,) = slow.figures()
        assert (figures.first, figures.queued, figures.directories_done, figures.directories) == (True, 610, 1, 4)
    finally:
        slow.stop()
    assert slow.figures() == []


def test_one_that_was_stopped_is_the_first_still_and_a_second_one_is_not(tree: Tree, index: UploadIndex) -> None:
    for rate, expected in [(0.001, (True, 4)), (1e9, None), (0.001, (False, 4))]:
        reconciler = reconciler_of(tree, index, rate)
        reconciler.start()
        try:
            if expected:
                assert wait_until(lambda shown=reconciler: bool(shown.figures()))  # type: ignore[misc]
                (figures,) = reconciler.figures()
                assert (figures.first, figures.directories) == expected
            else:
                assert wait_until(lambda shown=reconciler: shown.compared_since(0.0))  # type: ignore[misc]
        finally:
            reconciler.stop()
