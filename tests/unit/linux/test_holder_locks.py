import subprocess
import sys
from pathlib import Path

from goodhoster.linux.holder_locks import HolderLocks


def test_a_number_is_held_until_it_is_given_back(tmp_path: Path) -> None:
    locks, others = HolderLocks(tmp_path / "holders"), HolderLocks(tmp_path / "holders")
    one, two = locks.take(), locks.take()
    assert locks.is_held(one)
    assert others.is_held(one)
    locks.give_back(one)
    assert not others.is_held(one)
    assert not locks.is_held(one)
    assert others.is_held(two)


def test_another_that_ends_takes_nothing_with_it(tmp_path: Path) -> None:
    """Ordinary locks (fcntl(2)) would all go when any descriptor of the file is closed."""
    locks, other, third = (HolderLocks(tmp_path / "holders") for _ in range(3))
    number = locks.take()
    assert other.is_held(number)
    del other
    assert third.is_held(number)


def test_a_killed_process_holds_nothing_any_more(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from goodhoster.linux.holder_locks import HolderLocks
locks = HolderLocks(Path(sys.argv[1]))
print(locks.take(), flush=True)
time.sleep(60)
"""
    locks = HolderLocks(tmp_path / "holders")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "holders")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        number = int(process.stdout.readline())
    assert locks.is_held(number)
    process.kill()
    process.wait()
    assert not locks.is_held(number)
