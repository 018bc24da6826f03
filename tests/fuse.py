"""A file system of our own over /dev/fuse, which hangs when it is told to: `python fuse.py POINT`; root only.

It holds one directory with a few files, `0.jpg` and so on. A line `hang` on its standard input makes it take no
request any more, as a program that was stopped, and `swallow` take them and answer none, as one whose server is gone:
Linux lets nobody go who waits for such an answer, not even one that is killed. With `answer` all that waits is
answered, and everything since; whoever ends it ends the file system.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
import sys

_FILES = 3
_ROOT = 1
_HEADER = struct.Struct("=IIQQIIII")  # len, opcode, unique, nodeid, uid, gid, pid, padding
_ANSWER = struct.Struct("=IiQ")  # len, error, unique
_ATTRIBUTES = struct.Struct("=QQQQQQIIIIIIIIII")
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _RELEASE, _INIT = 1, 2, 3, 14, 15, 17, 18, 26
_OPENDIR, _READDIR, _RELEASEDIR, _INTERRUPT, _BATCH_FORGET = 27, 28, 29, 36, 42


def content(number: int) -> bytes:
    """Of the file with that number."""
    return b"content of %d over FUSE" % number


def _attributes(node: int) -> bytes:
    directory = node == _ROOT
    size = 0 if directory else len(content(node - 2))
    mode, links = (0o40755, 2) if directory else (0o100644, 1)
    return _ATTRIBUTES.pack(node, size, 1, 1, 1, 1, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def _entry(node: int) -> bytes:
    return struct.pack("=QQQQII", node, 0, 0, 0, 0, 0) + _attributes(node)


def _listing(offset: int) -> bytes:
    listing = b""
    for number in range(offset, _FILES):
        name = b"%d.jpg" % number
        entry = struct.pack("=QQII", number + 2, number + 1, len(name), 8) + name
        listing += entry.ljust((len(entry) + 7) & ~7, b"\0")
    return listing


def _answer(opcode: int, node: int, body: bytes) -> bytes | int:  # noqa: PLR0911 - one for each kind of request
    """What is answered; a number for an error."""
    if opcode == _INIT:
        return struct.pack("=IIIIHHIIHHI", 7, 31, 0, 0, 0, 0, 1 << 16, 1, 0, 0, 0).ljust(64, b"\0")
    if opcode == _GETATTR:
        return struct.pack("=QII", 0, 0, 0) + _attributes(node)
    if opcode == _LOOKUP:
        name = body.rstrip(b"\0")
        names = {b"%d.jpg" % number: number + 2 for number in range(_FILES)}
        return _entry(names[name]) if name in names else errno.ENOENT
    if opcode in {_OPEN, _OPENDIR}:
        return struct.pack("=QII", 0, 1, 0)  # not from the cache
    if opcode in {_READ, _READDIR}:
        _, offset, size = struct.unpack_from("=QQI", body)
        return _listing(offset) if opcode == _READDIR else content(node - 2)[offset : offset + size]
    if opcode == _STATFS:
        return struct.pack("=QQQQQIIII", 1, 0, 0, _FILES, 0, 4096, 255, 4096, 0).ljust(80, b"\0")
    return b"" if opcode in {_RELEASE, _RELEASEDIR} else errno.ENOSYS


def _mount(point: str) -> int:
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"made-up", os.fsencode(point), b"fuse.madeup", 0, options) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), point)
    return device


def serve(point: str) -> None:
    """Until the standard input ends."""
    device, mood, waiting = _mount(point), "answer", []
    print("mounted", flush=True)  # noqa: T201 - whoever started us waits for it
    while True:
        ready, _, _ = select.select([sys.stdin] if mood == "hang" else [device, sys.stdin], [], [])
        if sys.stdin in ready:
            mood = sys.stdin.readline().strip()
            if not mood:
                return
            print(mood, flush=True)  # noqa: T201
        elif device in ready:
            waiting.append(os.read(device, 1 << 18))
        while waiting and mood == "answer":
            request = waiting.pop(0)
            _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
            if opcode not in {_FORGET, _BATCH_FORGET, _INTERRUPT}:
                answer = _answer(opcode, node, request[_HEADER.size :])
                error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
                os.write(device, _ANSWER.pack(_ANSWER.size + len(body), error, unique) + body)


if __name__ == "__main__":
    serve(sys.argv[1])
