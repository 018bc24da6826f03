"""Several movers and one file."""

import os
import signal
import threading

from goodhoster_agent.privileged.mover.file_locks import FileLocks
from tests.processes import found_in_time, status


def test_a_file_is_one_movers_until_it_is_done_or_dead() -> None:
    locks = FileLocks()
    held, tell = os.pipe()
    holder = os.fork()
    if holder == 0:
        with locks.held(7):
            os.write(tell, b"!")
            signal.pause()
    os.read(held, 1)
    with locks.held(8), locks.held(7 + (1 << 40)):
        pass  # another file is nobody's
    waiter = os.fork()
    if waiter == 0:
        with locks.held(7):
            os._exit(0)
    assert found_in_time(lambda: [waiter] if _waits(waiter) else [])
    os.kill(holder, signal.SIGKILL)
    assert os.waitpid(waiter, 0) == (waiter, 0)
    os.waitpid(holder, 0)
    os.close(held)
    os.close(tell)


def _waits(pid: int) -> bool:
    return status(pid)["State"].startswith("S")


def test_whoever_asks_about_several_files_gets_those_that_are_free() -> None:
    locks = FileLocks()
    with locks.held(7), locks.free_among([6, 7, 8]) as free:
        assert free == {6, 8}
        with locks.free_among([8, 9]) as others:
            assert others == {9}
    with locks.free_among([7]) as free:
        assert free == {7}


def test_a_file_is_one_threads_of_a_mover_too() -> None:
    locks, has_it = FileLocks(), threading.Event()

    def wait() -> None:
        with locks.held(7):
            has_it.set()

    with locks.held(7):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not has_it.wait(0.2)
    assert has_it.wait(60)
    waiter.join()
