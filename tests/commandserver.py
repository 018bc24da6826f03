"""Commands of `goodhoster`, each in a process of its own that need not load the program first.

Most of what a command costs is loading Python and the program, and a journey asks for the state of its host hundreds
of times. Here one process has loaded both and forks for each command: the same code from `main()` on, with its own
arguments, environment, directory, output and exit code. How a command starts from nothing is for the tests that say
so (`GOODHOSTER` in journeys/host.py).
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from goodhoster_agent.entry import main

_LONGEST = 1 << 17
"""Bytes of a message: arguments and environment."""
_PACKAGES = ("goodhoster_agent.commands", "goodhoster_agent.status", "goodhoster_agent.doctor", "goodhoster.assembly")
_OFTEN = ("goodhoster_agent.hashing.sandboxed_services", "goodhoster.adapters.stores.cases", "aiohttp")


def goodhoster(
    *words: str, environment: Mapping[str, str] | None = None, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """What `goodhoster WORDS…` printed, and its exit code; TimeoutExpired when it does not end."""
    env = dict(os.environ if environment is None else environment)
    if _heeded_by_python(env) != _AS_LOADED:
        command = [sys.executable, "-m", "goodhoster_agent", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    streams = [os.memfd_create(name) for name in ("stdout", "stderr")]
    try:
        code = _run({"words": words, "environment": env, "directory": os.getcwd()}, streams, timeout)
        return subprocess.CompletedProcess(words, code, *map(_written, streams))
    finally:
        for stream in streams:
            os.close(stream)


def _heeded_by_python(environment: Mapping[str, str]) -> dict[str, str]:
    """What the interpreter reads when it starts, and a forked process would not."""
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG"))}


_AS_LOADED = _heeded_by_python(os.environ)


def _run(order: Mapping[str, object], streams: list[int], timeout: float) -> int:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            socket.send_fds(_server(os.getpid()), [json.dumps(order).encode()], [theirs.fileno(), *streams])
        ours.settimeout(timeout)
        command = int(ours.recv(_LONGEST))
        try:
            return int(ours.recv(_LONGEST))
        except TimeoutError:
            os.kill(command, signal.SIGKILL)
            raise subprocess.TimeoutExpired(str(order["words"]), timeout) from None


def _written(stream: int) -> str:
    with open(stream, encoding="utf-8", closefd=False) as file:
        file.seek(0)
        return file.read()


@functools.cache
def _server(_of: int) -> socket.socket:
    """The channel to this process's own server, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.commandserver", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[1])
    atexit.register(process.wait)
    atexit.register(ours.close)  # runs first: the server ends when nobody can ask any more
    return ours


def serve(channel: socket.socket) -> None:
    """Fork a process for each order, until nobody can give one any more."""
    _load()
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        message, files, _, _ = socket.recv_fds(channel, _LONGEST, 3)
        if not message:
            return
        if os.fork() == 0:
            channel.close()
            _carry_out(json.loads(message), *files)
        for file in files:
            os.close(file)


def _reap(_number: int, _frame: object) -> None:
    """Wait for those that ended, so that what they cost is counted as this process's children."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load() -> None:
    for name in _PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            importlib.import_module(found.name)
    for name in _OFTEN:
        importlib.import_module(name)
    gc.freeze()


def _carry_out(order: dict[str, object], reply: int, out: int, error: int) -> NoReturn:
    """Fork the command, and say its process id and its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command == 0:
        os.close(reply)
        _become(order, out, error)
    with socket.socket(fileno=reply) as channel:
        channel.send(str(command).encode())
        code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        channel.send(str(code).encode())
    os._exit(0)


def _become(order: dict[str, object], out: int, error: int) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(error, 2)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    time.tzset()
    os.chdir(str(order["directory"]))
    sys.modules["__main__"].__package__ = None  # else usage lines would name this module
    sys.argv = ["goodhoster", *order["words"]]  # type: ignore[misc]
    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(0)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as its_channel:
        serve(its_channel)
