"""The threads of a daemon share a few arenas: one each would cost some hundred kB a thread."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

_THREADS = """
import ctypes, sys, threading
from goodhoster.linux.privileges import share_memory_among_threads
libc = ctypes.CDLL(None)
if sys.argv[2] == "shared":
    share_memory_among_threads()
together = threading.Barrier(16)
def allocate():
    together.wait()
    for _ in range(1000):
        libc.malloc(2000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="a C library without arenas")
def test_sixteen_threads_share_two_arenas(tmp_path: Path) -> None:
    def arenas(how: str) -> int:
        subprocess.run([sys.executable, "-c", _THREADS, str(tmp_path / how), how], check=True)
        return (tmp_path / how).read_text().count("<heap nr=")

    assert arenas("shared") <= 2 < arenas("as it comes")
