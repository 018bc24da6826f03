"""A disk that does not answer holds a mover for so long and no longer."""

import os
import signal
import threading
import time
from contextlib import ExitStack

from goodhoster_agent.privileged.mover.server import TimeLimits


def test_an_order_past_its_limit_ends_the_process_and_others_do_not() -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest may have one of its own
        limits, hanging = TimeLimits(), ExitStack()

        def work() -> None:
            for _ in range(20):
                with limits.within(0.05):
                    pass
            hanging.enter_context(limits.within(0.3))
            time.sleep(600)

        threading.Thread(target=work, daemon=True).start()
        limits.watch()
    began = time.monotonic()
    _, how = os.waitpid(child, 0)
    assert os.WIFSIGNALED(how)
    assert os.WTERMSIG(how) == signal.SIGALRM
    assert 0.2 < time.monotonic() - began < 120
