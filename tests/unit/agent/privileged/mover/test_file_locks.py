"""Several movers and one file."""

import os
import signal

from goodhoster_agent.privileged.mover.file_locks import FileLocks
from tests.processes import eventually, status


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
    assert eventually(lambda: [waiter] if _waits(waiter) else [])
    os.kill(holder, signal.SIGKILL)
    assert os.waitpid(waiter, 0) == (waiter, 0)
    os.waitpid(holder, 0)
    os.close(held)
    os.close(tell)


def _waits(pid: int) -> bool:
    return status(pid)["State"].startswith("S")
