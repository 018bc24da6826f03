"""What a confined process can still do: tried from inside, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

TRIALS = {
    "open a file": "os.open('/etc/passwd', os.O_RDONLY)",
    "make a file": "os.open('/tmp/goodhoster-sandbox', os.O_WRONLY | os.O_CREAT)",
    "list a directory": "os.listdir('/')",
    "stat a path": "os.stat('/etc/passwd')",
    "remove a file": "os.unlink('/tmp/goodhoster-sandbox-none')",
    "make a socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "make a Unix socket": "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
    "fork": "os.fork()",
    "run a program": "os.execv('/bin/true', ['/bin/true'])",
    "signal another": "os.kill(os.getppid(), 0)",
    "trace another": "ctypes_call(101, 16, os.getppid(), 0, 0)",
    "memory that runs": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "write the given file": "os.write(given, b'x')",
    "become root": "os.setuid(0)",
}
ALLOWED = {
    "start a thread": "thread()",
    "read the given file": "os.pread(given, 5, 0)",
    "take memory": "bytearray(1 << 24)",
    "tell the time": "time.time()",
}
INSIDE = """
import ctypes, json, mmap, os, socket, sys, threading, time
from goodhoster.linux.sandbox import enter_sandbox
libc = ctypes.CDLL(None, use_errno=True)
def ctypes_call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
def thread():
    one = threading.Thread(target=lambda: None); one.start(); one.join()
given = os.open("/etc/hostname", os.O_RDONLY)
trials = {name: compile(code, name, "eval") for name, code in json.loads(sys.argv[1]).items()}
missing = enter_sandbox(1 << 28)
said = {"missing": missing}
for name, code in trials.items():
    try:
        eval(code)
        said[name] = "done"
    except Exception as error:
        said[name] = type(error).__name__
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said() -> Mapping[str, object]:
    """What came of each trial."""
    arguments = [sys.executable, "-c", INSIDE, json.dumps(TRIALS | ALLOWED)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    answer: Mapping[str, object] = json.loads(ended.stdout)
    return answer


@pytest.mark.parametrize("name", TRIALS)
def test_it_cannot(name: str, said: Mapping[str, object]) -> None:
    assert said["missing"] == []
    assert said[name] in {"PermissionError", "OSError"}
    assert not os.path.exists("/tmp/goodhoster-sandbox")


@pytest.mark.parametrize("name", ALLOWED)
def test_it_can(name: str, said: Mapping[str, object]) -> None:
    assert said[name] == "done"
