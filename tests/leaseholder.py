"""Write leases as customers take them: by a program that takes each again whenever it must give it up, and one."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import contextlib, fcntl, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
files = [os.open(path, os.O_RDWR) for path in sys.argv[1:]]
for file in files:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
while True:
    signal.sigtimedwait({signal.SIGIO}, 0.001)
    for file in files:
        if fcntl.fcntl(file, fcntl.F_GETLEASE) != fcntl.F_WRLCK:
            for kind in (fcntl.F_UNLCK, fcntl.F_WRLCK):
                with contextlib.suppress(OSError):
                    fcntl.fcntl(file, fcntl.F_SETLEASE, kind)
"""


@contextmanager
def leases_on(*paths: Path) -> Iterator[None]:
    """Write leases on all of these, for as long as the block runs."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, *paths], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "leased\n"
            yield
        finally:
            holder.kill()


@contextmanager
def lease_on(path: Path) -> Iterator[Callable[[], object]]:
    """A write lease that stands until the function is called that this gives."""
    told = signal.signal(signal.SIGIO, signal.SIG_IGN)
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        os.close(file)
        signal.signal(signal.SIGIO, told)
