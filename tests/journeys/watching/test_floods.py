"""One customer's flood of hints holds up no other's upload, and loses none of its own."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster_agent.watching.events import Gap, Hint
from goodhoster_agent.watching.scan_only import ScanOnlySource
from tests.journeys.watching.world import World, first_comparison, sha256_of_file
from tests.waiting import wait_until

RENAMES = 60_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, "told")
    yield world
    world.stop()


class ToldSource(ScanOnlySource):
    """A source that tells what the test tells it, and misses nothing else."""

    def problems(self) -> list[str]:
        return []


def test_a_flood_of_renames_holds_up_no_other_and_is_compared(world: World) -> None:
    with world.running_on(ToldSource("told")):
        first_comparison(world)
        begun = time.process_time()
        for number in range(RENAMES):
            world.watcher._listen(Hint(world.path(b"evil/fl"), b"f%d" % number))
        missed = world.write(b"evil/fl/last.jpg")
        world.watcher._listen(Hint(*os.path.split(missed)))
        told = time.process_time()
        other = world.write(b"anna/www/a.jpg")
        world.watcher._listen(Hint(*os.path.split(other)))
        assert wait_until(lambda: sha256_of_file(other) in world.asked())
        # All of it is this process's work: what others take of the machine does not count.
        assert time.process_time() - told < 2.0 + (told - begun)
        assert any("came faster than they could be taken" in problem for problem in world.watcher.problems())
        assert wait_until(lambda: sha256_of_file(missed) in world.asked())
        assert wait_until(lambda: not world.watcher.problems())
        assert world.watcher.gaps == 1


def test_a_gap_of_one_directory_compares_nothing_else(world: World) -> None:
    with world.running_on(ToldSource("told")):
        first_comparison(world)
        missed, unseen = world.write(b"evil/fl/a.jpg"), world.write(b"anna/b.jpg")
        world.watcher._listen(Gap("dropped", world.path(b"evil/fl")))
        assert wait_until(lambda: sha256_of_file(missed) in world.asked())
        assert sha256_of_file(unseen) not in world.asked()
