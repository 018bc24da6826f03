"""How tests wait: for an effect, however slow and busy the machine is."""

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds in which even a machine that is slow and busy has done what usually takes one or two."""


def wait_until(happened: Callable[[], object], patience: float = PATIENCE) -> bool:
    """False when it did not happen in time.

    Looking takes a command's time, and that from what is waited for: at most a third of the wait is spent on it.
    """
    end = time.monotonic() + patience
    began = time.monotonic()
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(min(0.25, max(0.02, 2 * (time.monotonic() - began))))
        began = time.monotonic()
    return True
